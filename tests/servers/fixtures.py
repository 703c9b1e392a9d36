"""Every server as a fixture: started when a test first asks, ended with the session.

One of each per process, so that workers of pytest-xdist share nothing. What a test stops, kills or
pauses runs again before the next test.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faultproxy import FaultProxy

from .dynamodb import Dynalite, DynamoDB
from .memcached import Memcached, MemcachedPool
from .process import Group, Server, end_watchdog
from .programs import NAMES, ServerMissing
from .redis import Redis, RedisCluster, RedisSentinel, RedisTLS
from .sql import MariaDB, PostgreSQL

RUNNING: list[Server | Group] = []


def required() -> frozenset[str]:
    """Return the servers that have to be there: what ``CACHEKIT_REQUIRE`` names."""
    words = os.environ.get("CACHEKIT_REQUIRE", "").replace(",", " ").split()
    unknown = set(words) - set(NAMES)
    if unknown:
        raise pytest.UsageError(
            f"CACHEKIT_REQUIRE names {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}"
        )
    return frozenset(words)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a name that means nothing before any test runs."""
    required()


def serve(name: str, make: Callable[[], Server | Group]) -> Iterator[Any]:
    """Start a server for a fixture; without its program skip, or fail if it is required."""
    try:
        server = make().__enter__()
    except ServerMissing as missing:
        refuse = pytest.fail if name in required() else pytest.skip
        refuse(f"{name}: {missing}")
    RUNNING.append(server)
    yield server
    RUNNING.remove(server)
    server.__exit__()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Make every server run again that the test, its fixtures being gone, has left down."""
    yield
    for server in RUNNING:
        server.heal()


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    end_watchdog()


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """Give a Redis, on TCP and a Unix socket."""
    yield from serve("redis", Redis)


@pytest.fixture(scope="session")
def redis_tls() -> Iterator[RedisTLS]:
    """Give another Redis, which listens with TLS besides."""
    yield from serve("redis", RedisTLS)


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """Give a Redis Cluster of three masters."""
    yield from serve("redis_cluster", RedisCluster)


@pytest.fixture(scope="session")
def redis_sentinel() -> Iterator[RedisSentinel]:
    """Give a Redis master and its replica, watched by three sentinels."""
    yield from serve("redis_sentinel", RedisSentinel)


@pytest.fixture(scope="session")
def memcached() -> Iterator[Memcached]:
    """Give a memcached."""
    yield from serve("memcached", Memcached)


@pytest.fixture(scope="session")
def memcached_pool() -> Iterator[MemcachedPool]:
    """Give three memcacheds."""
    yield from serve("memcached", MemcachedPool)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Give a PostgreSQL."""
    yield from serve("postgresql", PostgreSQL)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """Give a MariaDB."""
    yield from serve("mariadb", MariaDB)


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDB]:
    """Give the DynamoDB engine roto."""
    yield from serve("dynamodb", DynamoDB)


@pytest.fixture(scope="session")
def dynalite() -> Iterator[Dynalite]:
    """Give the DynamoDB engine dynalite."""
    yield from serve("dynalite", Dynalite)


@pytest.fixture
def faulty() -> Iterator[Callable[[Server], FaultProxy]]:
    """Put a proxy that can do harm before any server: ``proxy = faulty(redis)``."""
    proxies: list[FaultProxy] = []

    def make(server: Server) -> FaultProxy:
        proxies.append(FaultProxy(server.host, server.port, server.url))
        return proxies[-1].start()

    yield make
    for proxy in proxies:
        proxy.stop()
