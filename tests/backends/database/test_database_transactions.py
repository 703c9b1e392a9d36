"""The database store inside the application's own transactions, and beside other writers."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections, transaction
from django.test import override_settings

from django_cachekit import cache as facade
from django_cachekit.backends.sql import place
from django_cachekit.core.faces import Blocking
from django_cachekit.errors import Misconfigured, StoreUnavailable
from tests.conftest import Clock

from .helping import Look, another_process, config, database, driver_of, only, queries, tables

pytestmark = pytest.mark.usefixtures("never_due")


class Undo(Exception):
    """End a transaction with a rollback."""


@contextmanager
def undone() -> Iterator[None]:
    """Run in a transaction that is rolled back."""
    try:
        with transaction.atomic(using="disk"):
            yield
            raise Undo
    except Undo:
        return


@contextmanager
def locked(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the write lock of an SQLite file, as another process might."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield other


def test_what_a_rolled_back_transaction_set_is_gone(cache: Any) -> None:
    cache.set("before", 1)
    with undone():
        cache.set("before", 2)
        cache.set("new", 1)
        assert cache.get_many(["before", "new"]) == {"before": 2, "new": 1}

    assert cache.get_many(["before", "new"]) == {"before": 1}


def test_what_a_transaction_that_ended_well_set_is_there(cache: Any) -> None:
    with transaction.atomic(using="disk"):
        cache.set("a", 1)
        assert cache.incr("a") == 2

    assert cache.get("a") == 2


def test_a_flush_is_rolled_back_with_its_transaction(cache: Any) -> None:
    cache.set("a", 1)
    with undone():
        cache.clear()
        cache.set("b", 1)
        assert cache.get_many(["a", "b"]) == {"b": 1}

    assert cache.get_many(["a", "b"]) == {"a": 1}
    cache.set("c", 1)
    assert cache.get("c") == 1


def test_a_first_epoch_that_was_rolled_back_is_begun_anew(cache: Any) -> None:
    with undone():
        cache.set("a", 1)

    cache.set("b", 1)
    assert cache.get_many(["a", "b"]) == {"b": 1}


def test_a_cache_in_another_database_keeps_what_was_set(look: Look, tmp_path: Path) -> None:
    with (
        database("apart", tmp_path / "apart.sqlite3"),
        tables(default=config(), apart=config(database="apart")),
    ):
        with undone():
            caches["default"].set("a", 1)
            caches["apart"].set("a", 1)

        assert (caches["default"].get("a"), caches["apart"].get("a")) == (None, 1)


def test_an_error_leaves_the_transaction_usable(cache: Any, look: Look) -> None:
    with transaction.atomic(using="disk"), connections["disk"].cursor() as cursor:
        cursor.execute("CREATE TABLE mine (n int)")
        with (
            override_settings(CACHES={"default": config("missing")}),
            pytest.raises(Misconfigured),
        ):
            caches["default"].get("a")
        cursor.execute("INSERT INTO mine VALUES (1)")
        cache.set("a", 1)

    assert look("SELECT n FROM mine") == [(1,)]
    assert cache.get("a") == 1


def test_a_transaction_that_is_broken_already_is_a_miss(cache: Any) -> None:
    cache.set("a", 1)
    with transaction.atomic(using="disk"):
        transaction.set_rollback(True, using="disk")
        assert cache.get("a", "a miss") == "a miss"
        with pytest.raises(StoreUnavailable, match="TransactionManagementError"):
            cache.incr("a")

    assert cache.get("a") == 1


@only["sqlite"]
def test_savepoints_stand_only_where_errors_do_harm(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("a", 1)
    with transaction.atomic(using="disk"):
        assert queries(lambda: cache.get("a")) == ["SELECT"]
    monkeypatch.setattr(place, "UNHARMED", set())
    with transaction.atomic(using="disk"):
        assert queries(lambda: cache.get("a")) == ["SAVEPOINT", "SELECT", "RELEASE"]
        failing = driver_of().table.place
        with pytest.raises(ZeroDivisionError):
            failing.run(connections["disk"], lambda cursor, sql: 1 / 0)
        assert cache.get("a") == 1

    assert queries(lambda: cache.get("a")) == ["SELECT"]


@only["sqlite"]
def test_who_lost_inside_a_transaction_locks_the_row(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("n", 1)
    table = driver_of().table
    assert table.place.worded(connections["disk"]).lock == ""
    monkeypatch.setattr(table.place.worded(connections["disk"]), "lock", " /* FOR UPDATE */")
    monkeypatch.setattr(table, "_swap", _losing_once(table._swap))
    with transaction.atomic(using="disk"):
        said = queries(lambda: cache.incr("n"))

    assert said == ["UPDATE", "SELECT", "SELECT", "SELECT", "UPDATE"]
    assert cache.get("n") == 2


def test_what_vanishes_when_add_has_lost_to_it_is_no_winner(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("a", 1)
    table, name = driver_of().table, driver_of().entries.name("a", None)
    peek, left = table._peek, [name]

    def peeking(*args: Any, **options: Any) -> Any:
        if left:
            another_process().table.remove([left.pop()])
        return peek(*args, **options)

    monkeypatch.setattr(table, "_peek", peeking)

    assert cache.add("a", 2) is True
    assert cache.get("a") == 2


def _losing_once(swap: Any) -> Any:
    left = [False]
    return lambda *args: left.pop() if left else swap(*args)


def test_a_lock_that_goes_away_is_waited_for(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        database("hasty", tmp_path / "hasty.sqlite3", timeout=0),
        tables(default=config(database="hasty")),
        locked(tmp_path / "hasty.sqlite3") as other,
    ):
        pauses: list[float] = []

        async def sleep(self: Blocking, seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                other.execute("COMMIT")

        monkeypatch.setattr(Blocking, "sleep", sleep)
        caches["default"].set("a", 1)

        assert len(pauses) == 3
        assert caches["default"].get("a") == 1


def test_a_lock_is_not_waited_for_inside_a_transaction(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be held by one who waits for this very transaction."""

    async def sleep(self: Blocking, seconds: float) -> None:
        pytest.fail("it waited")

    monkeypatch.setattr(Blocking, "sleep", sleep)
    with (
        database("hasty", tmp_path / "hasty.sqlite3", timeout=0),
        tables(default=config(database="hasty")),
        locked(tmp_path / "hasty.sqlite3"),
        transaction.atomic(using="hasty"),
    ):
        assert caches["default"].set_many({"a": 1}) == ["a"]


def test_a_lock_that_stays_is_the_stores_trouble(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    async def sleep(self: Blocking, seconds: float) -> None:
        clock.advance(0.3)
        assert clock.moved < 10, "it would have waited for ever"

    monkeypatch.setattr(Blocking, "sleep", sleep)
    with (
        database("hasty", tmp_path / "hasty.sqlite3", timeout=0),
        tables(default=config(database="hasty")),
        locked(tmp_path / "hasty.sqlite3"),
    ):
        before = clock.moved
        assert caches["default"].set_many({"a": 1}) == ["a"]
        assert 0.9 < clock.moved - before < 1.5
        with pytest.raises(StoreUnavailable, match="OperationalError"):
            caches["default"].add("a", 1)


def test_pruning_that_fails_does_not_undo_the_write(
    cache: Any, look: Look, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.set("first", 1)
    bounds = driver_of().table.bounds
    monkeypatch.setattr(bounds, "dice", lambda: 0.0)

    def fail(cursor: Any, sql: Any, space: str) -> int:
        cursor.execute("SELECT * FROM nowhere")
        return 0

    monkeypatch.setattr(bounds, "sweep", fail)
    cache.set("a", 1)

    assert cache.get("a") == 1
    assert "pruning failed: " in caplog.text


@only["servers"]
def test_a_cas_within_a_transaction_loses_nothing_and_holds_no_row(cache: Any) -> None:
    """Who changes the same key meanwhile is not made to wait for the transaction."""
    cache.set("log", ["first"])

    def elsewhere() -> None:
        facade.cas("log", lambda log: [*log, "theirs"])
        connections["disk"].close()

    def change(log: list[str]) -> list[str]:
        if log == ["first"]:
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join(10)
            assert not thread.is_alive()
        return [*log, "mine"]

    with transaction.atomic(using="disk"):
        assert facade.cas("log", change) == ["first", "theirs", "mine"]
    assert cache.get("log") == ["first", "theirs", "mine"]
    with undone():
        facade.cas("log", lambda log: [])
        facade.cas("new", lambda _: 1)
    assert cache.get_many(["log", "new"]) == {"log": ["first", "theirs", "mine"]}


def test_two_processes_in_turn_count_exactly(cache: Any) -> None:
    """One that was overtaken between its read and its write starts over."""
    cache.set("n", 0)
    table, another = driver_of().table, another_process()
    name = driver_of().entries.name("n", None)
    seen: list[int] = []

    def change(data: Any, epoch: int) -> Any:
        number = driver_of().entries.load(name, data, epoch).value
        if not seen:
            cache.incr("n")
        seen.append(number)
        entry = another.entries.load(name, data, epoch)
        assert entry is not None
        entry.value += 1
        return another.entries.blob(name, "n", entry, epoch), entry.value

    assert table.update(name, change) == 2
    assert seen == [0, 1]
    assert cache.get("n") == 2
