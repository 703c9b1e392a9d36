"""The connections of one alias: those of this process, and those of each event loop in it."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.utils.module_loading import import_string
from django_redis.pool import ConnectionFactory
from redis import RedisCluster

from ...core.faces import Face, PerLoop
from ...errors import Misconfigured
from .options import SECONDS, for_django_redis, problems, servers
from .pools import awaited, close, paced
from .words import Node

Pools = dict[Node, Any]


class Place:
    """Know where a Redis is, and keep the connections to it.

    ``client`` is django-redis's client, for those who want to speak to Redis themselves; ``cache``
    tells it how keys are made.
    """

    def __init__(self, alias: str, cache: Any, location: Any, params: Mapping[str, Any]) -> None:
        options = params.get("OPTIONS") or {}
        wrong = [f"{text} {hint}" for text, hint in problems(location, options)]
        if wrong:
            raise Misconfigured(f"CACHES[{alias!r}]: {' '.join(wrong)}")
        self.alias = alias
        self.cache = cache
        self.cluster = bool(options.get("CLUSTER"))
        self.servers = servers(location)
        self.options = for_django_redis(options)
        self._params = {**params, "OPTIONS": self.options}
        self._pools: Pools = {}
        self._loops: PerLoop[Pools] = PerLoop(dict, _close_all)

    @cached_property
    def client(self) -> Any:
        """Return django-redis's client; of a cluster, one whose ``get_client`` is redis-py's."""
        if self.cluster:
            return ClusterClient(self)
        path = self.options.get("CLIENT_CLASS", "django_redis.client.DefaultClient")
        made = import_string(path)(self.servers, self._params, self.cache)
        made.connection_factory.get_or_create_connection_pool = _Kept(made.connection_factory)
        return made

    @cached_property
    def seeds(self) -> list[Node]:
        """Return the servers of a cluster that LOCATION names."""
        parts = map(urlsplit, self.servers)
        return [(part.hostname or "localhost", part.port or 6379) for part in parts]

    @cached_property
    def seconds(self) -> float | None:
        """Return how long the answer to one request may take; None for ever."""
        pool = self.pool(self.seeds[0] if self.cluster else None)
        seconds: float | None = pool.connection_kwargs.get("socket_timeout", SECONDS)
        return seconds

    @cached_property
    def connections(self) -> int:
        """Return how many connections to one server a pool may have."""
        most: int = self.pool(self.seeds[0] if self.cluster else None).max_connections
        return most

    async def pools(self, face: Face) -> Pools:
        """Return the pools of a face, by server, as far as there are any."""
        return await self._loops.get() if face.awaiting else self._pools

    def pool_of(self, face: Face, pools: Pools, node: Node) -> Any:
        """Return the pool of connections to one server."""
        found = pools.get(node)
        if found is None:
            made = self.pool(node)
            found = pools.setdefault(node, awaited(made) if face.awaiting else made)
        return found

    def pool(self, node: Node) -> Any:
        """Return the blocking pool, after which an awaited one is made too."""
        found = self._pools.get(node)
        if found is None:
            found = self._pools.setdefault(node, self._made(node))
        return found

    def pool_of_node(self, node: Node) -> Any:
        """Return a pool of connections to one server of a cluster, where the first URL says how."""
        factory: Any = ConnectionFactory(self.options)
        pool = factory.get_connection_pool(factory.make_connection_params(self.servers[0]))
        if node is not None:
            pool.connection_kwargs.update(host=node[0], port=node[1])
        return pool

    def _made(self, node: Node) -> Any:
        if self.cluster:
            pool = self.pool_of_node(node)
        else:
            pool = self.client.get_client(write=True).connection_pool
        pool.connection_kwargs["decode_responses"] = False  # whatever a URL says
        pool.connection_class = paced(pool.connection_class)
        return pool


class _Kept:
    """Keep a factory's pools for this alias alone.

    django-redis shares them by URL: a second alias would have the timeouts of the first.
    """

    def __init__(self, factory: Any) -> None:
        self.factory = factory
        self.pools: dict[str, Any] = {}

    def __call__(self, params: Mapping[str, Any]) -> Any:
        url = params["url"]
        if url not in self.pools:
            self.pools[url] = self.factory.get_connection_pool(params)
        return self.pools[url]


class ClusterClient:
    """Give redis-py's own client of the cluster, as django-redis's clients give theirs."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def get_client(self, write: bool = True) -> "RedisCluster":
        """Return the client, made at its first use."""
        return self._client

    @cached_property
    def _client(self) -> "RedisCluster":
        given = dict(self.place.pool_of_node(None).connection_kwargs)
        for name in ("host", "port", "db", "parser_class", "maint_notifications_config"):
            given.pop(name, None)
        return RedisCluster.from_url(self.place.servers[0], **given)


async def _close_all(pools: Pools) -> None:
    for pool in list(pools.values()):
        await close(pool)
