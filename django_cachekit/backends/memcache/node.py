"""One memcached server: its connections, and whether it is worth asking now."""

import contextlib
import random
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from pymemcache.exceptions import MemcacheError, MemcacheUnexpectedCloseError
from pymemcache.pool import ObjectPool

from ...core import clock
from ...core.faces import after_fork
from ...errors import Misconfigured
from .wire import Reply, Wire

T = TypeVar("T")

OLDEST = (1, 6, 10)
"""The first memcached with the meta commands as they are now."""


class NotConnected(ConnectionError):
    """Say that nothing was sent: there is no connection."""


class NodeDown(NotConnected):
    """Say that the server did not answer a moment ago, and is not asked again yet."""


class PoolExhausted(NotConnected):
    """Say that all connections that ``max_pool_size`` allows are in use."""


class Health:
    """Know whether a server answers, and let one caller at a time see if one that did not is back.

    While it is down a call fails at once; about every ``pause`` seconds (between three quarters and
    five quarters of it, so that processes do not come all at once) one call is let through.
    """

    def __init__(self, pause: float) -> None:
        self.pause = pause
        self.until = 0.0
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Let the call go on, or raise ``NodeDown``."""
        if not self.until:
            return
        with self._lock:
            if self.until and clock.monotonic() < self.until:
                raise NodeDown
            # This one tries, and until it knows the others need not wait for it.
            self.until = self._later()

    def failed(self) -> None:
        """Note that it did not answer."""
        self.until = self._later()

    def well(self) -> None:
        """Note that it answered."""
        if self.until:
            self.until = 0.0

    def _later(self) -> float:
        return clock.monotonic() + self.pause * random.uniform(0.75, 1.25)  # noqa: S311 - a pause


class Node:
    """Ask one server, by connections that are kept; remade in every child a process forks.

    ``losses`` counts the connections that ended: the server may be another one since.
    """

    def __init__(
        self,
        name: str,
        server: Any,
        client: Mapping[str, Any],
        pool: Mapping[str, Any],
        pause: float,
        largest: int | None = None,
    ) -> None:
        self.name = name
        self.largest = largest
        self.health = Health(pause)
        self._make = partial(Wire, server, **client)
        self._bounds = dict(pool)
        self._met = False
        self._generation = 0
        self.losses = 0
        self._ahead = -1, 0.0
        self._pool = self._empty()
        _nodes.add(self)

    def ask(self, commands: Sequence[bytes], count: int) -> list[Reply]:
        """Send the commands in one packet and return a reply to each.

        An error is a ``NotConnected`` where nothing has left this process; the server may have
        acted on any other, but for what it refused.
        """
        return self.talk(lambda wire: wire.exchange(commands, count))

    def talk(self, work: Callable[[Wire], T]) -> T:
        """Return what ``work`` makes of one connection: one server, however often it is asked."""
        self.health.admit()
        wire = self._taken()
        used = wire.used
        try:
            if not used:
                self._connected(wire)
            result = work(wire)
        except BaseException as error:
            self._pool.destroy(wire)
            self.losses += 1
            self._judge(error, used)
            raise
        self._pool.release(wire)
        self.health.well()
        return result

    def milliseconds(self) -> int:
        """Return the time by the server's clock, which is asked once as long as it stays the same.

        By this process's where the server does not tell.
        """
        losses, ahead = self._ahead
        if losses != self.losses:
            told = self.talk(Wire.clock)
            ahead = (told or clock.now()) - clock.monotonic()
            self._ahead = self.losses, ahead
        return int((clock.monotonic() + ahead) * 1000)

    def reset(self) -> None:
        """Leave every connection to the process this one was forked from, and begin anew."""
        self._end.detach()
        for wire in (*self._pool.used, *self._pool.free):
            wire.close()
        self.health = Health(self.health.pause)
        self._pool = self._empty()

    def _empty(self) -> Any:
        pool = ObjectPool(self._make, after_remove=Wire.close, **self._bounds)
        self._end = weakref.finalize(self, pool.clear)
        return pool

    def _taken(self) -> Wire:
        """Return a wire that nobody uses; those that ended or were lost meanwhile are dropped."""
        while True:
            try:
                wire: Wire = self._pool.get()
            except RuntimeError as error:
                raise PoolExhausted from error
            if wire.used and (wire.generation != self._generation or not wire.quiet()):
                self._pool.destroy(wire)
                self.losses += 1
                continue
            wire.generation = self._generation
            return wire

    def _connected(self, wire: Wire) -> None:
        try:
            wire.connect()
            if not self._met:
                self._meet(wire)
        except (OSError, MemcacheError) as error:
            # What TLS says may name the server.
            told = None if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
            told = told or type(error).__name__
            raise NotConnected(getattr(error, "errno", None) or 0, told) from error

    def _meet(self, wire: Wire) -> None:
        """Ask once per process which version it is, and how large an item may be."""
        version, settings = wire.settings()
        if version < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            raise Misconfigured(
                f"a memcached in LOCATION is {'.'.join(map(str, version))}; "
                f"{wanted} or later is needed."
            )
        if self.largest is None:
            with contextlib.suppress(KeyError, ValueError):  # a service may not tell
                self.largest = int(settings[b"item_size_max"])
        self._met = True

    def _judge(self, error: BaseException, used: bool) -> None:
        """Take the server for down, unless it may have been just this connection."""
        lost = isinstance(error, (ConnectionError, MemcacheUnexpectedCloseError))
        if lost and used and not isinstance(error, NotConnected):
            return
        if lost or isinstance(error, OSError):
            self._generation += 1
            self.health.failed()


_nodes: "weakref.WeakSet[Node]" = weakref.WeakSet()


def _forked() -> None:
    for node in list(_nodes):
        node.reset()


after_fork(_forked)
