"""Waiting for a lock on a Redis: woken by a signal, on few connections, and none of them spoilt."""

import asyncio
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.core.faces import AWAITING, BLOCKING, run_now
from django_cachekit.core.held import lock_record, slot_record
from django_cachekit.errors import LockTimeout

from .helping import alone, driver_of, within


def names(*records: Any) -> list[bytes]:
    driver = driver_of()
    return [driver.entries.name(record, None) for record in records]


def hooks() -> Any:
    return driver_of().locks


def soon(told: Callable[[], Any], within: float = 5) -> bool:
    """Wait until something is so."""
    until = time.monotonic() + within
    while not (found := told()) and time.monotonic() < until:
        time.sleep(0.005)
    return bool(found)


def listening(raw: Any) -> int:
    return int(raw.info("clients")["blocked_clients"])


@contextmanager
def waiting(*works: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do something in threads meanwhile, and give what comes of each."""
    results = list[Any]()
    threads = [threading.Thread(target=lambda work=work: results.append(work())) for work in works]
    for thread in threads:
        thread.start()
    yield results
    for thread in threads:
        thread.join(30)
    assert len(results) == len(works)


def by(face: str, seconds: float) -> Callable[[], float]:
    """Return what waits for the lock by a face, gives it back, and tells when it was had."""

    def blocking() -> float:
        with cache.lock("name", 30).block(seconds):
            return time.monotonic()

    async def awaited() -> float:
        async with cache.lock("name", 30).ablock(seconds):
            return time.monotonic()

    return blocking if face == "blocking" else lambda: asyncio.run(awaited())


@pytest.mark.parametrize("face", ["blocking", "awaited"])
def test_who_waits_is_told_at_once_and_does_not_poll(face: str, empty: Any, raw: Any) -> None:
    with alone(empty.url, SOCKET_TIMEOUT=2):
        lock = cache.lock("name", 30)
        delays = []
        for turn in range(5):
            assert lock.block(5)
            raw.config_resetstat()
            with waiting(by(face, 20)) as had:
                assert soon(lambda: listening(raw) == 1)
                time.sleep(2.2 if turn == 0 else 0.3)
                stats = raw.info("commandstats")
                began = time.monotonic()
                assert lock.release() is True
            delays.append(had[0] - began)
            if turn == 0:
                # Once a second, in case that a signal was lost, and never in between.
                assert stats["cmdstat_evalsha"]["calls"] <= 4
                assert stats["cmdstat_blpop"]["calls"] <= 4
        assert statistics.median(delays) < 0.25, delays


@pytest.mark.parametrize("face", [BLOCKING, AWAITING])
def test_it_listens_for_less_than_an_answer_may_take(face: Any, empty: Any, raw: Any) -> None:
    with alone(empty.url):  # half a second
        asked = hooks().wait(face, names(lock_record("name")), 1.2)
        began = time.monotonic()
        assert (run_now(asked) if face is BLOCKING else asyncio.run(asked)) is True
        assert 1.1 < time.monotonic() - began < 3
        assert listening(raw) == 0


def test_a_signal_is_for_one_and_goes_with_the_next_holder(empty: Any, raw: Any) -> None:
    with alone(empty.url):
        lock = cache.lock("name", 30)
        signal = hooks().keys.signal(*names(lock_record("name")))
        for _ in range(2):
            assert lock.acquire() is True
            assert not raw.exists(signal)
            assert lock.release() is True
            assert raw.llen(signal) == 1
            assert 0 < raw.pttl(signal) <= 2000
        cache.lock("name", 30).force_release()
        assert lock.release() is False
        assert raw.llen(signal) == 1
        (name,) = names(lock_record("name"))
        with within(0.5):
            assert run_now(hooks().wait(BLOCKING, [name], 5)) is True
        assert not raw.exists(signal)


def test_two_releases_leave_one_signal(empty: Any, raw: Any) -> None:
    with alone(empty.url):
        (name,) = names(lock_record("name"))
        locks = hooks()
        taken = locks.keys.signal(name)
        raw.rpush(taken, "1")
        lock = cache.lock("name", 30)
        assert lock.acquire() is True
        raw.rpush(taken, "1")
        assert lock.release() is True
        assert raw.llen(taken) == 1


@pytest.mark.parametrize("face", [BLOCKING, AWAITING])
def test_any_of_several_is_heard(face: Any, empty: Any) -> None:
    with alone(empty.url):
        slots = names(*(slot_record("name", number) for number in range(3)))
        owner = b"x" * 16
        for slot in slots:
            assert run_now(hooks().take(BLOCKING, slot, owner, 30)).fence

        def wait() -> float:
            asked = hooks().wait(face, slots, 5)
            assert (run_now(asked) if face is BLOCKING else asyncio.run(asked)) is True
            return time.monotonic()

        for slot in slots:
            with waiting(wait) as done:
                time.sleep(0.3)
                began = time.monotonic()
                assert run_now(hooks().free(BLOCKING, slot, owner)) is True
            assert done[0] - began < 1


def test_a_wait_ends_in_time(empty: Any) -> None:
    with alone(empty.url):
        began = time.monotonic()
        assert run_now(hooks().wait(BLOCKING, names(lock_record("name")), 0.6)) is True
        assert 0.5 < time.monotonic() - began < 1.5
        lock = cache.lock("name", 30)
        assert lock.acquire() is True
        with within(1.2), pytest.raises(LockTimeout):
            cache.lock("name", 30).block(0.4)


def test_few_connections_are_kept_by_those_who_wait(empty: Any, raw: Any) -> None:
    with alone(empty.url, SOCKET_TIMEOUT=2, CONNECTION_POOL_KWARGS={"max_connections": 8}):
        held = [cache.lock(f"name {number}", 30) for number in range(6)]
        assert all(lock.acquire() for lock in held)
        works = [lambda name=lock.name: bool(cache.lock(name, 30).block(20)) for lock in held]
        with waiting(*works):
            assert soon(lambda: listening(raw) == 2)
            most = 0
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                most = max(most, listening(raw))
            assert most == 2
            assert cache.put("others", "go on") is True
            assert all(lock.release() for lock in held)
        assert soon(lambda: listening(raw) == 0)


def test_a_pool_that_is_too_small_is_for_others(empty: Any) -> None:
    for options in ({"CONNECTION_POOL_KWARGS": {"max_connections": 3}}, {"SOCKET_TIMEOUT": 0.15}):
        with alone(empty.url, **options):
            asked = names(lock_record("name"))
            assert run_now(hooks().wait(BLOCKING, asked, 5)) is False
            lock = cache.lock("name", 0.5)
            assert lock.acquire() is True
            assert cache.lock("name", 30).block(5)
            cache.lock("name", 30).force_release()


def test_a_child_has_all_seats(empty: Any) -> None:
    with alone(empty.url, CONNECTION_POOL_KWARGS={"max_connections": 4}):
        seats = hooks().seats
        with seats.one() as seated, seats.one() as another:
            assert (seated, another) == (True, False)
            seats._pid -= 1  # as after a fork
            with seats.one() as seated:
                assert seated is True
        for _ in range(3):
            with seats.one() as seated:
                assert seated is True


def test_a_task_that_is_cancelled_leaves_no_spoilt_connection(empty: Any, raw: Any) -> None:
    async def work() -> None:
        lock = cache.lock("name", 30)
        assert await lock.aacquire() is True
        await cache.aput_many({f"k{number}": number for number in range(20)})
        for _ in range(10):
            waits = [asyncio.create_task(cache.lock("name", 30).wait(20)) for _ in range(3)]
            while listening(raw) == 0:
                await asyncio.sleep(0.01)
            # Until Python 3.12 wait_for(), by which redis-py sends, swallows what comes just then.
            await asyncio.sleep(0.05)
            for task in waits:
                task.cancel()
            ends = await asyncio.gather(*waits, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 3, ends
            found = await asyncio.gather(*(cache.aget(f"k{number}") for number in range(20)))
            assert found == list(range(20))
        assert await lock.arelease() is True
        other = cache.lock("name", 30)
        assert (await asyncio.wait_for(other.wait(5), 3)).fence == other.fence

    with alone(empty.url, SOCKET_TIMEOUT=4):
        asyncio.run(work())
        assert soon(lambda: listening(raw) == 0)


def test_the_loop_goes_on_meanwhile(empty: Any) -> None:
    async def work() -> None:
        lock = cache.lock("name", 30)
        assert await lock.aacquire() is True
        task = asyncio.create_task(cache.lock("name", 30).wait(20))
        longest, last = 0.0, time.monotonic()
        for _ in range(100):
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert not task.done()
        assert longest < 0.3
        await lock.arelease()
        await task

    with alone(empty.url):
        asyncio.run(work())


REFUSALS: dict[str, Callable[[Any, bytes], Any]] = {
    "another program's bytes": lambda raw, signal: raw.set(signal, "junk"),
    "another program's hash": lambda raw, signal: raw.hset(signal, "a", "b"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_who_cannot_be_told_waits_in_another_way(what: str, empty: Any, raw: Any) -> None:
    with alone(empty.url):
        (name,) = names(lock_record("name"))
        lock = cache.lock("name", 30)
        assert lock.acquire() is True
        REFUSALS[what](raw, hooks().keys.signal(name))
        assert run_now(hooks().wait(BLOCKING, [name], 5)) is False
        with waiting(by("blocking", 20)) as had:
            time.sleep(0.2)
            assert lock.release() is True
        assert had


def test_who_may_not_listen_waits_in_another_way(empty: Any, raw: Any) -> None:
    raw.acl_setuser("deaf", enabled=True, passwords="+p", keys="*", commands=["+@all", "-blpop"])
    try:
        with alone(empty.url, USERNAME="deaf", PASSWORD="p"):
            assert run_now(hooks().wait(BLOCKING, names(lock_record("name")), 5)) is False
    finally:
        raw.acl_deluser("deaf")


def test_who_is_sent_home_by_the_server_asks_again(empty: Any, raw: Any) -> None:
    with alone(empty.url, SOCKET_TIMEOUT=5):
        asked = names(lock_record("name"))
        with waiting(lambda: run_now(hooks().wait(BLOCKING, asked, 20))) as told:
            assert soon(lambda: listening(raw) == 1)
            waiter = next(one for one in raw.client_list() if one["cmd"] == "blpop")
            raw.client_unblock(int(waiter["id"]), error=True)
        assert told == [True]
