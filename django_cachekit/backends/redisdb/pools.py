"""Pools of connections that wait for a free one, for both faces.

The blocking pool is django-redis's; the awaited one is made after it, so that whatever was
configured for the one holds for the other.
"""

import time
from functools import cache
from inspect import signature
from typing import Any

from redis import asyncio as aio
from redis import sentinel
from redis.asyncio import sentinel as aio_sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import TimeoutError

CARRIED = {
    "client_name", "credential_provider", "db", "driver_info", "encoding", "encoding_errors",
    "health_check_interval", "host", "lib_name", "lib_version", "maint_notifications_config",
    "password", "path", "port", "protocol", "socket_connect_timeout", "socket_keepalive",
    "socket_keepalive_options", "socket_read_size", "socket_timeout", "socket_type", "username",
}  # fmt: skip
"""What the connections of both faces take; and all that begins with ``ssl_``."""


class WaitingSentinelPool(sentinel.SentinelConnectionPool, BlockingConnectionPool):
    """Be a pool of connections to whichever server the sentinels call master."""

    def __init__(self, service_name: str, sentinel_manager: Any, **kwargs: Any) -> None:
        if kwargs.get("connection_class") is SSLConnection:  # of a rediss:// URL
            kwargs["connection_class"] = sentinel.SentinelManagedSSLConnection
        made: Any = super()
        made.__init__(service_name, sentinel_manager, **kwargs)

    def disconnect(self, inuse_connections: bool = True) -> None:
        """Close the connections; all of them, where redis-py is too old to spare those in use."""
        made: Any = super()
        if "inuse_connections" in signature(BlockingConnectionPool.disconnect).parameters:
            made.disconnect(inuse_connections)
        else:
            made.disconnect()


class AwaitedSentinelPool(aio_sentinel.SentinelConnectionPool, aio.BlockingConnectionPool):
    """Be the same for the awaited face."""


class Paced:
    """Be a socket on which an answer has to be complete in time, however it drips."""

    def __init__(self, wire: Any, seconds: float) -> None:
        self._wire = wire
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._polls = False
        self.fileno = wire.fileno
        self.shutdown = wire.shutdown
        self.close = wire.close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def settimeout(self, seconds: float | None) -> None:
        """Set how long one read may take; 0 asks whether there is anything to read."""
        self._polls = seconds == 0
        self._wire.settimeout(seconds)

    def sendall(self, data: Any) -> None:
        """Send a request; from now on time runs."""
        self._end = time.monotonic() + self._seconds
        self._wire.sendall(data)

    def recv(self, size: int, *flags: int) -> Any:
        """Return some bytes of the answer; with flags it is only a look whether there are any."""
        if not flags:
            self._check()
        return self._wire.recv(size, *flags)

    def recv_into(self, *args: Any) -> Any:
        """Put some bytes of the answer where they are wanted."""
        self._check()
        return self._wire.recv_into(*args)

    def _check(self) -> None:
        if not self._polls and time.monotonic() > self._end:
            raise TimeoutError("the answer was not complete in time")


class Pacing:
    """Be a kind of connection whose sockets are paced."""

    socket_timeout: float | None

    def _connect(self) -> Any:
        made: Any = super()
        wire = made._connect()
        return wire if self.socket_timeout is None else Paced(wire, self.socket_timeout)


@cache
def paced(kind: type) -> type:
    """Return that kind of connection, paced; one that is stays so, as threads that meet may ask."""
    if issubclass(kind, Pacing):
        return kind
    return type(f"Paced{kind.__name__}", (Pacing, kind), {})


def awaited(pool: Any) -> Any:
    """Return a pool of the awaited face that is configured as a blocking one is."""
    given = pool.connection_kwargs
    kwargs = {name: given[name] for name in given if name in CARRIED or name.startswith("ssl_")}
    kwargs["retry"] = AsyncRetry(NoBackoff(), 0)
    kwargs["max_connections"] = pool.max_connections
    kwargs["timeout"] = getattr(pool, "timeout", None)
    secure = issubclass(pool.connection_class, SSLConnection)
    if isinstance(pool, sentinel.SentinelConnectionPool):
        watchers = _watchers(pool.sentinel_manager)
        plain, tls = aio_sentinel.SentinelManagedConnection, _sharing(_SENTINEL_TLS)
        kwargs["connection_class"] = tls if secure else plain
        kind: Any = AwaitedSentinelPool
        return kind(pool.service_name, watchers, is_master=True, **kwargs)
    kinds = {SSLConnection: _sharing(), UnixDomainSocketConnection: _UNIX}
    found = (twin for kind, twin in kinds.items() if issubclass(pool.connection_class, kind))
    kwargs["connection_class"] = next(found, aio.Connection)
    return aio.BlockingConnectionPool(**kwargs)


_UNIX = aio.UnixDomainSocketConnection
_SENTINEL_TLS = aio_sentinel.SentinelManagedSSLConnection


def _sharing(kind: Any = aio.SSLConnection) -> type:
    """Return a class of connections, for one pool, that read the certificates once for all.

    Each would read them for itself, in the loop, and a pool of them would not be ready in time.
    """

    class Sharing(kind):  # type: ignore[misc]  # one of redis-py's, without types
        context: Any = None

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            made: Any = self
            made.ssl_context = Sharing.context = Sharing.context or made.ssl_context

    return Sharing


def _watchers(manager: Any) -> Any:
    """Return what asks the same sentinels in the awaited face."""
    retry = AsyncRetry(NoBackoff(), 0)
    asked = [client.connection_pool.connection_kwargs for client in manager.sentinels]
    common = asked[0] if asked else {}
    kept = {name: common[name] for name in common if name in CARRIED - {"host", "port"}}
    kind: Any = aio_sentinel.Sentinel
    return kind(
        [(one["host"], one["port"]) for one in asked],
        min_other_sentinels=manager.min_other_sentinels,
        sentinel_kwargs={**kept, "retry": retry},
    )


async def close(pool: Any) -> None:
    """Close an awaited pool, and what asks sentinels for it."""
    await pool.aclose()
    for watcher in getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()):
        await watcher.aclose()
