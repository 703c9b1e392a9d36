"""Counting what a store is asked: on the wire where there is one, and by what the server saw."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from pymemcache import Client as Memcached
from redis import Redis

from tests.backends.dynamodb.rewriting import Endpoint
from tests.faultproxy import FaultProxy
from tests.placing import make_tables, placed
from tests.stores import BY_NAME, Row

SERVERS = ["redis", "redis-sealed", "memcached", "memcached-sealed", "postgresql", "mariadb"]
SERVERS += ["database", "dynamodb"]
CLUSTER = "redis-cluster"


@dataclass
class Asked:
    """Say how often a store was gone to, and what it was told by how many commands."""

    trips: int
    commands: dict[str, int]


Work = Callable[[], Any]


@dataclass
class Counting:
    """Count what a piece of work asks of the store; ``proxy`` is what it passes by, if any."""

    count: Callable[[Work], Asked]
    proxy: FaultProxy | None = None

    def __call__(self, work: Work) -> Asked:
        return self.count(work)


@contextmanager
def counted(
    name: str, request: pytest.FixtureRequest, root: Path, **options: Any
) -> Iterator[Counting]:
    """Have the row of that name as the default alias, and give what counts a piece of work."""
    row = BY_NAME[name]
    with placed(row, request, root), ExitStack() as clean:
        server = request.getfixturevalue(row.server) if row.server else None
        there, counting = _before(row, server, clean)
        stores = row.caches(root, there)
        given = stores["default"].get("OPTIONS", {})
        stores["default"]["OPTIONS"] = {**given, "SIGNALS": False, **options}
        clean.enter_context(override_settings(CACHES=stores))
        make_tables(row)
        yield counting


def _before(row: Row, server: Any, clean: ExitStack) -> tuple[Any, Counting]:
    """Return what stands for the server in the configuration, and what counts."""
    if row.name == CLUSTER:
        return server, Counting(lambda work: _in_cluster(server, work))
    if row.name.startswith("redis"):
        proxy = clean.enter_context(FaultProxy(server.host, server.port, server.url))
        raw = clean.enter_context(Redis(host=server.host, port=server.port))
        counting = Counting(lambda work: _watched(proxy, raw, work), proxy)
        return SimpleNamespace(location=proxy.url), counting
    if row.name.startswith("memcached"):
        proxy = clean.enter_context(FaultProxy(server.host, server.port))
        items = Memcached(server.location, timeout=5, default_noreply=False)
        clean.callback(items.close)
        counting = Counting(lambda work: _packets(proxy, items, work), proxy)
        return SimpleNamespace(location=f"{proxy.host}:{proxy.port}"), counting
    if row.name.startswith("dynamodb"):
        endpoint = clean.enter_context(Endpoint(server.url))
        options = {**server.cache_options, "ENDPOINT_URL": endpoint.url}
        counting = Counting(lambda work: _requests(endpoint, work))
        return SimpleNamespace(cache_options=options), counting
    return server, Counting(lambda work: _statements(row.server or "default", work))


def _watched(proxy: FaultProxy, raw: Any, work: Work) -> Asked:
    """Count on the wire, and let the server's MONITOR say what it was told."""
    with raw.monitor() as monitor:
        raw.echo("begin")  # connects
        while monitor.next_command()["command"] != "ECHO begin":
            pass
        with proxy.counting() as counts:
            work()
        raw.echo("end")
        commands = Counter[str]()
        while (said := monitor.next_command())["command"] != "ECHO end":
            if said["client_type"] != "lua":  # what a script does inside the server is no command
                commands[said["command"].split(" ")[0]] += 1
    return Asked(counts.round_trips, dict(commands))


def _packets(proxy: FaultProxy, items: Any, work: Work) -> Asked:
    before = items.stats()
    with proxy.counting() as counts:
        work()
    after = items.stats()
    names = {b"cmd_get": "get", b"cmd_set": "set"}
    done = {word: after[name] - before[name] for name, word in names.items()}
    return Asked(counts.round_trips, {word: number for word, number in done.items() if number})


def _requests(endpoint: Endpoint, work: Work) -> Asked:
    with endpoint.noting() as seen:
        work()
    return Asked(len(seen), dict(Counter(seen)))


def _statements(alias: str, work: Work) -> Asked:
    with CaptureQueriesContext(connections[alias]) as queries:
        work()
    words = Counter(query["sql"].split(" ")[0] for query in queries.captured_queries)
    return Asked(sum(words.values()), dict(words))


def _in_cluster(cluster: Any, work: Work) -> Asked:
    """Count the trips that are begun, each to several servers at once, and what these were told.

    A proxy would be passed by: the servers tell their own addresses.
    """
    driver: Any = caches["default"].cachekit_driver  # type: ignore[attr-defined]  # it is ours
    wire, trips = driver.engine.wire, list[int]()
    trip = wire._trip

    async def noted(*args: Any) -> Any:
        trips.append(1)
        return await trip(*args)

    with ExitStack() as clean:
        nodes = [clean.enter_context(Redis(host=n.host, port=n.port)) for n in cluster.nodes]
        before = _told(nodes)
        wire._trip = noted
        clean.callback(lambda: vars(wire).pop("_trip"))
        work()
        after = _told(nodes)
    done = {word: number - before.get(word, 0) for word, number in after.items()}
    return Asked(len(trips), {word: number for word, number in done.items() if number})


def _told(nodes: list[Any]) -> Mapping[str, int]:
    words = Counter[str]()
    ours = {"GET", "SET", "MSET", "MGET", "EVALSHA"}
    for node in nodes:
        for name, told in node.info("commandstats").items():
            word = name.removeprefix("cmdstat_").upper()
            if word in ours:
                words[word] += told["calls"]
    return words
