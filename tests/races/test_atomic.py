"""What is one step is one between processes, on every store that several share."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from tests.placing import make_tables, placed
from tests.servers.databases import entry
from tests.stores import ALL, BY_NAME, Row, _server_table

from .together import together

STORES = [
    "file",
    "sqlite",
    "postgresql",
    "postgresql-sealed",
    "mariadb",
    "memcached",
    "memcached-sealed",
    "memcached-pool",
    "redis",
    "redis-sealed",
    "redis-cluster",
    "dynamodb",
    "dynamodb-sealed",
]
WRITERS, TURNS = 16, 5
COUNTERS = 8
KEYS = [f"k{number}" for number in range(8)]


@pytest.fixture(params=STORES, autouse=True)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    standing = on_sqlite if request.param == "sqlite" else on_a_row
    with standing(request.param, request, tmp_path):
        cache.get("warm")  # or every process would import the client for itself
        yield request.param


def on_a_row(name: str, request: pytest.FixtureRequest, root: Path) -> Any:
    """Have a store of the table of stores."""
    return placed(BY_NAME[name], request, root)


@contextmanager
def on_sqlite(name: str, request: pytest.FixtureRequest, root: Path) -> Iterator[None]:
    """Have a store in an SQLite file, which processes can share; that of the tests is in memory."""
    base = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(root / "cache.sqlite3")}
    row = Row(name, _server_table(name), ALL, "table")
    with (
        request.getfixturevalue("django_db_blocker").unblock(),
        entry(name, **base, OPTIONS={"timeout": 30}),
        override_settings(CACHES=row.caches(root)),
    ):
        make_tables(row)
        yield


@pytest.mark.parametrize("tags", [(), ("t", "u")], ids=["plain", "tagged"])
def test_no_change_of_sixteen_writers_is_lost(store: str, tags: tuple[str, ...]) -> None:
    scope = cache.tags(*tags) if tags else cache
    turns = 2 if store.startswith("dynamodb") else TURNS  # a trip takes longest there

    def write(number: int) -> list[Any]:
        def note(turn: int) -> Any:
            return scope.cas("log", lambda log: [*log, (number, turn)], default=list, ttl=600)

        return [len(note(turn)) for turn in range(turns)]

    lengths = together(write, WRITERS)
    wanted = [(number, turn) for number in range(WRITERS) for turn in range(turns)]
    log = cache.get("log")
    assert sorted(log) == wanted, "each once"
    for number in range(WRITERS):
        assert [turn for who, turn in log if who == number] == list(range(turns))
    assert sorted(length for each in lengths for length in each) == list(
        range(1, WRITERS * turns + 1)
    ), "each saw what stood"


def test_a_counter_begins_once_with_its_ttl() -> None:
    start, by = 2**40, -3

    def count(number: int) -> list[int]:
        return [cache.increment(key, by, initial=start, ttl=300 + number) for key in KEYS]

    counted = together(count, COUNTERS)
    for each in zip(*counted, strict=True):
        assert sorted(each, reverse=True) == [start + by * turn for turn in range(1, COUNTERS + 1)]
    for key in KEYS:
        left = cache.ttl(key)
        assert left is not None
        assert 100 < left <= 300 + COUNTERS
    together(lambda _: [cache.decrement(key, ttl=9000) for key in KEYS], 2)
    for key in KEYS:
        assert cache.get(key) == start + by * COUNTERS - 2
        assert 100 < (cache.ttl(key) or 0) <= 300 + COUNTERS


def test_numbers_are_exact_over_64_bits_and_below_zero() -> None:
    cache.increment("up", 2**63 - 4)
    cache.decrement("down", 2**63 - 4)

    def count(number: int) -> list[tuple[int, int]]:
        return [(cache.increment("up"), cache.decrement("down")) for _ in range(2)]

    counted = [pair for each in together(count, 4) for pair in each]
    top = 2**63 - 4
    assert sorted(up for up, _ in counted) == list(range(top + 1, top + 9))
    assert sorted(down for _, down in counted) == list(range(-top - 8, -top))
    assert cache.increment("up", -(2**70)) == top + 8 - 2**70
    assert cache.decrement("up", -(2**70)) == top + 8


@pytest.mark.parametrize("ttl", [None, 300])
def test_an_add_and_a_pull_have_one_winner(ttl: Any) -> None:
    def win(number: int) -> list[str]:
        return [key for key in KEYS if cache.add(key, number, ttl)]

    def take(number: int) -> list[str]:
        return [key for key in KEYS if cache.pull(key) is not None]

    for work in (win, take):
        won = together(work, COUNTERS)
        assert Counter(key for each in won for key in each) == Counter(KEYS)
    assert set(cache.many(KEYS).values()) == {None}
