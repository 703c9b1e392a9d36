"""What a tagged read costs over an untagged one: ``python -m benchmarks.tags_reads redis ...``.

One store in a process of its own, all reads in turns, medians, and their ratios.
"""

import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import django
from django.conf import settings
from django.core.cache import caches

from tests.servers.dynamodb import DynamoDB
from tests.servers.memcached import Memcached
from tests.servers.redis import Redis
from tests.servers.sql import PostgreSQL

from .setup import DJANGO, OURS
from .setup import RECORD as VALUE
from .tags_peers import Ours
from .tags_setup import MAIN, SUBJECTS, setup
from .tags_subject import TTL, Place, Subject, never, repeated

Many = Callable[[int], None]
TAGS = ("a", "b", "c")
SHORTER = 10
"""How many more rounds than of longer things: a turn is soon over."""


@contextlib.contextmanager
def redis() -> Iterator[dict[str, Many]]:
    """Read from a Redis, the peers too."""
    with Redis() as server, tempfile.TemporaryDirectory() as folder:
        setup(Place(server.url, f"{folder}/db", os.urandom(32).hex()))
        subject = SUBJECTS[Ours.name]
        assert isinstance(subject, Ours)
        reads = of_ours(subject.cache)
        django = SUBJECTS["by hand"].hits(())
        yield {**reads, "Django": django, **of_peers()}


def of_ours(facade: Any) -> dict[str, Many]:
    """Return the reads of a store of ours."""
    facade.put("none", VALUE, TTL)
    facade.tags("a").put("one", VALUE, TTL)
    facade.tags(*TAGS).put("three", VALUE, TTL)
    calls = {
        "none": lambda: facade.get("none"),
        "one": lambda: facade.get("one"),
        "three": lambda: facade.get("three"),
        "one, named": lambda: facade.tags("a").get("one"),
        "three, named": lambda: facade.tags(*TAGS).get("three"),
    }
    for name, call in calls.items():
        assert call() == VALUE, name
    return {name: repeated(call) for name, call in calls.items()}


def of_peers() -> dict[str, Many]:
    """Return the reads of the other ways to have tags; they must all be hits."""
    reads: dict[str, Many] = {}
    for name in MAIN[1:]:
        subject = SUBJECTS[name]
        with subject.active():
            for words, tags in (("none", ()), ("one", ("one",)), ("three", TAGS)):
                if tags:
                    subject.read(tags[0], 0, lambda: VALUE, more=tags[1:])
                    assert subject.read(tags[0], 0, never, more=tags[1:]) == VALUE
                reads[f"{name}: {words}"] = within(subject, subject.hits(tags))
    return reads


def within(subject: Subject, many: Many) -> Many:
    """Return the same reads with the settings of the subject in force."""

    def reads(turns: int) -> None:
        with subject.active():
            many(turns)

    return reads


def alone(ours: dict[str, Any], peer: dict[str, Any], database: Any = None) -> dict[str, Many]:
    """Set up Django with one store of ours and Django's own; return the reads."""
    from django.core.management import call_command

    stores = {"default": {"BACKEND": DJANGO + "dummy.DummyCache"}, "ours": ours, "peer": peer}
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        INSTALLED_APPS=["django_cachekit"],
        DATABASES={"default": database or {}},
        CACHES={alias: store for alias, store in stores.items() if store},
    )
    django.setup()
    call_command("cache_table", verbosity=0)
    from django_cachekit import cache

    reads = of_ours(cache.store("ours"))
    if not peer:
        return reads
    if database:
        call_command("createcachetable", verbosity=0)
    caches["peer"].set("none", VALUE, TTL)
    assert caches["peer"].get("none") == VALUE
    return {**reads, "Django": repeated(lambda: caches["peer"].get("none"))}


@contextlib.contextmanager
def memcached() -> Iterator[dict[str, Many]]:
    """Read from a memcached."""
    with Memcached() as server:
        there = {"LOCATION": server.location}
        peer = {"BACKEND": DJANGO + "memcached.PyMemcacheCache", **there}
        yield alone({"BACKEND": OURS + "memcached.MemcachedCache", **there}, peer)


@contextlib.contextmanager
def array() -> Iterator[dict[str, Many]]:
    """Read from memory."""
    peer = {"BACKEND": DJANGO + "locmem.LocMemCache"}
    yield alone({"BACKEND": OURS + "array.ArrayCache"}, peer)


@contextlib.contextmanager
def file() -> Iterator[dict[str, Many]]:
    """Read from sealed files."""
    from django_cachekit.codecs import generate_key

    with tempfile.TemporaryDirectory() as root:
        keys = {"ENCRYPTION_KEYS": [generate_key()], "INDEX_KEY": generate_key()}
        ours = {"LOCATION": f"{root}/ours", "OPTIONS": keys}
        peer = {"BACKEND": DJANGO + "filebased.FileBasedCache", "LOCATION": f"{root}/peer"}
        yield alone({"BACKEND": OURS + "file.EncryptedFileCache", **ours}, peer)


@contextlib.contextmanager
def sqlite() -> Iterator[dict[str, Many]]:
    """Read from an SQLite in memory."""
    yield tables({"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})


@contextlib.contextmanager
def postgresql() -> Iterator[dict[str, Many]]:
    """Read from a PostgreSQL."""
    with PostgreSQL() as server:
        yield tables(server.settings)


def tables(database: dict[str, Any]) -> dict[str, Many]:
    """Return the reads from tables."""
    peer = {"BACKEND": DJANGO + "db.DatabaseCache", "LOCATION": "peer"}
    ours = {"BACKEND": OURS + "database.DatabaseCache", "LOCATION": "ours"}
    return alone(ours, peer, database)


@contextlib.contextmanager
def dynamodb() -> Iterator[dict[str, Many]]:
    """Read from the DynamoDB engine roto; Django has nothing for it."""
    with DynamoDB() as server:
        ours = {"LOCATION": "ours", "OPTIONS": server.cache_options}
        yield alone({"BACKEND": OURS + "dynamodb.DynamoDBCache", **ours}, {})


STORES: dict[str, tuple[Callable[..., Any], int]] = {
    "redis": (redis, 20),
    "memcached": (memcached, 20),
    "array": (array, 1000),
    "file": (file, 20),
    "sqlite": (sqlite, 20),
    "postgresql": (postgresql, 10),
    "dynamodb": (dynamodb, 5),
}
"""How to have each store, and how many reads of a kind are one turn."""


def measure(name: str, rounds: int) -> dict[str, float]:
    """Return the median microseconds of each kind of read."""
    there, turns = STORES[name]
    with there() as reads:
        took: dict[str, list[float]] = {words: [] for words in reads}
        for _ in range(rounds * SHORTER):
            for words, many in random.sample(list(reads.items()), len(reads)):
                took[words].append(clocked(partial(many, turns), 1) / turns)
    return {words: statistics.median(times) for words, times in took.items()}


def clocked(call: Callable[[], Any], turns: int) -> float:
    """Return the microseconds that one call took, on average."""
    began = time.perf_counter()
    for _ in range(turns):
        call()
    return (time.perf_counter() - began) / turns * 1e6


def elsewhere(name: str, rounds: int) -> dict[str, float]:
    """Do it in a process of its own, for Django is set up but once."""
    command = [sys.executable, "-m", __name__, name, str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    json.dump(measure(sys.argv[1], int(sys.argv[2])), sys.stdout)
