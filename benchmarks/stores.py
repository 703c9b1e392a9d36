"""The stores on servers beside their peers: real servers on free ports of this machine.

All subjects of one server are timed in turns in one process; each server has a process of its own.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from tests.servers.dynamodb import DynamoDB
from tests.servers.memcached import Memcached
from tests.servers.redis import Redis
from tests.servers.sql import PostgreSQL

from .engine import Size, Subject, Work, compare, table
from .setup import DJANGO, MANY, OURS, RECORD, TEXTS, keys, setup, values
from .verbs import TASKS, crowds, reads, removal, verbs, writes

COMPRESSED = "ours, sealed and compressed"


class Bench(NamedTuple):
    """Be one server: the aliases that are compared on it by name; the first is the measure."""

    aliases: dict[str, dict[str, Any]]
    database: dict[str, Any] | None = None
    most: int = 500
    url: str = ""


PATIENT: dict[str, dict[str, Any]] = {
    "redis": {
        "SOCKET_TIMEOUT": 5,
        "SOCKET_CONNECT_TIMEOUT": 5,
        "CONNECTION_POOL_KWARGS": {"timeout": 10},
    },
    "memcached": {"timeout": 5, "connect_timeout": 5},
    "dynamodb": {"CONNECT_TIMEOUT": 5, "READ_TIMEOUT": 5, "DEADLINE": 10},
}
"""Peers wait longer than ours for a machine that is busy with something else; here ours do too."""


def ours(path: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Return a store of ours in three forms: plain, sealed, sealed and compressed."""
    options = PATIENT.get(path.partition(".")[0], {})
    one = {"BACKEND": OURS + path, "OPTIONS": options, **more}
    sealed = {**one, "KEY_PREFIX": "sealed", "OPTIONS": {**options, **keys()}}
    packed = {"KEY_PREFIX": "packed", "OPTIONS": {**options, **keys(), "COMPRESSION": "zlib"}}
    return {"ours": one, "ours, sealed": sealed, COMPRESSED: {**one, **packed}}


@contextlib.contextmanager
def redis() -> Iterator[Bench]:
    """Compare on a Redis."""
    with Redis() as server:
        yield on_redis(f"{server.url}/0")


def on_redis(url: str) -> Bench:
    """Return the backends that are compared on a Redis."""
    peers = {
        "django-redis": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url},
        "Django's RedisCache": {
            "BACKEND": DJANGO + "redis.RedisCache",
            "LOCATION": url,
            "KEY_PREFIX": "django",
        },
    }
    return Bench({**peers, **ours("redis.RedisCache", LOCATION=url)}, url=url)


@contextlib.contextmanager
def memcached() -> Iterator[Bench]:
    """Compare on a memcached."""
    with Memcached() as server:
        there = f"{server.host}:{server.port}"
        peer = {"BACKEND": DJANGO + "memcached.PyMemcacheCache", "LOCATION": there}
        found = ours("memcached.MemcachedCache", LOCATION=there)
        yield Bench({"Django's PyMemcacheCache": peer, **found})


@contextlib.contextmanager
def postgresql() -> Iterator[Bench]:
    """Compare on a PostgreSQL."""
    with PostgreSQL() as server:
        yield Bench(tables(), server.settings, most=100)


@contextlib.contextmanager
def sqlite() -> Iterator[Bench]:
    """Compare on an SQLite in memory."""
    yield Bench(tables(), most=200)


def tables() -> dict[str, dict[str, Any]]:
    """Return the backends that keep a table."""
    peer = {"BACKEND": DJANGO + "db.DatabaseCache", "LOCATION": "django"}
    return {"Django's DatabaseCache": peer, **ours("database.DatabaseCache", LOCATION="cachekit")}


@contextlib.contextmanager
def dynamodb() -> Iterator[Bench]:
    """Compare on the DynamoDB engine roto."""
    with DynamoDB() as server:
        options = server.options
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = options["endpoint_url"]
        os.environ["AWS_DEFAULT_REGION"] = options["region_name"]
        os.environ["AWS_ACCESS_KEY_ID"] = options["aws_access_key_id"]
        os.environ["AWS_SECRET_ACCESS_KEY"] = options["aws_secret_access_key"]
        _table_of_the_peer(options)
        peer = {
            "BACKEND": "django_dynamodb_cache.backend.DjangoCacheBackend",
            "LOCATION": "peer",
            "OPTIONS": {"aws_region_name": options["region_name"]},
        }
        found = ours("dynamodb.DynamoDBCache", LOCATION="ours")
        yield Bench({"django-dynamodb-cache": peer, **found}, most=20)


def _table_of_the_peer(options: dict[str, str]) -> None:
    import boto3

    boto3.client("dynamodb", **options).create_table(
        TableName="peer",
        AttributeDefinitions=[{"AttributeName": "cache_key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "cache_key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


BENCHES: dict[str, Callable[[], contextlib.AbstractContextManager[Bench]]] = {
    "redis": redis,
    "memcached": memcached,
    "postgresql": postgresql,
    "sqlite": sqlite,
    "dynamodb": dynamodb,
}


def measure(name: str, size: Size) -> list[dict[str, Any]]:
    """Start a server, and compare everything on it; once in a process."""
    from django.core.management import call_command

    with BENCHES[name]() as bench:
        setup(bench.aliases, bench.database)
        if name in ("postgresql", "sqlite"):
            call_command("createcachetable", verbosity=0)
        call_command("cache_table", verbosity=0)
        try:
            return compared(name, bench, size._replace(turn=size.turn * 2))
        finally:
            from django.core.cache import caches

            caches.close_all()


def compared(name: str, bench: Bench, size: Size) -> list[dict[str, Any]]:
    """Compare verbs, values, crowds, and the ways to an entry of ours."""
    from django.core.cache import caches

    found = values()
    if name == "dynamodb":  # an item holds 400 KB, and roto is slow with large ones
        found = {**TEXTS, "dict, 1 KB": RECORD}
    kinds: dict[str, Callable[[str], dict[str, Work]]] = {
        f"1 KB on {name}": lambda alias: verbs(caches[alias], RECORD, bench.most),
        f"hit on {name}": lambda alias: reads(caches[alias], found, bench.most),
        f"set on {name}": lambda alias: writes(caches[alias], found, bench.most),
    }
    if name != "sqlite":  # which is in memory, for one thread
        kinds[f"hit of 1 KB on {name}, by askers"] = lambda alias: crowds(
            partial(caches.__getitem__, alias), bench.most
        )
    tables = []
    for title, make in kinds.items():
        subjects = [Subject(alias, make(alias)) for alias in bench.aliases]
        if name == "redis" and title.startswith("1 KB"):
            subjects += [dogpile(bench.url), cashews(bench.url)]
        if name == "redis" and title.endswith("askers"):
            subjects += [cashews_tasks(bench.url)]
        tables.append(table(title, compare(subjects, size)))
    tables.append(table(f"ways to a hit of 1 KB on {name}", compare([ways(bench.most)], size)))
    return tables


def ways(most: int) -> Subject:
    """Return the ways through the facade to entries of ours."""
    from django.core.cache import caches

    from django_cachekit import cache

    here = cache.store("ours")
    caches["ours"].set("key", RECORD, 600)
    here.tags("a").put("one", RECORD, 600)
    here.tags("a", "b", "c").put("three", RECORD, 600)

    def locked() -> None:
        with here.lock("name", 10):
            pass

    calls: dict[str, Callable[[], Any]] = {
        "caches[alias].get": lambda: caches["ours"].get("key"),
        "cache.get": lambda: here.get("key"),
        "remember": lambda: here.remember("key", 600, str),
        "one tag": lambda: here.get("one"),
        "three tags": lambda: here.get("three"),
        "lock, release": locked,
    }
    return Subject("ours", {name: Work(call, most=most) for name, call in calls.items()})


def dogpile(url: str) -> Subject:
    """Return a region of dogpile on the Redis."""
    # Peers are there only where the group bench is installed.
    from dogpile.cache import make_region  # type: ignore[import-not-found,import-untyped,unused-ignore]

    region = make_region().configure("dogpile.cache.redis", arguments={"url": url})
    names = [f"dogpile:{name}" for name in MANY]
    region.set("dogpile:key", RECORD)
    region.set_multi(dict.fromkeys(names, RECORD))
    calls = {
        "hit": lambda: region.get("dogpile:key"),
        "miss": lambda: region.get("dogpile:nothing"),
        "set": lambda: region.set("dogpile:key", RECORD),
        "get_many(100)": lambda: region.get_multi(names),
    }
    works = {name: Work(call, most=500) for name, call in calls.items()}
    works["delete"] = removal(region.delete, lambda key: region.set(key, RECORD))
    return Subject("dogpile", works)


def _cashews(url: str) -> Any:
    # Peers are there only where the group bench is installed.
    from cashews import Cache  # type: ignore[import-not-found,import-untyped,unused-ignore]

    cache = Cache()
    cache.setup(url)
    return cache


def cashews(url: str) -> Subject:
    """Return cashews on the Redis, each call awaited by one task."""
    cache = _cashews(url)
    names = [f"cashews:{name}" for name in MANY]
    calls = {
        "hit": lambda: cache.get("cashews:key"),
        "miss": lambda: cache.get("cashews:nothing"),
        "set": lambda: cache.set("cashews:key", RECORD, expire=600),
        "get_many(100)": lambda: cache.get_many(*names),
        "incr": lambda: cache.incr("cashews:number"),
    }
    works = {name: Work(call, tasks=1, most=500) for name, call in calls.items()}
    subject = Subject("cashews, awaited", works)

    async def fill() -> None:
        for name in ("cashews:key", *names):
            await cache.set(name, RECORD, expire=600)

    subject.loop.run_until_complete(fill())
    return subject


def cashews_tasks(url: str) -> Subject:
    """Return cashews as many tasks ask it at once."""
    cache = _cashews(url)
    get = Work(lambda: cache.get("cashews:key"), tasks=TASKS, most=500)
    return Subject("cashews", {f"{TASKS} tasks": get})
