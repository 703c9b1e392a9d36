"""Threads, processes, forks, event loops, and tasks that are cancelled."""

import asyncio
import gc
import multiprocessing
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches

from .helping import SEALED, alone, driver_of

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def cache(empty: Any) -> Iterator[Any]:
    with alone(empty.url) as made:
        yield made


def in_processes(number: int, work: Any, *args: Any) -> None:
    """Run something in so many forks of this process; each has to end well."""
    started = [FORK.Process(target=work, args=args) for _ in range(number)]
    for process in started:
        process.start()
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0] * number


def _count(cache: Any, times: int) -> None:
    for _ in range(times):
        cache.increment("n")


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_processes_count_exactly(options: Any, empty: Any) -> None:
    with alone(empty.url, **options) as cache:
        cache.increment("n", 0)  # connected before the fork
        times = 50 if options else 500
        in_processes(8, _count, cache, times)
        assert cache.get("n") == 8 * times


def test_threads_count_exactly_from_nothing(store: Any) -> None:
    threads = [threading.Thread(target=_count, args=(store, 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("n") == 400


def _win(cache: Any, gate: Any, rounds: int, wins: Any) -> None:
    for number in range(rounds):
        gate.wait(30)
        won = cache.add(f"prize{number}", os.getpid(), 60)
        won += cache.add(f"for ever{number}", os.getpid(), None)
        won += cache.pull(f"gift{number}") == "gift"
        with wins.get_lock():
            wins[number] += won


def test_an_add_and_a_pull_have_one_winner_each(store: Any) -> None:
    rounds, number = 50, 4
    store.put_many({f"gift{turn}": "gift" for turn in range(rounds)})
    gate, wins = FORK.Barrier(number), FORK.Array("i", rounds)
    in_processes(number, _win, store, gate, rounds, wins)
    assert list(wins) == [3] * rounds


def _read(cache: Any, seed: int) -> None:
    dice = random.Random(f"{seed} {os.getpid()}")
    for _ in range(1000):
        number = dice.randrange(50)
        assert cache.get(f"k{number}") == number


def test_forks_read_what_they_asked_for(cache: Any) -> None:
    cache.put_many({f"k{number}": number for number in range(50)})
    cache.get("k1")
    started = [FORK.Process(target=_read, args=(cache, seed)) for seed in range(4)]
    for process in started:
        process.start()
    _read(cache, 9)  # the parent goes on meanwhile
    for process in started:
        process.join(60)
    assert [process.exitcode for process in started] == [0] * 4


def _await(cache: Any) -> None:
    async def reads() -> None:
        for number in range(50):
            assert await cache.aget(f"k{number}") == number

    asyncio.run(reads())


def test_forks_await_on_connections_of_their_own(cache: Any) -> None:
    cache.put_many({f"k{number}": number for number in range(50)})

    async def fork_inside() -> None:
        assert await cache.aget("k1") == 1
        process = FORK.Process(target=_in_thread, args=(_await, cache))
        process.start()
        for number in range(50):
            assert await cache.aget(f"k{number}") == number
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode == 0
        assert await cache.aget("k2") == 2

    asyncio.run(fork_inside())


def test_a_fork_that_goes_on_with_a_loop_does_not_use_its_connections(cache: Any) -> None:
    cache.put_many({f"k{number}": number for number in range(50)})
    loop = asyncio.new_event_loop()

    async def read(number: int) -> Any:
        return await cache.aget(f"k{number}")

    def child() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ours = driver_of().engine.wire.place._loops
            before = ours._held[loop][1]
            assert [loop.run_until_complete(read(number)) for number in range(20)] == list(
                range(20)
            )
            assert ours._held[loop][1] is not before
        os._exit(0)

    assert loop.run_until_complete(read(3)) == 3
    process = FORK.Process(target=child)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert loop.run_until_complete(read(4)) == 4
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _in_thread(work: Any, *args: Any) -> None:
    """Run something where no loop of the parent seems to be running."""
    failed = []

    def run() -> None:
        try:
            work(*args)
        except BaseException as error:
            failed.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    os._exit(1 if failed else 0)


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_tasks_that_are_cancelled_leave_no_answer_to_others(options: Any, empty: Any) -> None:
    async def cancel_some(cache: Any) -> None:
        dice = random.Random(1)
        for turn in range(100):
            task = asyncio.ensure_future(cache.aget(f"k{turn % 50}"))
            await asyncio.sleep(dice.random() * 0.001)
            task.cancel()
            found = await asyncio.gather(
                *(cache.aget(f"k{number}") for number in range(3)), return_exceptions=True
            )
            assert found == [0, 1, 2]

    kwargs = {"max_connections": 3}
    with alone(empty.url, CONNECTION_POOL_KWARGS=kwargs, **options) as cache:
        cache.put_many({f"k{number}": number for number in range(50)})
        asyncio.run(cancel_some(cache))


def test_cancelling_in_the_midst_of_an_answer(cache: Any, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)

    async def cancel_late() -> None:
        assert await cache.aget("a") == 1
        proxy.latency(0.02)
        for _ in range(20):
            task = asyncio.ensure_future(cache.aget("a"))
            await asyncio.sleep(0.005)
            task.cancel()
            assert await cache.aget("b") == 2

    with alone(proxy.url, CONNECTION_POOL_KWARGS={"max_connections": 1}) as cache:
        cache.put_many({"a": 1, "b": 2})
        asyncio.run(cancel_late())


def test_many_tasks_share_a_small_pool(empty: Any, raw: Any) -> None:
    async def all_at_once(cache: Any) -> list[Any]:
        counts = await asyncio.gather(*(cache.aincrement(f"n{n % 50}") for n in range(200)))
        clients = [one for one in raw.client_list() if one["name"] == "small"]
        assert len(clients) == 10
        assert sorted(counts) == sorted([1, 2, 3, 4] * 50)
        found = await asyncio.gather(*(cache.aget(f"k{number % 50}") for number in range(200)))
        return list(found)

    kwargs = {"max_connections": 10, "client_name": "small"}
    with alone(empty.url, CONNECTION_POOL_KWARGS=kwargs, RAISE=True) as cache:
        cache.put_many({f"k{number}": number for number in range(50)})
        driver_of().engine.wire.place.pool(None).disconnect()
        assert asyncio.run(all_at_once(cache)) == [number % 50 for number in range(200)]
        assert [one for one in raw.client_list() if one["name"] == "small"] == []


def test_backends_of_many_tasks_share_it_too(empty: Any, raw: Any) -> None:
    async def one() -> Any:
        return await caches["default"].aget("a")  # Django makes a backend for each task

    async def all_at_once() -> None:
        assert await asyncio.gather(*(asyncio.create_task(one()) for _ in range(50))) == [1] * 50

    with alone(empty.url, CONNECTION_POOL_KWARGS={"client_name": "shared"}) as cache:
        cache.put("a", 1)
        driver_of().engine.wire.place.pool(None).disconnect()
        asyncio.run(all_at_once())
        assert [one for one in raw.client_list() if one["name"] == "shared"] == []


def test_a_loop_that_ends_leaves_nothing_open(cache: Any) -> None:
    cache.put("a", 1)

    async def reads() -> Any:
        return await asyncio.gather(*(cache.aget("a") for _ in range(5)))

    place = driver_of().engine.wire.place
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            assert asyncio.run(reads()) == [1] * 5
            assert async_to_sync(reads)() == [1] * 5
            assert place._loops._held == {}
            gc.collect()


def test_threads_with_loops_of_their_own(cache: Any) -> None:
    cache.put_many({f"k{number}": number for number in range(50)})
    failed: list[Any] = []

    def run() -> None:
        try:
            _await(cache)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_threads_may_be_the_first_together(empty: Any) -> None:
    failed: list[Any] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for turn in range(30):
            with alone(empty.url, STORE_ID=f"store{turn}") as cache:
                gate = threading.Barrier(8)

                def first(cache: Any = cache, gate: Any = gate) -> None:
                    try:
                        gate.wait(10)
                        cache.increment("n")
                    except BaseException as error:
                        failed.append(error)

                threads = [threading.Thread(target=first) for _ in range(8)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                assert failed == []
                assert cache.get("n") == 8
    finally:
        sys.setswitchinterval(interval)


def test_the_blocking_face_works_within_a_running_loop(cache: Any) -> None:
    async def both() -> None:
        cache.put("a", 1)
        assert await cache.aget("a") == 1
        assert cache.get("a") == 1

    asyncio.run(both())
