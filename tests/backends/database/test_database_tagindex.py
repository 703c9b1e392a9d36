"""The index of tags in a table: its statements, its rows, and what a transaction does to it."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction

from django_cachekit import cache as facade
from tests.conftest import Clock

from .helping import INDEX_KEY, KEY, Look, config, driver_of, only, queries, tables

pytestmark = pytest.mark.usefixtures("never_due")

SEALED: dict[str, Any] = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}


@pytest.fixture
def indexed(look: Look) -> Any:
    """Give the facade over a table with an index of tags."""
    with tables(default=config(TAG_INDEX=True)):
        facade.tags("t").put("first", 1, 600)
        yield facade


def index_rows(look: Look) -> list[Any]:
    """Return the rows of the index, but for those that stand for tags."""
    space = driver_of().rack.space
    rows = look("SELECT name, value, expires, number FROM cache WHERE space = ?", space)
    return [row for row in rows if not str(row[0]).startswith("0" * 32)]


def test_a_put_under_tags_takes_one_statement_more(indexed: Any) -> None:
    assert queries(lambda: indexed.tags("t").put("key", 1, 600)) == ["SELECT", "INSERT", "INSERT"]
    assert queries(lambda: indexed.put("plain", 1, 600)) == ["INSERT"]
    assert queries(lambda: indexed.put("key", 1, 600)) == ["INSERT", "DELETE"]


def test_listing_takes_a_range_of_the_primary_key(indexed: Any, look: Look) -> None:
    for number in range(60):
        indexed.tags("other").put(f"other{number}", 1, 600)
    # The members, that there are no more, and the entries with their tags' records.
    assert queries(lambda: indexed.tags("t").count()) == ["SELECT"] * 3
    if look.vendor == "sqlite":
        sql = "SELECT name FROM cache WHERE space = ? AND name > ? AND name < ?"
        (plan,) = look(f"EXPLAIN QUERY PLAN {sql}", "s", "a", "b")
        assert "PRIMARY KEY" in str(plan) or "sqlite_autoindex" in str(plan)


def test_index_rows_are_in_no_entrys_way(look: Look) -> None:
    with tables(default=config(TAG_INDEX=True, MAX_ENTRIES=53)):
        for number in range(50):
            facade.tags("a", "b", "c").put(f"key{number}", 1, 600)
        # Three more are the records of the tags.
        assert len(index_rows(look)) == 150
        assert facade.prune() == 0
        assert len(list(facade.keys())) == 50


def test_what_the_bounds_took_is_pruned_from_the_index(look: Look) -> None:
    with tables(default=config(TAG_INDEX=True, MAX_ENTRIES=10)):
        many = {f"key{number}": 1 for number in range(40)}
        facade.tags("t").put_many(many, 600)
        # The epoch is no entry, but the record of the tag is one.
        assert facade.prune() == 31
        assert len(index_rows(look)) == facade.tags("t").count() <= 10


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_two_spaces_do_not_disturb_each_other(look: Look, options: Any) -> None:
    one, two = (config(TAG_INDEX=True, STORE_ID=name, **options) for name in ("one", "two"))
    with tables(default=one, other=two):
        other = facade.store("other")
        facade.tags("t").put("key", 1, 600)
        other.tags("t").put("key", 2, 600)
        facade.flush()
        assert facade.tags("t").count() == 0
        assert dict(other.tags("t").items()) == {"key": 2}
        other.flush()
        assert look("SELECT COUNT(*) FROM cache WHERE name <> 'epoch'") == [(0,)]


def test_a_sealed_index_tells_nothing(look: Look) -> None:
    with tables(default=config(TAG_INDEX=True, **SEALED)):
        facade.tags("secret-tag").put("secret-key", 1, 600)
        assert list(facade.tags("secret-tag").keys()) == ["secret-key"]
        assert index_rows(look)
        assert b"secret" not in look.raw()


def test_a_rollback_takes_the_index_with_it(indexed: Any) -> None:
    with transaction.atomic(using="disk"):
        indexed.tags("t").put("new", 1, 600)
        indexed.forget("first")
        assert list(indexed.tags("t").keys()) == ["new"]
        transaction.set_rollback(True, using="disk")
    assert list(indexed.tags("t").keys()) == ["first"]


def test_what_has_expired_goes_once_in_a_while(
    indexed: Any, look: Look, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed.tags("t").put_many(dict.fromkeys(map(str, range(300)), 1), 60)
    clock.advance(61)
    indexed.tags("t").put("late", 1, 600)
    assert len(index_rows(look)) == 302
    monkeypatch.setattr(random, "random", lambda: 0.0)
    indexed.tags("t").put("later", 1, 600)
    assert len(index_rows(look)) == 3
    assert sorted(indexed.tags("t").keys()) == ["first", "late", "later"]


def test_more_than_a_statement_takes(indexed: Any, look: Look) -> None:
    many = {f"key{number}": number for number in range(1200)}
    indexed.tags("t", "u").put_many(many, 600)
    assert dict(indexed.tags("u").items()) == many
    assert indexed.forget_many(many) == 1200
    assert [row[0][:32] for row in index_rows(look)] == [driver_of().label("t").hex()]


@pytest.mark.parametrize("ttl", [600, None])
def test_who_takes_out_never_takes_what_was_written_meanwhile(
    indexed: Any, ttl: Any, clock: Clock
) -> None:
    scope, driver = indexed.tags("u"), driver_of()
    real = driver.rack.note

    def overtaken(call: Callable[[], Any]) -> None:
        async def late(*args: Any) -> None:
            driver.rack.note = real
            clock.advance(0.01)
            scope.put("key", 2, ttl)
            await real(*args)

        driver.rack.note = late
        call()

    calls: list[tuple[bool, Callable[[], Any]]] = [
        (False, lambda: indexed.forget("key")),
        (False, lambda: indexed.put("key", 3, ttl)),
        (True, lambda: list(scope.keys())),
        (True, lambda: indexed.prune()),
    ]
    for dead, call in calls:
        scope.put("key", 1, ttl)
        if dead:
            scope.flush()
        overtaken(call)
        assert driver.rack.note == real
        assert list(scope.keys()) == ["key"]


@only["servers"]
def test_writers_of_the_same_keys_do_not_wait_for_each_other_for_ever(indexed: Any) -> None:
    def work(seed: int) -> bool:
        dice = random.Random(seed)
        for _ in range(60):
            keys = [f"key{number}" for number in dice.sample(range(12), 6)]
            if dice.random() < 0.5:
                indexed.tags("a", "b").put_many(dict.fromkeys(keys, 1), 600)
            else:
                indexed.forget_many(keys)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    keys = sorted(indexed.keys())
    indexed.tags("a").put("last", 1, 600)
    assert set(indexed.tags("a").keys()) <= {*keys, "last"}
