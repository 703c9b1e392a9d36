"""Locks as rows: their statements, what else is in the table, transactions, and trouble."""

import gc
import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from django_cachekit import cache as facade
from django_cachekit.backends.locking import LINGER
from django_cachekit.backends.sql.apart import beside
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable
from tests.faultproxy import FaultProxy
from tests.servers.databases import entry

from .helping import INDEX_KEY, KEY, Look, config, driver_of, only, queries, tables

FORK = multiprocessing.get_context("fork")
pytestmark = pytest.mark.usefixtures("never_due")


def row_of(name: str) -> str:
    """Return the name of a lock's row."""
    found: bytes = driver_of().entries.name(lock_record(name), None)
    return found.hex()


class Undo(Exception):
    """End a transaction with a rollback."""


@contextmanager
def undone() -> Iterator[None]:
    try:
        with transaction.atomic(using="disk"):
            yield
            raise Undo
    except Undo:
        return


# Statements


def test_each_step_is_one_statement(cache: Any, look: Look) -> None:
    told = {"postgresql": "WITH"}
    lock, other = facade.lock("name", 30), facade.lock("name", 30)
    facade.lock("another", 30).acquire()

    assert queries(lock.acquire) == [told.get(look.vendor, "INSERT")]
    # Only SQLite has to look who has it: its upsert tells nothing of what it left alone.
    looking = ["SELECT"] if look.vendor == "sqlite" else []
    assert queries(other.acquire) == [told.get(look.vendor, "INSERT"), *looking]
    assert queries(lock.refresh) == ["UPDATE"]
    assert queries(lock.remaining) == ["SELECT"]
    assert queries(lock.release) == [told.get(look.vendor, "UPDATE")]
    assert queries(lock.force_release) == [told.get(look.vendor, "UPDATE")]


@pytest.mark.parametrize("look", ["sqlite", "mariadb"], indirect=True)
def test_where_an_insert_tells_nothing_a_query_follows(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in SQLite before 3.35, and MySQL."""
    if look.vendor == "mysql":
        monkeypatch.setattr(connections["disk"], "mysql_is_mariadb", True)
    features = connections["disk"].features
    monkeypatch.setattr(features, "can_return_columns_from_insert", False)
    with tables(default=config(STORE_ID="old")):
        lock, other = facade.lock("name", 30), facade.lock("name", 30, owner="me")
        assert queries(lock.acquire) == ["INSERT", "SELECT"]
        assert queries(other.acquire) == ["INSERT", "SELECT"]
        assert (other.fence, lock.release(), other.acquire()) == (None, True, True)
        assert other.fence == (lock.fence or 0) + 1
        assert facade.lock("name", 30, owner="me").acquire() is False


@only["mariadb"]
def test_the_order_in_which_columns_are_set_does_not_matter(cache: Any) -> None:
    """By default each sees those before it as they will be; this mode shows all as they were."""
    with connections["disk"].cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = CONCAT(@@sql_mode, ',SIMULTANEOUS_ASSIGNMENT')")
    lock, other = facade.lock("name", 30), facade.lock("name", 30)
    for _ in range(2):
        before = lock.fence or 0
        assert lock.acquire() is True
        assert other.acquire() is False
        assert (lock.fence or 0) > before
        assert 25 < lock.remaining() <= 30
        assert lock.release() is True
    connections["disk"].close()


def test_its_own_owner_does_not_have_it_twice(cache: Any) -> None:
    """Not in the same millisecond either, in which nothing in the row would change."""
    for _ in range(20):
        first, second = (facade.lock("name", 30, owner="me") for _ in range(2))
        assert first.acquire() is True
        assert second.acquire() is False
        assert first.release() is True


def test_a_failed_attempt_tells_how_long_it_is_held(cache: Any) -> None:
    locks, name = driver_of().locks, bytes(32)
    run_now(locks.take(BLOCKING, name, b"a" * 16, 30))
    fence, left = run_now(locks.take(BLOCKING, name, b"b" * 16, 30))

    assert fence == 0
    assert 25 < left <= 30


def test_what_has_ended_is_not_the_owners_though_nobody_took_it(cache: Any, look: Look) -> None:
    lock = facade.lock("name", 30)
    for late in (lock.refresh, lock.release):
        assert lock.acquire() is True
        look("UPDATE cache SET expires = expires - 60000 WHERE name = ?", row_of("name"))
        assert late() is False
        assert lock.is_locked() is False


# What else is in the table


def test_nothing_that_empties_the_cache_reaches_a_lock(cache: Any, look: Look) -> None:
    lock = facade.lock("name", 30)
    assert lock.acquire() is True
    cache.set("a", 1)
    assert list(facade.keys()) == ["a"]
    driver_of().table.bounds.entries = 1
    driver_of().table.prune()
    call_command("cache_prune", "default", verbosity=0)
    cache.clear()

    assert look.count() == 1
    assert lock.is_owned_by_current_process() is True
    assert lock.refresh() is True
    fence = lock.fence or 0
    lock.release()
    cache.clear()
    assert lock.acquire() is True
    assert lock.fence == fence + 1


def test_aliases_in_one_table_have_locks_of_their_own(look: Look) -> None:
    with tables(default=config(STORE_ID="s"), other=config(STORE_ID="s", KEY_PREFIX="other")):
        one, other = driver_of().locks, driver_of("other").locks
        name = bytes(32)
        assert run_now(one.take(BLOCKING, name, b"a" * 16, 30)).fence
        assert run_now(other.take(BLOCKING, name, b"b" * 16, 30)).fence
        assert run_now(one.wipe(BLOCKING)) == 1
        assert run_now(one.wipe(BLOCKING)) == 0
        assert not run_now(one.look(BLOCKING, name)).owner
        assert run_now(other.look(BLOCKING, name)).owner == b"b" * 16


@pytest.mark.parametrize("keys", [{}, {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}])
def test_the_table_tells_neither_name_nor_owner(look: Look, keys: Any) -> None:
    with tables(default=config(**keys)):
        assert facade.lock("plainly", 30, owner="somebody").acquire() is True
        assert look.count() == 1
        assert b"plainly" not in look.raw()
        assert b"somebody" not in look.raw()


@pytest.mark.parametrize("prune", ["command", "chance"])
def test_what_nobody_had_for_a_week_is_forgotten(
    cache: Any, look: Look, prune: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = {name: facade.lock(name, 30) for name in ("old", "recent", "held")}
    for lock in locks.values():
        assert lock.acquire() is True
    assert locks["old"].release() is True
    assert locks["recent"].release() is True
    for name, ago in (("old", LINGER + 60), ("recent", LINGER - 60)):
        look("UPDATE cache SET expires = expires - ? WHERE name = ?", ago * 1000, row_of(name))

    if prune == "command":
        call_command("cache_prune", "default", verbosity=0)
    else:
        monkeypatch.setattr(driver_of().locks, "dice", lambda: 0.0)
        assert facade.lock("held", 30).acquire() is False
    left = {name for (name,) in look("SELECT name FROM cache WHERE name <> 'epoch'")}
    assert left == {row_of("recent"), row_of("held")}
    before = locks["old"].fence or 0
    assert locks["old"].acquire() is True
    assert (locks["old"].fence or 0) > before


GARBLED = {
    "no end": ("UPDATE cache SET expires = NULL", True),
    "no fence": ("UPDATE cache SET number = NULL", False),
    "a fence below zero": ("UPDATE cache SET number = -5", False),
    "the largest number": ("UPDATE cache SET number = 9223372036854775807", False),
    "another value": ("UPDATE cache SET value = ''", False),
}


@pytest.mark.parametrize("change", GARBLED)
def test_a_row_that_somebody_else_wrote(cache: Any, look: Look, change: str) -> None:
    lock, other = facade.lock("name", 30), facade.lock("name", 30)
    assert lock.acquire() is True
    statement, free = GARBLED[change]
    look(f"{statement} WHERE name = ?", row_of("name"))

    assert lock.is_locked() is not free
    assert other.acquire() is free
    other.force_release()
    assert other.acquire() is True
    assert (other.fence or 0) >= (lock.fence or 0)


@only["sqlite"]
def test_text_where_a_number_belongs_is_a_free_lock(cache: Any, look: Look) -> None:
    lock = facade.lock("name", 30)
    assert lock.acquire() is True
    before = lock.fence or 0
    look("UPDATE cache SET expires = 'x', number = 'y', value = 'z'")
    time.sleep(0.002)  # its number begins anew with the clock, in milliseconds

    assert lock.is_locked() is False
    assert lock.acquire() is True
    assert (lock.fence or 0) > before


# Transactions


@only["servers"]
def test_a_lock_is_no_part_of_the_transaction(cache: Any, look: Look) -> None:
    held, kept = facade.lock("held", 30), facade.lock("kept", 30)
    assert held.acquire() is True
    with undone():
        assert kept.acquire() is True
        assert held.refresh(60) is True
        assert held.release() is True
        seen = look("SELECT name FROM cache WHERE LENGTH(value) = 24")
        assert seen == [(row_of("kept"),)]  # another connection sees it already

    assert kept.is_owned_by_current_process() is True
    assert held.is_locked() is False


@only["servers"]
def test_a_lock_in_a_transaction_waits_for_nobody(cache: Any) -> None:
    """As it would, had the transaction's own connection taken it: others wait for that row."""
    with transaction.atomic(using="disk"):
        assert facade.lock("name", 30).acquire() is True
        seen: list[bool] = []

        def work() -> None:
            seen.append(facade.lock("name", 30).acquire())
            connections["disk"].close()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(20)
        assert seen == [False]


@only["servers"]
def test_a_lock_is_given_back_in_a_transaction_that_is_broken(cache: Any) -> None:
    lock = facade.lock("name", 30)
    with undone():
        assert lock.acquire() is True
        transaction.set_rollback(True, using="disk")
        assert lock.release() is True
    assert lock.is_locked() is False


@only["servers"]
@pytest.mark.parametrize("by", ["settings", "hand"])
def test_a_connection_that_does_not_commit_by_itself(cache: Any, by: str) -> None:
    connections["disk"].close()
    if by == "settings":
        connections["disk"].settings_dict["AUTOCOMMIT"] = False
    else:
        connections["disk"].set_autocommit(False)
    lock = facade.lock("name", 30)
    try:
        assert lock.acquire() is True
        connections["disk"].rollback()
    finally:
        connections["disk"].settings_dict["AUTOCOMMIT"] = True
        connections["disk"].close()
    assert lock.is_owned_by_current_process() is True


@only["postgresql"]
def test_what_stands_beside_takes_none_of_a_pool(cache: Any) -> None:
    """Those who have its others would wait for it, each in a transaction."""
    pooled = connections["disk"].copy()
    pooled.settings_dict["OPTIONS"] = {"pool": True, "connect_timeout": 5}
    assert beside(pooled).wrapper.settings_dict["OPTIONS"] == {"connect_timeout": 5}
    assert pooled.settings_dict["OPTIONS"]["pool"] is True


@only["postgresql"]
def test_it_reaches_the_database_of_a_test_and_does_not_keep_it(look: Look) -> None:
    """As a test runner has it: the connection's own settings name another than DATABASES did."""
    look("DROP DATABASE IF EXISTS of_a_test")
    look("CREATE DATABASE of_a_test")
    settings = connections["disk"].settings_dict
    before = settings["NAME"]
    settings["NAME"] = "of_a_test"
    try:
        with tables(default=config()), transaction.atomic(using="disk"):
            lock, other = facade.lock("name", 30), facade.lock("name", 30)
            assert lock.acquire() is True
            assert other.acquire() is False
            assert run_now(driver_of().locks.wait(BLOCKING, [bytes(32)], 0.01)) is True
            found = beside(connections["disk"]).wrapper
            with found.cursor() as cursor:
                cursor.execute("SELECT current_database(), COUNT(*) FROM cache")
                assert cursor.fetchone() == ("of_a_test", 1)
    finally:
        settings["NAME"] = before
        connections["disk"].close()
    look("DROP DATABASE of_a_test")  # which a connection that was left would prevent


@only["servers"]
def test_what_stands_beside_a_connection_is_one_and_ends_with_it(cache: Any) -> None:
    with transaction.atomic(using="disk"):
        for number in range(5):
            assert facade.lock(f"name{number}", 30).acquire() is True
        other = beside(connections["disk"]).wrapper
        assert other.connection is not None
    with CaptureQueriesContext(other) as captured:
        assert facade.lock("name", 30).acquire() is True
    assert captured.captured_queries == []  # outside of a transaction it is not needed
    connections["disk"].close()

    assert other.connection is None


@only["servers"]
def test_what_stands_beside_a_connection_that_was_dropped_is_closed(cache: Any) -> None:
    """As when a thread ends without closing it."""
    dropped = connections["disk"].copy()
    other = beside(dropped).wrapper
    other.ensure_connection()
    raw: Any = other.connection
    del dropped
    gc.collect()

    assert other.connection is None
    assert raw.closed if other.vendor == "postgresql" else not raw.open


@only["servers"]
def test_a_child_of_a_fork_says_no_good_bye_in_its_parents_name(cache: Any) -> None:
    with transaction.atomic(using="disk"):
        assert facade.lock("name", 30).acquire() is True
        child = FORK.Process(target=beside(connections["disk"]).drop)
        child.start()
        child.join(20)
        assert child.exitcode == 0
        assert facade.lock("name", 30).acquire() is False


@only["sqlite"]
def test_on_sqlite_it_is_part_of_the_transaction(cache: Any) -> None:
    lock = facade.lock("name", 30)
    with undone():
        assert lock.acquire() is True

    assert lock.is_locked() is False


# Trouble


@pytest.fixture
def server(look: Look, request: pytest.FixtureRequest) -> Any:
    """Give the server that the cache is in."""
    return request.getfixturevalue("mariadb" if look.vendor == "mysql" else "postgresql")


@only["servers"]
def test_a_server_that_is_down(cache: Any, look: Look, server: Any) -> None:
    lock = facade.lock("name", 30)
    assert lock.acquire() is True
    connections["look"].close()
    server.stop()
    for ask in (lock.acquire, lock.refresh, lock.release, lock.is_locked, lock.force_release):
        with pytest.raises(StoreUnavailable):
            ask()
    with pytest.raises(StoreUnavailable):
        facade.lock("other", 30).block(5)
    server.start()

    assert lock.is_owned_by_current_process() is True
    assert lock.release() is True


@only["servers"]
def test_an_answer_that_is_lost(look: Look, server: Any, faulty: Any) -> None:
    """It may have been taken: who does not know of it gives it back behind the caller."""
    proxy: FaultProxy = faulty(server)
    settings = {**server.settings, "PORT": proxy.port}
    alias = f"proxied {look.vendor}"  # the threads behind keep the connections that they had
    with entry(alias, **settings), tables(default=config(database=alias)):
        lock = facade.lock("name", 30)
        lock.is_locked()
        proxy.lose_one_reply()
        with pytest.raises(OutcomeUnknown):
            lock.acquire()
        proxy.healthy()
        assert lock.fence is None
        assert facade.lock("name", 30).block(20)
        proxy.lose_one_reply()
        with pytest.raises(OutcomeUnknown):
            lock.force_release()
        proxy.healthy()
        assert lock.is_locked() is False
