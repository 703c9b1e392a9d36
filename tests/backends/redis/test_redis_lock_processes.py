"""Processes that exclude each other by a lock on a Redis, and what becomes of those that die."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.core import clock

from .helping import SEALED, alone

FORK = multiprocessing.get_context("fork")
PROCESSES, TURNS = 4, 50


@pytest.fixture(params=["signed", "sealed", "cluster"], autouse=True)
def configured(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "cluster":
        cluster = request.getfixturevalue("redis_cluster")
        for node in cluster.nodes:
            node.ask("FLUSHALL")
        options: dict[str, Any] = {"CLUSTER": True, "SOCKET_TIMEOUT": 5}
        url = cluster.url
    else:
        url = request.getfixturevalue("empty").url
        options = {"SOCKET_TIMEOUT": 5, **(SEALED if request.param == "sealed" else {})}
    with alone(url, **options):
        yield


@contextmanager
def child(work: Callable[[Any], Any]) -> Iterator[tuple[Any, int]]:
    """Do something in another process, that speaks to this one by a pipe; it is killed at last."""
    here, there = FORK.Pipe()

    def run() -> None:
        work(there)

    process = FORK.Process(target=run)
    process.start()
    try:
        yield here, process.pid or 0
    finally:
        process.kill()
        process.join()


def hear(pipe: Any) -> Any:
    assert pipe.poll(20), "the other process says nothing"
    return pipe.recv()


def test_an_unprotected_counter_loses_nothing(tmp_path: Path) -> None:
    counter, fences = tmp_path / "counter", tmp_path / "fences"
    counter.write_text("0")
    gate = FORK.Barrier(PROCESSES)

    def work() -> None:
        gate.wait()
        for turn in range(TURNS):
            with cache.lock("counter", 30).block(60) as lock:
                seen = int(counter.read_text())
                with fences.open("a") as book:
                    book.write(f"{lock.fence}\n")
                if turn % 5 == 0:
                    time.sleep(0.002)
                counter.write_text(str(seen + 1))

    processes = [FORK.Process(target=work) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(90)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    assert counter.read_text() == str(PROCESSES * TURNS)
    numbers = list(map(int, fences.read_text().split()))
    assert len(numbers) == PROCESSES * TURNS
    assert numbers == sorted(set(numbers))


def test_who_is_killed_has_it_for_its_ttl_and_no_longer() -> None:
    def hold(pipe: Any) -> None:
        lock = cache.lock("name", 1)
        pipe.send((lock.acquire(), lock.fence))
        time.sleep(60)

    with child(hold) as (pipe, pid):
        had, fence = hear(pipe)
        assert had is True
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        lock = cache.lock("name", 30)
        assert lock.acquire() is False
        assert lock.block(20)
        assert time.monotonic() - began < 1 + 1
        assert lock.fence > fence


def test_who_was_stopped_past_its_end_does_no_harm() -> None:
    def hold(pipe: Any) -> None:
        lock = cache.lock("name", 0.5)
        pipe.send((lock.acquire(), lock.fence))
        pipe.recv()
        pipe.send((lock.lost, lock.refresh(), lock.release(), lock.acquire()))
        pipe.recv()

    with child(hold) as (pipe, pid):
        had, fence = hear(pipe)
        assert had is True
        os.kill(pid, signal.SIGSTOP)
        lock = cache.lock("name", 30)
        assert lock.block(20)
        os.kill(pid, signal.SIGCONT)
        pipe.send("go on")
        assert hear(pipe) == (True, False, False, False)
        assert lock.is_owned_by_current_process() is True
        assert lock.fence > fence
        assert lock.refresh() is True
        assert lock.release() is True


@pytest.mark.parametrize("wrong", [3600, -3600])
def test_a_process_whose_clock_is_wrong_takes_nothing_that_is_held(wrong: int) -> None:
    def grasp(pipe: Any) -> None:
        true = time.time
        time.time = lambda: true() + wrong
        clock.now = time.time
        lock = cache.lock("name", 1)
        pipe.send((lock.acquire(), lock.remaining()))
        pipe.recv()
        pipe.send((lock.acquire(), lock.fence))
        pipe.recv()

    held = cache.lock("name", 30)
    assert held.acquire() is True
    with child(grasp) as (pipe, _):
        had, left = hear(pipe)
        assert had is False
        assert 20 < left <= 30
        assert held.release() is True
        pipe.send("now")
        had, fence = hear(pipe)
        assert had is True
        assert fence > held.fence
        began = time.monotonic()
        assert cache.lock("name", 30).acquire() is False
        assert held.block(20)
        assert time.monotonic() - began < 1 + 1  # it has it no longer than others would
