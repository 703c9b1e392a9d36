"""Waiting for locks of PostgreSQL's, which tells of releases; and of the others, which do not."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from django_cachekit import cache as facade
from django_cachekit.backends.sql import ears, locks
from django_cachekit.backends.sql.apart import beside
from django_cachekit.core.faces import AWAITING, BLOCKING, run_now

from .helping import Look, driver_of, only, queries

pytestmark = pytest.mark.usefixtures("never_due")

NAME, OTHER = bytes(32), bytes([1]) * 32
OWNER = b"a" * 16


LISTENING = """
    SELECT COUNT(*) FROM pg_stat_activity
    WHERE query LIKE 'BEGIN; LISTEN%' OR query LIKE 'UNLISTEN%'
"""


def listening(look: Look) -> int:
    """Return how many connections did nothing since they had listened, or stopped to."""
    return int(look(LISTENING)[0][0])


def settles(look: Look, most: int) -> bool:
    """Wait until so few are left: a server takes a moment to see that one was closed."""
    until = time.monotonic() + 10
    while (left := listening(look)) > most and time.monotonic() < until:
        time.sleep(0.02)
    return left <= most


def channels() -> list[Any]:
    """Return the channels on which the connection beside this thread's still listens."""
    with beside(connections["disk"]).wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_listening_channels()")
        return list(cursor.fetchall())


def store() -> Any:
    return driver_of().locks


def take(name: bytes = NAME) -> None:
    assert run_now(store().take(BLOCKING, name, OWNER, 30)).fence


@contextmanager
def later(work: Callable[[], Any], seconds: float = 0.3) -> Iterator[None]:
    """Do something in a thread of its own after a while."""

    def both() -> None:
        work()
        connections["disk"].close()

    timer = threading.Timer(seconds, both)
    timer.start()
    yield
    timer.join()


def give_back(name: bytes = NAME) -> None:
    assert run_now(store().free(BLOCKING, name, OWNER)) is True


@pytest.mark.parametrize("look", ["sqlite", "mariadb"], indirect=True)
def test_what_tells_nothing_says_so_at_once(cache: Any) -> None:
    take()
    began = time.monotonic()
    assert run_now(store().wait(BLOCKING, [NAME], 20)) is False
    assert time.monotonic() - began < 5


@only["postgresql"]
def test_a_release_wakes_who_waits(cache: Any) -> None:
    take()
    take(OTHER)
    began = time.monotonic()

    def both() -> None:
        give_back(OTHER)
        give_back()

    with later(both):
        assert run_now(store().wait(BLOCKING, [NAME], 20)) is True
    assert 0.2 < time.monotonic() - began < 10
    assert channels() == []


@only["postgresql"]
def test_one_of_several_wakes_who_waits_for_any(cache: Any) -> None:
    take()
    take(OTHER)
    began = time.monotonic()
    with later(lambda: give_back(OTHER)):
        assert run_now(store().wait(BLOCKING, [NAME, OTHER], 20)) is True
    assert time.monotonic() - began < 10


@only["postgresql"]
@pytest.mark.parametrize("by", ["force", "wipe"])
def test_so_does_whatever_else_frees_it(cache: Any, by: str) -> None:
    take()
    began = time.monotonic()
    work = {
        "force": lambda: run_now(store().free(BLOCKING, NAME, None)),
        "wipe": lambda: run_now(store().wipe(BLOCKING)),
    }[by]
    with later(work):
        assert run_now(store().wait(BLOCKING, [NAME], 20)) is True
    assert time.monotonic() - began < 10


@only["postgresql"]
def test_what_was_given_back_before_it_listened_wakes_it_at_once(cache: Any) -> None:
    take()
    take(OTHER)
    give_back()
    began = time.monotonic()
    assert run_now(store().wait(BLOCKING, [NAME], 20)) is True
    assert run_now(store().wait(BLOCKING, [NAME, OTHER], 20)) is True
    assert time.monotonic() - began < 10


@only["postgresql"]
def test_it_waits_no_longer_than_it_was_told(cache: Any) -> None:
    take()
    began = time.monotonic()
    assert run_now(store().wait(BLOCKING, [NAME], 0.3)) is True
    assert 0.3 <= time.monotonic() - began < 5


@only["postgresql"]
def test_who_waits_does_not_ask(cache: Any) -> None:
    """Two statements besides the first attempt and the last, however long it takes."""
    lock, other = facade.lock("name", 30), facade.lock("name", 30)
    assert lock.acquire() is True
    asked: list[str] = []

    def note(execute: Any, sql: str, *args: Any) -> Any:
        asked.append(sql.split()[0])
        return execute(sql, *args)

    def wait() -> None:
        with beside(connections["disk"]).wrapper.execute_wrapper(note):
            assert other.block(20)

    with later(lock.release, 0.8):
        asked += queries(wait)
    assert sorted(asked) == ["BEGIN;", "UNLISTEN", "WITH", "WITH"]


@only["postgresql"]
def test_no_more_than_so_many_listen(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    take()
    monkeypatch.setattr(store(), "_waiting", threading.BoundedSemaphore(1))
    seen: list[bool] = []

    def third() -> None:
        seen.append(run_now(store().wait(BLOCKING, [NAME], 20)))
        give_back()

    with later(third):
        assert run_now(store().wait(BLOCKING, [NAME], 20)) is True
    assert seen == [False]
    assert run_now(store().wait(BLOCKING, [NAME], 20)) is True
    assert locks.WAITING == 10


@only["postgresql"]
def test_a_connection_that_was_ended_tells_nothing(cache: Any, look: Look) -> None:
    take()
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LISTEN%'"
    with later(lambda: look(end)):
        assert run_now(store().wait(BLOCKING, [NAME], 20)) is False
    assert run_now(store().wait(BLOCKING, [NAME], 0.1)) is True
    assert channels() == []


# Awaited


@only["postgresql"]
def test_who_awaits_takes_no_thread_while_waiting(cache: Any, look: Look) -> None:
    """Nothing else in the loop waits for it; more wait than there are threads, too."""
    names = [bytes([number]) * 32 for number in range(1, 9)]
    for name in names:
        take(name)
    seen: list[bool] = []

    async def wait(name: bytes) -> None:
        seen.append(await store().wait(AWAITING, [name], 20))

    async def run() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2))
        waiting = [asyncio.ensure_future(wait(name)) for name in names]
        while await asyncio.to_thread(listening, look) < len(names):
            await asyncio.sleep(0.02)
        assert not any(task.done() for task in waiting)
        for name in names:
            await asyncio.to_thread(give_back, name)
        await asyncio.gather(*waiting)
        assert await asyncio.to_thread(settles, look, ears.IDLE)

    asyncio.run(run())
    assert seen == [True] * len(names)
    assert settles(look, 0), "they end with their loop"


@only["postgresql"]
def test_who_is_cancelled_leaves_nothing_behind(cache: Any, look: Look) -> None:
    take()

    async def run() -> None:
        for after in (0, 0.001, 0.005, 0.02, 0.3):
            task = asyncio.ensure_future(store().wait(AWAITING, [NAME], 20))
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert await store().wait(AWAITING, [NAME], 0.1) is True

    asyncio.run(run())
    assert settles(look, 0)
    assert store()._waiting._value == locks.WAITING


@only["postgresql"]
def test_one_connection_serves_who_awaits_again(cache: Any, look: Look) -> None:
    take()

    async def run() -> None:
        for _ in range(3):
            assert await store().wait(AWAITING, [NAME], 0.05) is True
        assert await asyncio.to_thread(listening, look) == 1

    asyncio.run(run())
    assert settles(look, 0)
