"""How sets and hits bear more and more entries: in memory, on Redis, and in a table."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from tests.servers.redis import Redis
from tests.servers.sql import PostgreSQL

from .engine import Size, Spread, Subject, Work, clocked, spread, table
from .memory import others
from .setup import DJANGO, OURS, TEXTS, setup
from .stores import on_redis

TEXT = TEXTS["100 B"]
TTL = 36_000
SECONDS = 480
"""For so long a store is filled in one step, at most."""
ROOM = {"MAX_ENTRIES": 10**8}
CALLS = 40

Fill = Callable[[Any, int, int], bool]
Fills = Mapping[str, tuple[Any, Fill]]
"""By the name of a store: it, and what puts entries of these numbers into it, if there is time."""


def aliases(url: str) -> dict[str, dict[str, Any]]:
    """Return the stores that are compared, with room for all that is put in."""
    bounded = {"MAX_BYTES": 2**40, **ROOM}
    table = {"LOCATION": "cachekit", "OPTIONS": dict(ROOM)}
    return {
        "Django's LocMemCache": {"BACKEND": DJANGO + "locmem.LocMemCache", "OPTIONS": ROOM},
        "ours, ArrayCache": {"BACKEND": OURS + "array.ArrayCache", "OPTIONS": bounded},
        **{
            name: config
            for name, config in on_redis(url).aliases.items()
            if name in ("django-redis", "Django's RedisCache", "ours")
        },
        "Django's DatabaseCache": {
            "BACKEND": DJANGO + "db.DatabaseCache",
            "LOCATION": "django",
            "OPTIONS": ROOM,
        },
        "ours, DatabaseCache": {"BACKEND": OURS + "database.DatabaseCache", **table},
    }


@contextlib.contextmanager
def servers() -> Iterator[None]:
    """Have a Redis and a PostgreSQL, and Django set up on both."""
    from django.core.management import call_command

    with Redis() as redis, PostgreSQL() as database:
        setup(aliases(f"{redis.url}/0"), database.settings)
        call_command("createcachetable", verbosity=0)
        call_command("cache_table", verbosity=0)
        try:
            yield
        finally:
            from django.core.cache import caches

            caches.close_all()


def measure(size: Size) -> list[dict[str, Any]]:
    """Measure the three kinds of stores, each by itself."""
    with servers():
        return [*memory(size), *on("Redis", REDIS, size), *on("PostgreSQL", TABLES, size)]


def memory(size: Size) -> list[dict[str, Any]]:
    """Compare what lies in this process."""
    from django.core.cache import caches

    found: dict[str, tuple[Any, Fill]] = {
        name: (caches[name], one_by_one) for name in ("Django's LocMemCache", "ours, ArrayCache")
    }
    peers = others(2 * size.entries)
    found |= {name: (peers[name], one_by_one) for name in ("cachetools", "cachebox")}
    return growing("in memory", found, size)


def on(where: str, fills: Mapping[str, Fill], size: Size) -> list[dict[str, Any]]:
    """Compare the aliases on one server."""
    from django.core.cache import caches

    return growing(f"on {where}", {name: (caches[name], how) for name, how in fills.items()}, size)


def steps(size: Size) -> list[int]:
    """Return the numbers of entries to stop at."""
    return [number for number in (10, 1_000, 10_000, 100_000, 1_000_000) if number <= size.entries]


def growing(where: str, stores: Fills, size: Size) -> list[dict[str, Any]]:
    """Measure sets and hits as the number of entries grows, in turns at each step."""
    rows: dict[str, dict[str, dict[str, Spread]]] = {"set": {}, "hit": {}}
    alive, there = dict(stores), 0
    for step in steps(size):
        alive = {name: one for name, one in alive.items() if one[1](one[0], there, step)}
        there = step
        found = at({name: cache for name, (cache, _) in alive.items()}, step, size)
        for verb, told in found.items():
            for name, cell in told.items():
                rows[verb].setdefault(name, {})[f"{step:,}"] = cell
    return [table(f"{verb} of 100 B {where} by entries", rows[verb]) for verb in rows]


def at(
    stores: Mapping[str, Any],
    step: int,
    size: Size,
    value: Any = TEXT,
    calls: Callable[[str], int] = lambda _: CALLS,
) -> dict[str, dict[str, Spread]]:
    """Measure sets and hits with what is there, in turns, on keys spread over all of it."""
    took: dict[tuple[str, str], list[float]] = {}
    for _ in range(size.rounds):
        for name, cache in stores.items():
            keys = [f"fill{number % step}" for number in islice(_spread(), calls(name))]
            verbs = {"set": partial(_set, cache, value), "hit": cache.get}
            for verb, call in verbs.items():
                work = Work(call, feed=lambda _, keys=keys: keys)  # type: ignore[misc]  # bound now
                told = clocked(Subject(name, {}), work, len(keys))
                took.setdefault((verb, name), []).append(told)
    return {
        verb: {name: spread(values, 1e6) for (one, name), values in took.items() if one == verb}
        for verb in ("set", "hit")
    }


def _spread() -> Iterator[int]:
    number = 7
    while True:
        yield number
        number += 7919


def _set(cache: Any, value: Any, key: str) -> None:
    cache.set(key, value, TTL)


def one_by_one(cache: Any, have: int, count: int) -> bool:
    """Put entries in by plain sets."""
    for number in range(have, count):
        cache.set(f"fill{number}", TEXT, TTL)
    return True


def together(cache: Any, have: int, count: int) -> bool:
    """Put entries in a thousand at a time; False if that takes too long."""
    until = time.monotonic() + SECONDS
    for start in range(have, count, 1000):
        if time.monotonic() > until:
            return False
        names = [f"fill{number}" for number in range(start, min(count, start + 1000))]
        cache.set_many(dict.fromkeys(names, TEXT), TTL)
    return True


def rows_of_django(cache: Any, have: int, count: int) -> bool:
    """Put the rows there that Django's set would, which counts all of them each time."""
    from django.db import connection

    cache.set("pattern", TEXT, TTL)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django (cache_key, value, expires) "
            "SELECT ':1:fill' || number, value, expires "
            "FROM django, generate_series(%s, %s) number WHERE cache_key = ':1:pattern'",
            [have, count - 1],
        )
    return True


REDIS = dict.fromkeys(("django-redis", "Django's RedisCache", "ours"), together)
TABLES = {"Django's DatabaseCache": rows_of_django, "ours, DatabaseCache": together}
