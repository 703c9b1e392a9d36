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
from django_cachekit.flows import holding, keeping
from django_cachekit.flows.keeping import KEEPERS, Keeper
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
        while len(LINES._waiting.get(("default", lock._terms.keys[0]), ())) < 30:
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
        os._exit(1 if LINES._waiting else 0)
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


# One object, many holds


def test_a_late_holder_does_not_give_back_the_hold_of_another(clock: Clock) -> None:
    lock = cache.lock("name", 30)
    first = lock.block(0)
    clock.advance(31)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(lock.block, 0).result()
    with pytest.raises(LockLost):
        first.__exit__(None, None, None)
    assert lock.is_locked() is True
    second.__exit__(None, None, None)
    assert lock.is_locked() is False


def test_each_thread_leaves_its_own_block(clock: Clock) -> None:
    lock, left = cache.lock("name", 30), list[Any]()

    def late() -> None:
        with pytest.raises(LockLost), lock:  # noqa: PT012 - the block is what is tested
            inside.set()
            go_on.wait(20)
        left.append("late")

    inside, go_on = threading.Event(), threading.Event()
    thread = threading.Thread(target=late)
    thread.start()
    inside.wait(20)
    clock.advance(31)
    with lock:
        go_on.set()
        thread.join()
        assert left == ["late"]
        assert lock.is_locked() is True
    assert lock.is_locked() is False


def test_an_attempt_that_failed_takes_nothing_from_another(clock: Clock) -> None:
    driver: Any = cache._home.stack().driver
    lock = cache.lock("name", 30)
    with lock:
        with (
            mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")),
            pytest.raises(StoreUnavailable),
        ):
            lock.acquire()
        time.sleep(0.1)  # for what is done behind the caller
        assert lock.is_locked() is True
    given = cache.lock("name", 30, owner="job"), cache.lock("name", 30, owner="job")
    with given[0]:
        with (
            mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")),
            pytest.raises(StoreUnavailable),
        ):
            given[1].acquire()
        time.sleep(0.1)
        assert given[0].is_locked() is True


def test_a_child_takes_and_leaves_locks_of_its_own() -> None:
    lock = cache.lock("name", 30)
    owner = lock.owner
    child = os.fork()
    if not child:
        had = lock.acquire()
        os._exit(0 if had and lock.owner != owner and lock.release() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert lock.acquire() is True
    child = os.fork()
    if not child:
        os._exit(1 if lock.release() or lock.refresh() else 0)
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_asks_nothing_about_its_parents_hold() -> None:
    driver: Any = cache._home.stack().driver
    said: list[Operation] = []
    with cache.lock("name", 30) as lock:
        child = os.fork()
        if not child:
            with mock.patch.object(driver, "do_lock", said.append):
                gave = lock.release() or lock.refresh()
            os._exit(1 if gave else len(said))
        assert os.waitpid(child, 0)[1] == 0


def test_a_release_here_wakes_who_waits_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "FIRST_PAUSE", 60)
    monkeypatch.setattr(holding, "LAST_PAUSE", 60)
    lock = cache.lock("name", 300)
    lock.acquire()
    releasing = threading.Timer(0.2, lock.release)
    releasing.start()
    began = time.monotonic()
    cache.lock("name", 300).block(40)
    assert time.monotonic() - began < 30  # or it would be had at the end of his patience
    releasing.join()


def test_a_refresh_that_is_refused_or_too_late_is_a_loss(clock: Clock) -> None:
    lock = cache.lock("name", 30)
    lock.acquire()
    cache.lock("name", 30).force_release()
    assert lock.refresh() is False
    assert lock.lost is True
    driver: Any = cache._home.stack().driver
    does = driver.do_lock

    def slow(op: Operation) -> Any:
        done = does(op)
        clock.advance(31 if op.match == "renew" else 0)
        return done

    lock.acquire()
    with mock.patch.object(driver, "do_lock", slow):
        assert lock.refresh() is False
    assert lock.lost is True


def test_lost_is_told_until_it_is_taken_again() -> None:
    lock = cache.lock("name", 30)
    with pytest.raises(LockLost), lock:
        cache.lock("name", 30).force_release()
    assert lock.lost is True
    with lock:
        assert lock.lost is False


def test_one_try_is_one_step(asked: list[str]) -> None:
    cache.lock("name", 30).acquire()
    asked.clear()
    with pytest.raises(LockTimeout), cache.lock("name", 30):
        pass
    assert asked == ["take"]


def test_who_is_not_first_in_the_line_tries_at_the_end_of_his_patience() -> None:
    lock = cache.lock("name", 30)
    place = LINES.join(("default", lock._terms.keys[0]))  # of somebody who never gets on
    try:
        lock.block(0.05)
    finally:
        place.leave()
    assert lock.is_owned_by_current_process() is True


def test_what_waits_with_a_callback_has_no_block() -> None:
    async def enters(what: Any) -> None:
        async with what:
            pass

    lock, funnel = cache.lock("name", 30), cache.funnel("name")
    with pytest.raises(TypeError, match="block"):
        asyncio.run(enters(lock.ablock(0, lambda: 1)))
    with pytest.raises(TypeError, match="block"):
        asyncio.run(enters(funnel.ablock(0, failure=lambda error: 1)))


def test_waiting_is_a_coroutine() -> None:
    async def waits() -> Any:
        return await asyncio.create_task(cache.lock("name", 30).ablock(1, lambda: 1))

    assert asyncio.run(waits()) == 1
    with pytest.warns(RuntimeWarning, match="never awaited"):  # noqa: PT031 - it is collected
        cache.lock("name", 30).ablock(1)
        gc.collect()


def test_a_funnels_failure_is_for_its_own_waiting() -> None:
    def fails() -> None:
        raise LockTimeout("of another lock")

    async def awaits() -> None:
        await cache.funnel("name").ablock(0, fails, lambda error: "full")

    with pytest.raises(LockTimeout, match="of another"):
        cache.funnel("name").block(0, fails, lambda error: "full")
    with pytest.raises(LockTimeout, match="of another"):
        asyncio.run(awaits())


def test_a_generator_in_two_tasks_leaves_its_slot() -> None:
    funnel = cache.funnel("name", limit=1)

    async def steps() -> Any:
        async with funnel:
            yield 1

    async def runs() -> None:
        generator = steps()
        await asyncio.create_task(generator.__anext__())
        with pytest.raises(StopAsyncIteration):
            await asyncio.create_task(generator.__anext__())

    asyncio.run(runs())
    assert funnel.block(0, lambda: "free") == "free"


def test_a_slot_gives_back_itself_alone() -> None:
    funnel = cache.funnel("name", limit=2)
    with funnel as one, funnel:
        one.force_release()
        with funnel, pytest.raises(LockTimeout), funnel:
            pass
        with pytest.raises(LockLost):
            one.__class__.left(one, one._grip, None)
        funnel._entered._stack.pop(0)
        funnel._entered.push(cache.lock("another", 30).__enter__())


def test_a_generator_function_is_not_synchronized() -> None:
    def steps() -> Iterator[int]:
        yield 1

    async def work() -> int:
        return 1

    with pytest.raises(TypeError, match="generator"):
        synchronized("name", ttl=30)(steps)
    with pytest.raises(TypeError, match="coroutine"):
        synchronized("name", ttl=30)(lambda: work())()
    assert cache.lock("name", 30).is_locked() is False


def test_what_is_no_time_is_told_as_such() -> None:
    with pytest.raises(TypeError, match="time to wait"):
        cache.lock("name", 30).block("soon")
    with pytest.raises(TypeError, match="time to wait"):
        cache.lock("name", 30).block(None)
    with pytest.raises(TypeError, match="max_hold"):
        cache.lock("name", 30, auto_refresh=True, max_hold="long")
    assert cache.lock("name", 30).is_owned_by(None) is False  # type: ignore[arg-type]  # tested


# Kept alive


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Keeper:
    """Start no thread: turns are taken by the test."""
    monkeypatch.setattr(keeping, "background", lambda *_: None)
    keeper = Keeper()
    monkeypatch.setattr(KEEPERS, "_by_alias", {"default": keeper})
    return keeper


def test_a_lock_is_refreshed_each_third_of_its_ttl(
    keeper: Keeper, clock: Clock, asked: list[str]
) -> None:
    with cache.lock("name", 30, auto_refresh=True) as lock:
        for _ in range(20):
            clock.advance(10.1)
            keeper.turn()
        assert asked.count("renew") == 20
        assert lock.remaining() > 29
    keeper.turn()
    clock.advance(10.1)
    keeper.turn()
    assert asked.count("renew") == 20
    assert not keeper._kept


def test_a_lock_is_kept_no_longer_than_max_hold(keeper: Keeper, clock: Clock) -> None:
    def long_work() -> None:
        for _ in range(4):
            clock.advance(10.1)
            keeper.turn()
        assert lock.lost is False
        clock.advance(5)
        assert cache.lock("name", 30).acquire() is True
        keeper.turn()
        assert lock.lost is True

    lock = cache.lock("name", 30, auto_refresh=True, max_hold=45)
    with pytest.raises(LockLost):
        lock.get(long_work)
    assert cache.lock("name", 30).is_locked() is True


def test_a_lock_that_was_forgotten_ends(keeper: Keeper, clock: Clock, asked: list[str]) -> None:
    cache.lock("name", 30, auto_refresh=True).acquire()
    gc.collect()
    clock.advance(10.1)
    keeper.turn()
    assert "renew" not in asked
    assert not keeper._kept


def test_a_lock_ends_with_the_thread_that_took_it(
    keeper: Keeper, clock: Clock, asked: list[str]
) -> None:
    lock = cache.lock("name", 30, auto_refresh=True)
    thread = threading.Thread(target=lock.acquire)
    thread.start()
    thread.join()
    clock.advance(10.1)
    keeper.turn()
    assert "renew" not in asked


def test_a_lock_ends_with_the_task_that_took_it(
    keeper: Keeper, clock: Clock, asked: list[str]
) -> None:
    lock = cache.lock("name", 30, auto_refresh=True)

    async def holder() -> None:
        await lock.aacquire()
        clock.advance(10.1)
        keeper.turn()

    async_to_sync(holder)()
    assert asked.count("renew") == 1
    clock.advance(10.1)
    keeper.turn()
    assert asked.count("renew") == 1


def test_a_refresh_that_failed_is_tried_again_while_the_lock_lasts(
    keeper: Keeper, clock: Clock
) -> None:
    driver: Any = cache._home.stack().driver
    lock = cache.lock("name", 30, auto_refresh=True)
    assert lock.acquire() is True
    with mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")):
        clock.advance(10.1)
        keeper.turn()
    assert lock.lost is False
    clock.advance(2.6)
    keeper.turn()
    assert lock.remaining() > 29
    with mock.patch.object(driver, "do_lock", side_effect=RuntimeError("of a receiver")):
        for _ in range(20):
            clock.advance(2.6)
            keeper.turn()
    assert lock.lost is True
    assert not keeper._kept


def test_a_lock_that_was_given_back_is_kept_no_longer(keeper: Keeper) -> None:
    for number in range(50):
        with cache.lock(f"name {number}", 3600, auto_refresh=True):
            keeper.turn()
    keeper.turn()
    assert not keeper._kept


def test_a_release_that_failed_is_not_kept_alive(
    keeper: Keeper, clock: Clock, asked: list[str]
) -> None:
    driver: Any = cache._home.stack().driver
    lock = cache.lock("name", 30, auto_refresh=True)
    lock.acquire()
    with (
        mock.patch.object(driver, "do_lock", side_effect=StoreUnavailable("down")),
        pytest.raises(StoreUnavailable),
    ):
        lock.release()
    clock.advance(10.1)
    keeper.turn()
    assert "renew" not in asked
    assert lock.lost is False


def test_a_late_refresh_condemns_no_newer_hold(keeper: Keeper, clock: Clock) -> None:
    driver: Any = cache._home.stack().driver
    does = driver.do_lock
    lock = cache.lock("name", 30, auto_refresh=True)

    def meanwhile(op: Operation) -> Any:
        if op.match == "renew":
            lock.release()
            lock.acquire()
        return does(op)

    with lock:
        clock.advance(10.1)
        with mock.patch.object(driver, "do_lock", meanwhile):
            keeper.turn()
        assert lock.lost is False
        assert lock.is_owned_by_current_process() is True
    assert lock.is_locked() is True  # the block has left its own hold
    assert lock.release() is True


def test_a_ttl_that_was_lengthened_is_kept(keeper: Keeper, clock: Clock) -> None:
    with cache.lock("name", 30, auto_refresh=True) as lock:
        lock.refresh(600)
        clock.advance(100)
        keeper.turn()
        assert 490 < lock.remaining() <= 500
        clock.advance(101)
        keeper.turn()
        assert lock.remaining() > 590


@pytest.mark.parametrize("wrong", [{"max_hold": 10}, {"max_hold": 0, "auto_refresh": True}])
def test_max_hold_bounds_what_is_kept(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="max_hold"):
        cache.lock("name", 30, **wrong)
    assert cache.lock("name", 30, auto_refresh=True, max_hold=5).get() is True
    assert cache.lock("name", 30).remaining() <= 5


def test_the_thread_that_keeps_locks_ends_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KEEPERS, "_by_alias", {})

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
                kept = len(KEEPERS.of("default")._kept) == 1 and not lock.lost
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
    assert lock.owner not in repr(said) + repr(lock) + repr(lock._terms.keys)
