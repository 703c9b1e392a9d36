"""Counters, ``add`` and locks are exact between processes and threads."""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import MISSING, Kind, Operation

from .stores import driver_of, tree_of
from .workers import Workers, wait_for

ROUNDS = 100


def test_four_processes_lose_no_count(
    cache: EncryptedFileCache, location: Path, workers: Workers
) -> None:
    cache.set("n", 0, None)
    workers.results([workers.start("count", location, "n", 500) for _ in range(4)])
    assert cache.get("n") == 2000


def test_threads_of_several_processes_lose_no_count(
    cache: EncryptedFileCache, location: Path, workers: Workers
) -> None:
    cache.set("n", 0, None)
    other = workers.start("count", location, "n", 200)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(lambda: [cache.incr("n") for _ in range(100)])
    workers.result(other)
    assert cache.get("n") == 600


def test_one_of_four_processes_wins_each_add(location: Path, workers: Workers) -> None:
    start = time.monotonic() + 0.2
    jobs = [workers.start("add_rounds", location, start, ROUNDS) for _ in range(4)]
    won = Counter(number for rounds in workers.results(jobs) for number in rounds)
    assert won == Counter(range(ROUNDS))


def test_one_of_many_threads_wins_each_add(cache: EncryptedFileCache) -> None:
    barrier = threading.Barrier(4)

    def contest(number: int) -> int:
        barrier.wait()
        return sum(cache.add(f"round-{at}", number) for at in range(50))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(contest, range(4))) == 50


def test_one_of_many_threads_pulls_a_value(cache: EncryptedFileCache) -> None:
    driver = driver_of(cache)

    def pull(_: int) -> int:
        op = Operation("pull", Kind.ATOMIC, ("job",))
        return int(run_now(driver.perform(BLOCKING, op)) is not MISSING)

    for _ in range(20):
        cache.set("job", "x")
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(pull, range(4))) == 1


def test_a_reader_waits_for_no_lock(cache: EncryptedFileCache) -> None:
    cache.set("k", 1)
    lock = tree_of(cache).place.lock(tree_of_shard(cache, "k"))
    with lock:
        assert cache.get("k") == 1
        assert cache.get_many(["k"]) == {"k": 1}


def tree_of_shard(cache: EncryptedFileCache, key: str) -> int:
    return driver_of(cache).chain.name(cache.make_key(key))[0]


def test_a_killed_holder_leaves_no_lock_even_with_a_child(
    cache: EncryptedFileCache, location: Path, workers: Workers, tmp_path: Path
) -> None:
    told = tmp_path / "child"
    holder = workers.start("hold_and_fork", location, str(told))
    wait_for(told)
    child = int(told.read_text())
    taken = threading.Event()

    def take() -> None:
        with tree_of(cache).place.lock(0):
            taken.set()

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    assert not taken.wait(0.05)
    workers.kill(holder)
    try:
        assert taken.wait(5), "the dead process's child holds its lock"
    finally:
        os.kill(child, signal.SIGKILL)
        thread.join(5)


def test_a_lock_file_that_was_swapped_is_locked_anew(cache: EncryptedFileCache) -> None:
    place = tree_of(cache).place
    place.prepare()
    first = place.lock(7)
    path = first._path
    waiting, entered = threading.Event(), threading.Event()

    def second() -> None:
        waiting.set()
        with place.lock(7):
            entered.set()

    with first:
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        assert not entered.wait(0.05)
        os.rename(path, path + ".old")
        third = place.lock(7)
        with third:
            # The waiter's file is free now, but no longer the one others would open.
            fd = os.open(path + ".old", os.O_RDWR)
            os.close(fd)
            first.__exit__(None, None, None)
            assert not entered.wait(0.1)
        assert entered.wait(5)
        first.__enter__()
    thread.join()


def test_a_lock_is_given_back_though_a_child_has_its_descriptor(cache: EncryptedFileCache) -> None:
    """As after a fork in C, which calls nothing in Python."""
    place = tree_of(cache).place
    lock = place.lock(0)
    with lock:
        child = os.dup(lock._fd)
    taken = threading.Event()

    def take() -> None:
        with place.lock(0):
            taken.set()

    thread = threading.Thread(target=take)
    thread.start()
    found = taken.wait(5)
    os.close(child)
    thread.join()
    assert found


def test_deleting_what_is_not_there_waits_for_no_lock(cache: EncryptedFileCache) -> None:
    done = threading.Event()

    def delete() -> None:
        cache.delete("missing")
        done.set()

    with tree_of(cache).place.lock(tree_of_shard(cache, "missing")):
        thread = threading.Thread(target=delete)
        thread.start()
        found = done.wait(5)
    thread.join()
    assert found


@pytest.mark.parametrize("verb", ["set", "add", "incr", "touch", "delete"])
def test_every_writing_verb_takes_the_lock(cache: EncryptedFileCache, verb: str) -> None:
    if verb != "add":
        cache.set("k", 1)
    before = cache.get("k")
    arguments = {"set": ("k", 2), "add": ("k", 2), "incr": ("k",), "touch": ("k", 9)}
    done = threading.Event()

    def act() -> None:
        getattr(cache, verb)(*arguments.get(verb, ("k",)))
        done.set()

    with tree_of(cache).place.lock(tree_of_shard(cache, "k")):
        thread = threading.Thread(target=act)
        thread.start()
        assert not done.wait(0.05)
        assert cache.get("k") == before
    assert done.wait(5)
    thread.join()
