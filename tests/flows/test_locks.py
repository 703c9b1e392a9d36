"""Locks beyond what every store is asked: lines, keepers, forks, cancelling, and decorators."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings

from django_cachekit import cache, synchronized
from django_cachekit.core.lines import LINES
from django_cachekit.core.operation import Operation
from django_cachekit.errors import LockLost, LockTimeout, OutcomeUnknown, StoreUnavailable
from django_cachekit.flows import keeping
from django_cachekit.flows.keeping import KEEPER
from tests.conftest import Clock

ARRAY = {"BACKEND": "django_cachekit.backends.array.ArrayCache"}
NULL = {"BACKEND": "django_cachekit.backends.null.NullCache"}


@pytest.fixture(autouse=True)
def array(tmp_path: Path) -> Iterator[None]:
    """Have locks in memory, another for each test."""
    aliases = {"default": {**ARRAY, "LOCATION": str(tmp_path)}, "null": NULL}
    with override_settings(CACHES=aliases):
        yield


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down what is asked of locks."""
    said: list[str] = []
    driver: Any = cache._home.stack().driver
    does = driver.do_lock

    def lock(op: Operation) -> Any:
        said.append(op.match)
        return does(op)

    monkeypatch.setattr(driver, "do_lock", lock)
    return said


def test_only_the_first_in_a_line_asks(asked: list[str]) -> None:
    lock = cache.lock("name", 60)
    lock.acquire()
    with ThreadPoolExecutor(30) as pool:
        waits = [pool.submit(cache.lock("name", 60).block, 30, lambda: 1) for _ in range(30)]
        while len(LINES._waiting.get(("default", lock._grip.keys[0]), ())) < 30:
            time.sleep(0.001)
        asked.clear()
        time.sleep(0.5)
        assert asked.count("take") < 30  # one of them, now and then
        lock.release()
        assert [wait.result() for wait in waits] == [1] * 30
    assert not LINES._waiting


def test_those_who_wait_come_in_the_order_in_which_they_came() -> None:
    lock, order = cache.lock("name", 60), list[int]()

    async def comes(number: int) -> None:
        async with cache.lock("name", 60).ablock(30):
            order.append(number)

    async def all_come() -> None:
        tasks = []
        for number in range(10):
            tasks.append(asyncio.ensure_future(comes(number)))
            await asyncio.sleep(0.002)
        await lock.arelease()
        await asyncio.gather(*tasks)

    lock.acquire()
    asyncio.run(all_come())
    assert order == list(range(10))


def test_who_gives_up_waiting_lets_the_next_one_up() -> None:
    lock = cache.lock("name", 60)
    lock.acquire()

    async def waits() -> None:
        first = asyncio.ensure_future(cache.lock("name", 60).wait(60))
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(cache.lock("name", 60).wait(60))
        await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.sleep(0.01)
        await lock.arelease()
        await asyncio.wait_for(second, 10)

    asyncio.run(waits())
    assert not LINES._waiting


def test_the_line_of_a_parent_is_not_its_childs() -> None:
    place = LINES.join("name")
    child = os.fork()
    if not child:
        os._exit(0 if not LINES.busy("name") else 1)
    place.leave()
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_does_not_give_back_its_parents_lock(tmp_path: Path) -> None:
    with override_settings(CACHES={"default": {**ARRAY, "LOCATION": "forked"}}):
        lock = cache.lock("name", 60)
        said: list[Operation] = []
        with lock:
            driver: Any = cache._home.stack().driver
            child = os.fork()
            if not child:
                with mock.patch.object(driver, "do_lock", said.append):
                    lock.__exit__(None, None, None)
                os._exit(len(said))
            assert os.waitpid(child, 0)[1] == 0
        assert lock.is_locked() is False


def test_an_attempt_whose_answer_was_lost_is_taken_back() -> None:
    driver: Any = cache._home.stack().driver
    does = driver.do_lock

    def deaf(op: Operation) -> Any:
        done = does(op)
        if op.match == "take":
            raise OutcomeUnknown("the answer was lost")
        return done

    with mock.patch.object(driver, "do_lock", deaf), pytest.raises(OutcomeUnknown):
        cache.lock("name", 60).acquire()
    until = time.monotonic() + 10
    while cache.lock("name", 60).is_locked() and time.monotonic() < until:
        time.sleep(0.01)
    assert cache.lock("name", 60).acquire() is True


def test_an_answer_that_came_too_late_is_no_lock(clock: Clock) -> None:
    driver: Any = cache._home.stack().driver
    does = driver.do_lock

    def slow(op: Operation) -> Any:
        done = does(op)
        clock.advance(31 if op.match == "take" else 0)
        return done

    with mock.patch.object(driver, "do_lock", slow):
        assert cache.lock("name", 30).acquire() is False


@pytest.mark.parametrize("verb", ["acquire", "release", "refresh", "remaining", "is_locked"])
def test_a_store_that_is_down_has_no_locks(verb: str) -> None:
    lock = cache.lock("name", 60)
    driver: Any = cache._home.stack().driver
    down = mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down"))
    with down, pytest.raises(StoreUnavailable):
        getattr(lock, verb)()
    assert lock._grip.held is False


def test_an_error_of_the_block_goes_before_one_of_the_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    driver: Any = cache._home.stack().driver

    def falls(error: Exception | None) -> None:
        down = mock.Mock(side_effect=StoreUnavailable("down"))
        monkeypatch.setattr(driver, "do_lock", down)
        if error is not None:
            raise error

    with pytest.raises(RuntimeError, match="of the block"):
        cache.lock("name", 60).get(lambda: falls(RuntimeError("of the block")))
    monkeypatch.undo()
    with pytest.raises(StoreUnavailable):
        cache.lock("other", 60).get(lambda: falls(None))


# Kept alive


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no thread: turns are taken by the test."""
    monkeypatch.setattr(keeping, "background", lambda *_: None)
    monkeypatch.setattr(KEEPER, "_due", [])


@pytest.mark.usefixtures("by_hand")
def test_a_lock_is_refreshed_each_third_of_its_ttl(clock: Clock, asked: list[str]) -> None:
    with cache.lock("name", 30, auto_refresh=True) as lock:
        for _ in range(20):
            clock.advance(10.1)
            KEEPER.turn()
        assert asked.count("renew") == 20
        assert lock.remaining() > 29
    KEEPER.turn()
    clock.advance(10.1)
    KEEPER.turn()
    assert asked.count("renew") == 20
    assert not KEEPER._due


@pytest.mark.usefixtures("by_hand")
def test_a_lock_is_kept_no_longer_than_max_hold(clock: Clock) -> None:
    def long_work() -> None:
        for _ in range(10):
            clock.advance(10.1)
            KEEPER.turn()
        assert lock.lost is True
        assert cache.lock("name", 30).acquire() is True

    lock = cache.lock("name", 30, auto_refresh=True, max_hold=45)
    with pytest.raises(LockLost):
        lock.get(long_work)
    assert cache.lock("name", 30).is_locked() is True


@pytest.mark.usefixtures("by_hand")
def test_a_lock_that_was_forgotten_ends(clock: Clock, asked: list[str]) -> None:
    cache.lock("name", 30, auto_refresh=True).acquire()
    gc.collect()
    clock.advance(10.1)
    KEEPER.turn()
    assert "renew" not in asked
    assert not KEEPER._due


@pytest.mark.usefixtures("by_hand")
def test_a_lock_ends_with_the_thread_that_took_it(clock: Clock, asked: list[str]) -> None:
    lock = cache.lock("name", 30, auto_refresh=True)
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    clock.advance(10.1)
    KEEPER.turn()
    assert "renew" not in asked


@pytest.mark.usefixtures("by_hand")
def test_a_lock_ends_with_the_task_that_took_it(clock: Clock, asked: list[str]) -> None:
    lock = cache.lock("name", 30, auto_refresh=True)

    async def holder() -> None:
        await lock.aacquire()
        clock.advance(10.1)
        KEEPER.turn()

    async_to_sync(holder)()
    assert asked.count("renew") == 1
    clock.advance(10.1)
    KEEPER.turn()
    assert asked.count("renew") == 1


@pytest.mark.usefixtures("by_hand")
def test_a_refresh_that_failed_is_tried_again_while_the_lock_lasts(clock: Clock) -> None:
    driver: Any = cache._home.stack().driver
    with cache.lock("name", 30, auto_refresh=True) as lock:
        with mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")):
            clock.advance(10.1)
            KEEPER.turn()
        assert lock.lost is False
        clock.advance(10.1)
        KEEPER.turn()
        assert lock.remaining() > 29
        with mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")):
            for _ in range(3):
                clock.advance(10.1)
                KEEPER.turn()
        assert lock.lost is True
        lock._grip.lost = False  # or the block would say so
    assert not KEEPER._due


def test_the_thread_that_keeps_locks_ends_with_the_last() -> None:
    def alive() -> bool:
        return any(thread.name == "cachekit-keeper" for thread in threading.enumerate())

    before = {thread for thread in threading.enumerate() if thread.name == "cachekit-keeper"}
    with cache.lock("name", 0.3, auto_refresh=True) as lock:
        time.sleep(1)
        assert lock.lost is False
        assert alive()
    until = time.monotonic() + 10
    while set(threading.enumerate()) - before and time.monotonic() < until:
        if not {t for t in threading.enumerate() if t.name == "cachekit-keeper"} - before:
            break
        time.sleep(0.01)
    assert not {t for t in threading.enumerate() if t.name == "cachekit-keeper"} - before


def test_a_childs_keeper_is_its_own() -> None:
    with cache.lock("name", 30, auto_refresh=True):
        child = os.fork()
        if not child:
            with cache.lock("another", 0.3, auto_refresh=True) as lock:
                time.sleep(1)
                kept = len(KEEPER._due) == 1 and not lock.lost
            os._exit(0 if kept else 1)
        assert os.waitpid(child, 0)[1] == 0


# Decorators, funnels, the null store


def test_a_synchronized_function_runs_once_at_a_time() -> None:
    inside, most = [0], [0]

    @synchronized("work:{number}", ttl=30, wait_for=20)
    def work(number: int, again: bool = False) -> int:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.005)
        inside[0] -= 1
        return number * 2

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, [1] * 8)) == [2] * 8
    assert most == [1]
    with cache.lock("work:1", 30):
        assert work(2) == 4
        with pytest.raises(LockTimeout):
            synchronized(lambda number: f"work:{number}", ttl=30, wait_for=0)(work)(1)


def test_a_synchronized_coroutine_function() -> None:
    @synchronized(ttl=30, wait_for=0)
    async def work() -> str:
        """Do it."""
        name = f"{work.__module__}.{work.__qualname__}"
        assert await cache.lock(name, 30).ais_locked()
        with pytest.raises(LockTimeout):
            await work()
        return "done"

    assert work.__doc__ == "Do it."
    assert asyncio.run(work()) == "done"  # type: ignore[arg-type]  # a coroutine


@pytest.mark.parametrize("wrong", [{"ttl": 0}, {"ttl": None}, {"ttl": 30, "wait_for": "soon"}])
def test_wrong_times_are_told_where_they_are_written(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        synchronized("name", **wrong)


def test_a_funnel_is_shared_by_threads_and_tasks() -> None:
    funnel, inside, most = cache.funnel("name", limit=3, ttl=30), [0], [0]

    def count(by: int) -> None:
        inside[0] += by
        most[0] = max(most[0], inside[0])

    async def enters() -> None:
        while True:
            try:
                async with funnel:
                    count(1)
                    await asyncio.sleep(0.005)
                    count(-1)
                    return
            except LockTimeout:
                await asyncio.sleep(0.001)

    async def all_enter() -> None:
        await asyncio.gather(*(enters() for _ in range(12)))

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(asyncio.run, all_enter()) for _ in range(2)]:
            done.result()
    assert most == [3]
    with funnel, funnel, funnel, pytest.raises(LockTimeout), funnel:
        pass


def test_the_null_store_grants_every_lock() -> None:
    store = cache.store("null")
    one, other = store.lock("name", 30), store.lock("name", 30)
    with one, other:
        assert one.fence is not None
        assert other.fence is not None
        assert one.fence < other.fence
    assert store.without_overlapping("name", lambda: 1) == 1
    with store.funnel("name", 1), store.funnel("name", 1):
        pass


def test_no_owner_is_told_to_receivers_or_in_a_text() -> None:
    from django_cachekit import signals
    from django_cachekit.testing.heard import OF_LOCKS, listening

    with listening(OF_LOCKS) as heard:
        lock = cache.lock("name", 30)
        lock.acquire()
        lock.release()
        said = list(heard.said)
    assert signals.lock_acquired.receivers == []
    assert [named["name"] for _, named in said] == ["name", "name"]
    assert lock.owner not in repr(said) + repr(lock) + repr(lock._grip.keys)
