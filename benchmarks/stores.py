"""Measure the stores on servers beside their peers: ``python -m benchmarks.stores [redis ...]``.

Real servers are started on free ports and ended. All subjects of one server are timed in turns, in
one process and one run; what is printed is the median of the rounds for each verb, and the ratio
to the first peer: the library underneath, or Django's own. Only ratios mean something elsewhere.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import django
from django.conf import settings
from django.core.cache import caches

from tests.servers.dynamodb import DynamoDB
from tests.servers.memcached import Memcached
from tests.servers.redis import Redis
from tests.servers.sql import PostgreSQL

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."
VALUE = {f"field{number}": f"value {number} " * 6 for number in range(14)}
"""About 1 KB, however it is written."""

MANY = [f"many{number}" for number in range(100)]
TASKS = 100


class Subject(NamedTuple):
    """Name one backend; ``ours`` is compared with the others of its server."""

    name: str
    config: dict[str, Any]
    ours: bool = False


class Bench(NamedTuple):
    """Be one server with the backends that are compared on it; the peers' first is the measure."""

    subjects: list[Subject]
    turns: int
    awaited: bool = False
    database: dict[str, Any] = {}


@contextlib.contextmanager
def redis() -> Iterator[Bench]:
    """Compare on a Redis."""
    with Redis() as server:
        there = {"LOCATION": f"{server.url}/0"}
        yield Bench(
            [
                Subject("django-redis", {"BACKEND": "django_redis.cache.RedisCache", **there}),
                Subject("Django's RedisCache", {"BACKEND": DJANGO + "redis.RedisCache", **there}),
                Subject("ours", {"BACKEND": OURS + "redis.RedisCache", **there}, ours=True),
                Subject("ours, sealed", sealed("redis.RedisCache", **there), ours=True),
            ],
            turns=200,
            awaited=True,
        )


@contextlib.contextmanager
def memcached() -> Iterator[Bench]:
    """Compare on a memcached."""
    with Memcached() as server:
        there = {"LOCATION": f"{server.host}:{server.port}"}
        peer = {"BACKEND": DJANGO + "memcached.PyMemcacheCache", **there}
        yield Bench(
            [
                Subject("Django's PyMemcacheCache", peer),
                Subject("ours", {"BACKEND": OURS + "memcached.MemcachedCache", **there}, ours=True),
                Subject("ours, sealed", sealed("memcached.MemcachedCache", **there), ours=True),
            ],
            turns=200,
        )


@contextlib.contextmanager
def postgresql() -> Iterator[Bench]:
    """Compare on a PostgreSQL."""
    with PostgreSQL() as server:
        yield Bench(tables(), turns=60, database=server.settings)


@contextlib.contextmanager
def sqlite() -> Iterator[Bench]:
    """Compare on an SQLite in memory."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    yield Bench(tables(), turns=60, database=database)


def tables() -> list[Subject]:
    """Return the backends that keep a table."""
    peer = {"BACKEND": DJANGO + "db.DatabaseCache", "LOCATION": "django"}
    ours = {"BACKEND": OURS + "database.DatabaseCache", "LOCATION": "cachekit"}
    return [Subject("Django's DatabaseCache", peer), Subject("ours", ours, ours=True)]


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
        ours = {"BACKEND": OURS + "dynamodb.DynamoDBCache", "LOCATION": "ours"}
        subjects = [Subject("django-dynamodb-cache", peer), Subject("ours", ours, ours=True)]
        yield Bench(subjects, turns=20)


def _table_of_the_peer(options: dict[str, str]) -> None:
    import boto3

    boto3.client("dynamodb", **options).create_table(
        TableName="peer",
        AttributeDefinitions=[{"AttributeName": "cache_key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "cache_key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def sealed(path: str, **more: Any) -> dict[str, Any]:
    """Return the configuration of a store of ours with keys."""
    from django_cachekit.codecs import generate_key

    keys = {"ENCRYPTION_KEYS": [generate_key()], "INDEX_KEY": generate_key()}
    return {"BACKEND": OURS + path, "KEY_PREFIX": "sealed", "OPTIONS": keys, **more}


BENCHES: dict[str, Callable[[], contextlib.AbstractContextManager[Bench]]] = {
    "redis": redis,
    "memcached": memcached,
    "postgresql": postgresql,
    "sqlite": sqlite,
    "dynamodb": dynamodb,
}


def verbs(cache: Any) -> dict[str, Callable[[], Any]]:
    """Return what is timed, each as one call."""
    cache.set("key", VALUE, 600)
    cache.set("number", 1, 600)
    cache.set_many(dict.fromkeys(MANY, VALUE), 600)
    cache.incr("number")
    return {
        "get": lambda: cache.get("key"),
        "miss": lambda: cache.get("nothing"),
        "set": lambda: cache.set("key", VALUE, 600),
        "get_many(100)": lambda: cache.get_many(MANY),
        "incr": lambda: cache.incr("number"),
        "delete": lambda: cache.delete("nothing"),
    }


def measure(bench: Bench, rounds: int) -> dict[str, dict[str, float]]:
    """Return the median microseconds of each verb of each subject, timed in turns."""
    timed = {subject.name: verbs(caches[subject.name]) for subject in bench.subjects}
    names = list(next(iter(timed.values())))
    took: dict[str, dict[str, list[float]]] = {
        name: {subject: [] for subject in timed} for name in names
    }
    for _ in range(rounds):
        for name in names:
            turns = max(1, bench.turns // (10 if name == "get_many(100)" else 1))
            for subject, calls in timed.items():
                took[name][subject].append(clocked(calls[name], turns))
    medians = {
        name: {subject: statistics.median(times) for subject, times in subjects.items()}
        for name, subjects in took.items()
    }
    if bench.awaited:
        medians[f"aget, {TASKS} tasks"] = awaited(bench.subjects, rounds)
    return medians


def clocked(call: Callable[[], Any], turns: int) -> float:
    """Return the microseconds that one call took, on average."""
    began = time.perf_counter()
    for _ in range(turns):
        call()
    return (time.perf_counter() - began) / turns * 1e6


def awaited(subjects: Sequence[Subject], rounds: int) -> dict[str, float]:
    """Return the median microseconds of an ``aget`` where many tasks read at once."""
    took: dict[str, list[float]] = {subject.name: [] for subject in subjects}

    async def reading(name: str) -> None:
        cache = caches[name]
        for _ in range(10):
            assert await cache.aget("key") == VALUE

    async def together(name: str) -> float:
        await reading(name)  # connects
        began = time.perf_counter()
        await asyncio.gather(*(reading(name) for _ in range(TASKS)))
        return (time.perf_counter() - began) / (TASKS * 10) * 1e6

    for _ in range(rounds):
        for name, times in took.items():
            times.append(asyncio.run(together(name)))
    return {name: statistics.median(times) for name, times in took.items()}


def run(name: str, rounds: int) -> dict[str, Any]:
    """Start a server, measure, and return the figures; once in a process."""
    from django.core.management import call_command

    with BENCHES[name]() as bench:
        settings.configure(
            SECRET_KEY=os.urandom(32).hex(),
            INSTALLED_APPS=["django_cachekit"],
            DATABASES={"default": bench.database},
            CACHES={
                "default": {"BACKEND": DJANGO + "dummy.DummyCache"},
                **{subject.name: subject.config for subject in bench.subjects},
            },
        )
        django.setup()
        if bench.database:
            call_command("createcachetable", verbosity=0)
        call_command("cache_table", verbosity=0)
        return {"server": name, "medians": measure(bench, rounds)}


def elsewhere(name: str, rounds: int) -> dict[str, Any]:
    """Do the same in a process of its own, for Django is set up but once."""
    command = [sys.executable, "-m", "benchmarks.stores", name, "--json", "--here"]
    done = subprocess.run(
        [*command, "--rounds", str(rounds)], stdout=subprocess.PIPE, check=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)["figures"][0]
    return found


def table(figures: dict[str, Any]) -> str:
    """Return the figures of one server as Markdown."""
    medians = figures["medians"]
    subjects = list(next(iter(medians.values())))
    first = subjects[0]
    lines = [
        f"| {figures['server']}, µs | " + " | ".join(subjects) + " |",
        "|---" * (len(subjects) + 1) + "|",
    ]
    for verb, row in medians.items():
        cells = [f"{row[first]:.0f}"]
        cells += [f"{row[name]:.0f} ({row[name] / row[first]:.2f})" for name in subjects[1:]]
        lines.append(f"| `{verb}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, and print tables or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("servers", nargs="*", metavar="SERVER", help=", ".join(BENCHES))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.servers or list(BENCHES)
    work = run if asked.here else elsewhere
    figures = [work(name, asked.rounds) for name in names]
    cores = f"{os.cpu_count()} cores"
    told = f"Python {platform.python_version()}, Django {django.__version__}, {cores}"
    if asked.json:
        found = {"machine": told, "rounds": asked.rounds, "figures": figures}
        json.dump(found, sys.stdout, indent=1)
        return
    print(f"{told}; medians of {asked.rounds} rounds in turns, and the ratio to the first\n")
    print("\n\n".join(map(table, figures)))


if __name__ == "__main__":
    main()
