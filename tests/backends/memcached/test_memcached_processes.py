"""Several processes, threads and forks on one memcached: exact, and never another's answer."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from django_cachekit import cache

FORK = multiprocessing.get_context("fork")
PROCESSES = 8


def together(work: Callable[[int, Any], Any], processes: int = PROCESSES) -> list[Any]:
    """Run ``work(number, gate)`` in so many forks and return what they return."""
    gate, results = FORK.Barrier(processes), FORK.Queue()

    def run(number: int) -> None:
        try:
            results.put(work(number, gate))
        except BaseException as error:
            results.put(repr(error))
            raise

    running = [FORK.Process(target=run, args=(number,)) for number in range(processes)]
    for process in running:
        process.start()
    found = [results.get(timeout=60) for _ in running]
    for process in running:
        process.join(10)
    return found


@pytest.mark.parametrize("sealed", [False, True], ids=["signed", "sealed"])
def test_eight_processes_count_exactly(
    sealed: bool, memcached: Any, configure: Any, request: Any
) -> None:
    from .conftest import SEAL

    store = configure(memcached.location, **(SEAL if sealed else {}))
    store.put("warm", 1)

    def count(number: int, gate: Any) -> list[int]:
        gate.wait()
        return [store.increment("n", ttl=60) for _ in range(200)]

    found = [number for numbers in together(count) for number in numbers]
    assert sorted(found) == list(range(1, 200 * PROCESSES + 1))
    assert store.get("n") == 200 * PROCESSES


def test_threads_and_both_faces_count_exactly(store: Any) -> None:
    found: list[int] = []

    def count() -> None:
        found.extend(store.increment("n") for _ in range(200))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 1601))


@pytest.mark.parametrize("ttl", [None, 60])
def test_one_process_alone_adds_and_one_alone_pulls(store: Any, ttl: Any) -> None:
    def race(number: int, gate: Any) -> list[tuple[bool, bool, bool]]:
        won = []
        for turn in range(50):
            gate.wait()
            added = store.add(f"a{turn}", number, ttl)
            gate.wait()
            pulled = store.pull(f"a{turn}") is not None
            gate.wait()
            if number == 0:
                store.put(f"d{turn}", 1, ttl)
            gate.wait()
            won.append((added, pulled, store.forget(f"d{turn}")))
        return won

    turns = zip(*together(race, 4), strict=True)
    for turn in turns:
        for one in zip(*turn, strict=True):
            assert sum(one) == 1


def test_each_removal_is_told_to_one_process_alone(store: Any) -> None:
    keys = [f"k{number}" for number in range(200)]

    def race(number: int, gate: Any) -> list[int]:
        told = []
        for _ in range(10):
            gate.wait()
            if number == 0:
                store.put_many(dict.fromkeys(keys, 1), 60)
            gate.wait()
            told.append(store.forget_many(keys))
        return told

    assert [sum(turn) for turn in zip(*together(race, 4), strict=True)] == [len(keys)] * 10


def test_no_pull_gives_what_was_given_or_loses_what_was_put(store: Any) -> None:
    """One writes numbers, three pull: each number comes to one of them, or was overwritten."""
    last = 300

    def run(number: int, gate: Any) -> list[int]:
        gate.wait()
        if number == 0:
            for value in range(1, last + 1):
                while not store.add("box", value, 60):
                    time.sleep(0)
            return []
        found: list[int] = []
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and last not in found:
            value = store.pull("box")
            if value is not None:
                found.append(value)
            elif store.get("done"):
                break
            if last in found:
                store.put("done", True, 60)
        return found

    found = sorted(value for values in together(run, 4) for value in values)
    assert found == list(range(1, last + 1))


def test_children_have_connections_of_their_own(store: Any) -> None:
    """Four children and their parent read at once what was set before the fork: 0 wrong."""
    store.put_many({f"k{number}": number for number in range(100)}, 60)
    stop = threading.Event()
    wrong: list[Any] = []

    def read(times: int) -> int:
        bad = 0
        for turn in range(times):
            key = (turn * 7) % 100
            bad += store.get(f"k{key}") != key
        return bad

    def busy() -> None:
        while not stop.is_set():
            wrong.append(read(10))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        found = together(lambda number, gate: (gate.wait(), read(1000))[1], 4)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert found == [0, 0, 0, 0]
    assert sum(wrong) == 0
    assert len(wrong) > 0


def test_a_fork_in_the_middle_of_many_calls_never_hangs(store: Any) -> None:
    store.put("key", 1, 60)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            store.get("key")

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                os._exit(0 if store.get("key") == 1 else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_child_closes_nothing_of_its_parent(store: Any) -> None:
    store.put("key", 1, 60)
    node = cache._home.stack().driver.engine.node
    (wire,) = node._pool.free
    sock = wire.sock
    child = os.fork()
    if child == 0:
        os._exit(0 if store.get("key") == 1 and wire.sock is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.get("key") == 1
    assert node._pool.free[0].sock is sock
