"""How many statements a verb takes, on each database; docs/stores/database.md shows the same."""

from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections, transaction

from django_cachekit import cache as facade
from django_cachekit.backends.sql import place, rows
from tests.conftest import Clock

from .helping import INDEX_KEY, KEY, Look, config, driver_of, only, queries, tables

pytestmark = pytest.mark.usefixtures("never_due")

HUNDRED = [str(number) for number in range(100)]
ONE = {
    "get": lambda cache: cache.get("a"),
    "get_many": lambda cache: cache.get_many(HUNDRED),
    "has_key": lambda cache: cache.has_key("a"),
    "ttl": lambda cache: facade.ttl("a"),
    "set": lambda cache: cache.set("a", 2),
    "set_many": lambda cache: cache.set_many(dict.fromkeys(HUNDRED, 1)),
    "add": lambda cache: cache.add("new", 1),
    "delete missing": lambda cache: cache.delete("new"),
    "delete_many missing": lambda cache: cache.delete_many(HUNDRED),
    "pull missing": lambda cache: facade.pull("new"),
}
"""One statement everywhere."""

TOLD = {
    "add over expired": (lambda cache: cache.add("expired", 1), 1, 4),
    "delete": (lambda cache: cache.delete("a"), 1, 2),
    "delete_many": (lambda cache: cache.delete_many(["a", "counted"]), 1, 2),
    "pull": (lambda cache: facade.pull("a"), 1, 2),
    "incr": (lambda cache: cache.incr("counted"), 1, 2),
    "decr": (lambda cache: cache.decr("counted"), 1, 2),
}
"""One where a statement can tell what it did: not in MariaDB, or not all."""

MORE = {
    "touch": (lambda cache: cache.touch("a", 60), ["SELECT", "UPDATE"]),
    "touch missing": (lambda cache: cache.touch("new", 60), ["SELECT"]),
    "add lost": (lambda cache: cache.add("a", 1), ["INSERT", "SELECT"]),
    "incr of what was set": (lambda cache: cache.incr("a"), ["UPDATE", "SELECT", "UPDATE"]),
    "increment of nothing": (
        lambda cache: facade.increment("new"),
        ["UPDATE", "SELECT", "INSERT"],
    ),
    "clear": (lambda cache: cache.clear(), ["BEGIN", "INSERT", "DELETE", "COMMIT"]),
}


@pytest.fixture
def filled(cache: Any, clock: Clock) -> Any:
    """Give the cache with something of every kind in it."""
    cache.set("expired", 1, 5)
    clock.advance(6)
    cache.set_many({"a": 1, "counted": 1})
    cache.incr("counted")
    return cache


@pytest.mark.parametrize("verb", ONE)
def test_one_statement_on_every_database(filled: Any, verb: str) -> None:
    assert len(queries(lambda: ONE[verb](filled))) == 1


@pytest.mark.parametrize("verb", TOLD)
def test_one_statement_where_it_can_tell(filled: Any, look: Look, verb: str) -> None:
    work, told, untold = TOLD[verb]

    assert len(queries(lambda: work(filled))) == (untold if look.vendor == "mysql" else told)


@pytest.mark.parametrize("verb", MORE)
def test_what_takes_more(filled: Any, look: Look, verb: str) -> None:
    work, expected = MORE[verb]
    if look.vendor == "mysql" and expected[:2] == ["UPDATE", "SELECT"]:
        expected = expected[1:]  # no UPDATE tells what it made, so none is tried

    assert queries(lambda: work(filled)) == expected


def test_a_cas_looks_before_and_after_the_change(filled: Any) -> None:
    assert queries(lambda: facade.cas("a", lambda _: 2)) == ["SELECT", "SELECT", "UPDATE"]
    assert queries(lambda: facade.cas("new", lambda _: 2)) == ["SELECT", "SELECT", "INSERT"]


def test_a_sealed_alias_counts_where_nobody_sees_the_number(look: Look) -> None:
    keys = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}
    with tables(default=config(**keys)):
        facade.put("n", 41)

        assert queries(lambda: facade.increment("n")) == ["SELECT", "UPDATE"]
        assert look("SELECT COUNT(*) FROM cache WHERE number IS NOT NULL") == [(0,)]


@only["sqlite"]
def test_where_no_statement_can_tell(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in SQLite before 3.35."""
    features = connections["disk"].features
    monkeypatch.setattr(features, "can_return_columns_from_insert", False)
    with tables(default=config(STORE_ID="old")):
        cache: Any = caches["default"]
        cache.set_many({"a": 1, "b": 2})

        removing = ["BEGIN", "SELECT", "DELETE", "COMMIT"]
        assert queries(lambda: facade.pull("a")) == [*removing, "SELECT"]
        assert queries(lambda: cache.delete_many("ab")) == [*removing, "SELECT"]
        assert queries(lambda: facade.increment("n")) == ["SELECT", "INSERT"]
        assert queries(lambda: facade.increment("n")) == ["SELECT", "UPDATE"]
        assert cache.get_many("abn") == {"n": 2}


@only["mariadb"]
def test_mysql_removes_in_a_transaction(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["disk"], "mysql_is_mariadb", True)
    monkeypatch.setattr(connections["disk"].features, "can_return_columns_from_insert", False)
    with tables(default=config(STORE_ID="mysql")):
        cache: Any = caches["default"]
        cache.set_many({"a": 1, "b": 2})
        said = queries(lambda: facade.pull("a"))

        assert said == ["BEGIN", "SELECT", "DELETE", "COMMIT", "SELECT"]
        assert cache.get_many("ab") == {"b": 2}


def test_many_large_values_go_in_several_statements(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROOM", 10_000)
    with tables(default=config()):
        cache: Any = caches["default"]
        cache.set("first", 1)
        many = {str(number): b"x" * 4000 for number in range(7)}

        assert queries(lambda: cache.set_many(many)) == ["INSERT"] * 4
        assert cache.get_many(many) == many


@only["postgresql"]
def test_inside_a_transaction_postgresql_needs_a_savepoint(filled: Any) -> None:
    with transaction.atomic(using="disk"):
        assert queries(lambda: filled.get("a")) == ["SAVEPOINT", "SELECT", "RELEASE"]


@only["mariadb"]
def test_inside_a_transaction_mariadb_needs_none(filled: Any) -> None:
    with transaction.atomic(using="disk"):
        assert queries(lambda: filled.get("a")) == ["SELECT"]
    assert "mysql" in place.UNHARMED
    assert driver_of().engine.place.writer().vendor == "mysql"


def test_counting_keeps_within_64_bits(cache: Any) -> None:
    """What does not fit is counted by compare and swap, exactly."""
    top = 2**63 - 1
    facade.put("up", top - 2)
    facade.put("down", -top + 1)
    assert [facade.increment("up") for _ in range(4)] == [top - 1, top, top + 1, top + 2]
    assert [facade.decrement("down") for _ in range(4)] == [-top, -top - 1, -top - 2, -top - 3]
    assert facade.increment("up", -(2**70)) == top + 2 - 2**70


def test_below_zero(cache: Any) -> None:
    facade.put("n", 2)

    assert [facade.decrement("n") for _ in range(5)] == [1, 0, -1, -2, -3]
    assert cache.get("n") == -3
