"""Errors of a real database server: what they do to the caller's transaction."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import caches
from django.db import IntegrityError, OperationalError, connections, transaction
from django.test import override_settings

from django_cachekit import cache as facade
from django_cachekit.errors import Misconfigured, StoreUnavailable, ValueTooLarge

from .helping import Look, beside, config, driver_of, only, tables

pytestmark = pytest.mark.usefixtures("never_due")

ISOLATED = {
    # Django's own option only counts in transactions, there.
    "postgresql": {
        "REPEATABLE READ": {"options": "-c default_transaction_isolation=repeatable\\ read"},
        "SERIALIZABLE": {"options": "-c default_transaction_isolation=serializable"},
    },
    "mysql": {
        "REPEATABLE READ": {"isolation_level": "repeatable read"},
        "SERIALIZABLE": {"isolation_level": "serializable"},
    },
}
IMPATIENT = {
    "postgresql": {"options": "-c lock_timeout=300"},
    "mysql": {"init_command": "SET SESSION innodb_lock_wait_timeout=1"},
}


@contextmanager
def impatient(look: Look, **more: Any) -> Iterator[Any]:
    """Give a cache by a connection that does not wait long for a lock."""
    with (
        beside("impatient", **IMPATIENT[look.vendor]),
        tables(default=config(), hasty=config(database="impatient", STORE_ID="default", **more)),
    ):
        yield caches["hasty"]


@contextmanager
def holding(look: Look) -> Iterator[None]:
    """Hold locks on every row, in a transaction of somebody else's."""
    with transaction.atomic(using="look"):
        look("SELECT * FROM cache FOR UPDATE")
        yield


class Undo(Exception):
    """End a transaction with a rollback."""


@contextmanager
def undone() -> Iterator[None]:
    """Take it that a transaction was rolled back."""
    try:
        yield
    except Undo:
        return


FAILING: dict[str, Callable[[Any], Any]] = {
    "set": lambda cache: cache.set("a", 2),
    "delete": lambda cache: cache.delete("a"),
    "touch": lambda cache: cache.touch("a", 60),
}


@only["servers"]
@pytest.mark.parametrize("verb", FAILING)
def test_a_lock_that_is_held_too_long_leaves_the_transaction_usable(look: Look, verb: str) -> None:
    with impatient(look) as cache:
        cache.set("a", 1)
        look("CREATE TABLE mine (n int)")
        with transaction.atomic(using="impatient"), connections["impatient"].cursor() as cursor:
            with holding(look):
                assert not FAILING[verb](cache)
                with pytest.raises(StoreUnavailable, match="OperationalError"):
                    cache.incr("a")
            cursor.execute("INSERT INTO mine VALUES (1)")
            assert cache.get("a") == 1
            cache.set("a", 3)

        assert look("SELECT n FROM mine") == [(1,)]
        assert cache.get("a") == 3


@only["servers"]
def test_a_table_that_is_missing_leaves_the_transaction_usable(cache: Any, look: Look) -> None:
    look("CREATE TABLE mine (n int)")
    with transaction.atomic(using="disk"), connections["disk"].cursor() as cursor:
        cursor.execute("INSERT INTO mine VALUES (1)")
        with (
            override_settings(CACHES={"default": config("missing")}),
            pytest.raises(Misconfigured, match="cache_table default"),
        ):
            caches["default"].get("a")
        cursor.execute("INSERT INTO mine VALUES (2)")
        cache.set("a", 1)

    assert look("SELECT n FROM mine ORDER BY n") == [(1,), (2,)]
    assert cache.get("a") == 1


def test_a_value_that_cannot_be_stored_leaves_the_transaction_usable(
    cache: Any, look: Look
) -> None:
    with transaction.atomic(using="disk"):
        with pytest.raises(ValueTooLarge):
            cache.set("a", "x" * 10_000_000)
        with pytest.raises(ValueTooLarge):
            cache.set_many({"b": 1, "a": "x" * 10_000_000})
        cache.set("a", 1)

    assert cache.get_many("ab") == {"a": 1}


@only["mariadb"]
def test_a_deadlock_on_mariadb_undoes_the_transaction_and_says_so(look: Look) -> None:
    """There the server rolls the whole transaction back; to go on would lose half of it."""
    with tables(default=config(), other=config(database="look", STORE_ID="default")):
        cache, other = caches["default"], caches["other"]
        cache.set_many({"a": 1, "b": 1, "c": 1})
        look("CREATE TABLE mine (n int)")
        with pytest.raises(OperationalError, match="Deadlock"):
            meet_head_on(cache, other)

        assert look("SELECT n FROM mine") == []
        cache.set("a", 5)
        assert cache.get("a") == 5


@only["postgresql"]
def test_a_deadlock_on_postgresql_leaves_the_transaction_usable(look: Look) -> None:
    with tables(default=config(), other=config(database="look", STORE_ID="default")):
        cache, other = caches["default"], caches["other"]
        cache.set_many({"a": 1, "b": 1, "c": 1})
        look("CREATE TABLE mine (n int)")
        meet_head_on(cache, other)

        assert look("SELECT n FROM mine") == [(1,), (2,)]


def meet_head_on(cache: Any, other: Any) -> None:
    """Set a, then b, in a transaction, while another one sets b, then a; this one is the victim."""
    ready, waits = threading.Event(), threading.Event()

    def oncoming() -> None:
        with transaction.atomic(using="look"):
            # More rows than the other one has, which MariaDB goes by.
            other.set_many({"b": 2, **dict.fromkeys(map("more{}".format, range(30)), 2)})
            ready.set()
            waits.wait(10)
            other.set("a", 2)
        connections["look"].close()

    thread = threading.Thread(target=oncoming)
    thread.start()
    try:
        with transaction.atomic(using="disk"), connections["disk"].cursor() as cursor:
            if connections["disk"].vendor == "postgresql":
                cursor.execute("SET LOCAL deadlock_timeout = '100ms'")
            cursor.execute("INSERT INTO mine VALUES (1)")
            cache.set("a", 1)
            ready.wait(10)
            waits.set()
            cache.set("b", 1)
            cursor.execute("INSERT INTO mine VALUES (2)")
    finally:
        waits.set()
        thread.join(20)


@only["servers"]
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_counting_is_exact_at_every_isolation(look: Look, level: str) -> None:
    with (
        beside("strict", **ISOLATED[look.vendor][level]),
        tables(default=config(database="strict")),
    ):
        facade.put("n", 0)
        won: list[bool] = []

        def count() -> None:
            for turn in range(25):
                facade.increment("n")
                won.append(facade.add(f"race{turn}", 1))
            connections["strict"].close()

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert facade.get("n") == 100
        assert won.count(True) == 25


@only["servers"]
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_what_a_snapshot_does_not_see_is_an_error_inside_its_transaction(
    look: Look, level: str
) -> None:
    """Neither a lost count nor a broken transaction."""
    with (
        beside("strict", **ISOLATED[look.vendor][level]),
        tables(default=config(), strict=config(database="strict", STORE_ID="default")),
    ):
        facade.put("n", 1)
        facade.increment("n")
        strict = facade.store("strict")
        outcome: Any = None
        with transaction.atomic(using="strict"):
            assert strict.get("other") is None  # the snapshot is taken
            if level == "REPEATABLE READ" or look.vendor == "postgresql":
                facade.increment("n")
            try:
                outcome = strict.increment("n")
            except StoreUnavailable as error:
                outcome = type(error)
            strict.put("after", 1)

        assert facade.get("after") == 1
        expected = 3 if outcome is StoreUnavailable else outcome
        assert facade.get("n") == expected
        assert outcome in (3, 4, StoreUnavailable)


def test_the_clock_of_the_database_is_never_asked(look: Look) -> None:
    from django_cachekit.backends.sql.words import Sql

    sql = Sql(connections["disk"], "cache")
    texts = [value for value in vars(sql).values() if isinstance(value, str)]
    texts += [sql.read(2), sql.peek(2), sql.drop(2), sql.write(2), sql.write_if(2)]
    texts += [sql.take(2)]

    for word in ("NOW", "CURRENT", "CLOCK", "UNIX", "STRFTIME", "JULIAN", "LOCALTIME", "SYSDATE"):
        assert not [text for text in texts if word in text.upper()]


@only["servers"]
def test_a_transaction_that_the_caller_broke_is_a_miss(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    with undone(), transaction.atomic(using="disk"):
        with pytest.raises(Exception, match="nowhere"), connections["disk"].cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")
        if look.vendor == "postgresql":
            assert cache.get("a", "a miss") == "a miss"
            with pytest.raises(StoreUnavailable):
                cache.incr("a")
        else:
            assert cache.get("a") == 1
        raise Undo

    assert cache.get("a") == 1
    assert driver_of().shared


@only["sqlite"]
def test_a_full_disk_leaves_the_transaction_usable(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    look("CREATE TABLE mine (n int)")
    with transaction.atomic(using="disk"), connections["disk"].cursor() as cursor:
        cursor.execute("INSERT INTO mine VALUES (1)")
        cursor.execute("PRAGMA max_page_count = 1")
        assert cache.set_many({"big": "x" * 500_000}) == ["big"]
        cursor.execute("PRAGMA max_page_count = 10000")
        cache.set("a", 2)

    assert look("SELECT n FROM mine") == [(1,)]
    assert cache.get_many(["a", "big"]) == {"a": 2}


@only["sqlite"]
def test_a_transaction_that_sqlite_undoes_by_itself_is_told(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    look("CREATE TRIGGER undo BEFORE INSERT ON cache BEGIN SELECT RAISE(ROLLBACK, 'gone'); END")

    def caller() -> None:
        with transaction.atomic(using="disk"):
            cache.set("b", 1)

    with pytest.raises(IntegrityError, match="gone"):
        caller()
    assert cache.get("a") == 1
