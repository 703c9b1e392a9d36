"""Several processes and threads on one table, and what a flush means to what is being computed."""

import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from django_cachekit import cache as facade
from django_cachekit.backends.engine import Blob
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation, Stamp

from .helping import SEALED, Look, driver_of

FORK = multiprocessing.get_context("fork")
PROCESSES = 8


def together(work: Callable[[], Any]) -> list[Any]:
    """Do something in eight processes at once, all forked from this one; return what each says."""
    gate, said = FORK.Barrier(PROCESSES), FORK.Queue()

    def run() -> None:
        gate.wait()
        said.put(work())

    processes = [FORK.Process(target=run) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    results = [said.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(20)
    return results


@pytest.fixture(params=[{}, SEALED], ids=["signed", "sealed"])
def options(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_every_count_counts(cache: Any) -> None:
    turns = 15 if driver_of().chain.sealed else 50
    seen = together(lambda: [facade.increment("n") for _ in range(turns)])
    numbers = sorted(number for each in seen for number in each)
    assert numbers == list(range(1, PROCESSES * turns + 1))
    assert cache.get("n") == PROCESSES * turns


def test_add_and_pull_have_one_winner(cache: Any) -> None:
    keys = [f"k{n}" for n in range(12)]
    won = together(lambda: [key for key in keys if facade.add(key, os.getpid(), 60)])
    assert Counter(key for each in won for key in each) == Counter(keys)
    pulled = together(lambda: [key for key in keys if facade.pull(key) is not None])
    assert Counter(key for each in pulled for key in each) == Counter(keys)


def test_add_over_what_has_expired_has_one_winner(cache: Any, clock: Any) -> None:
    keys = [f"k{n}" for n in range(6)]
    facade.put_many(dict.fromkeys(keys, "old"), 10)
    clock.advance(11)
    won = together(lambda: [key for key in keys if facade.add(key, os.getpid(), 60)])
    assert Counter(key for each in won for key in each) == Counter(keys)


def test_a_cold_key_is_computed_once(cache: Any) -> None:
    calls = FORK.Value("i", 0)

    def make() -> str:
        with calls.get_lock():
            calls.value += 1
        return "made"

    assert together(lambda: facade.remember("cold", 60, make)) == ["made"] * PROCESSES
    assert calls.value == 1


def test_a_child_has_a_client_of_its_own(cache: Any) -> None:
    door = driver_of().table.door
    facade.put("a", 1, 60)
    before = door.client

    def child() -> Any:
        fresh = door._client is None
        return fresh, facade.get("a"), door.client is not before

    assert together(child) == [(True, 1, True)] * PROCESSES
    assert door.client is before
    assert facade.get("a") == 1


def test_threads_share_one_client(cache: Any) -> None:
    door, seen = driver_of().table.door, list[Any]()
    door.forget()
    threads = [threading.Thread(target=lambda: seen.append(door.client)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(client) for client in seen}) == 1


def perform(verb: str, **more: Any) -> Any:
    """Do one operation on the key ``c``, as a flow does that has computed a value."""
    return run_now(driver_of().perform(BLOCKING, Operation(verb, Kind.WRITE, ("c",), **more)))


def stamp() -> Stamp:
    """Return what is current."""
    ask = Operation("read", Kind.READ, ("c",), snapshot=True)
    found: Stamp = run_now(driver_of().perform(BLOCKING, ask)).stamp
    return found


@pytest.mark.parametrize("verb", ["write", "add"])
def test_what_was_computed_before_a_flush_is_dead_after_it(
    cache: Any, look: Look, verb: str
) -> None:
    before = stamp()
    facade.flush()
    perform(verb, values={"c": 1}, ttl=60, stamp=before)
    assert look.item("c")
    assert cache.get("c") is None
    assert "c" not in cache
    assert list(facade.keys()) == []
    assert cache.touch("c", 60) is False
    assert cache.delete("c") is False
    perform("write", values={"c": 1}, ttl=60, stamp=before)
    assert facade.pull("c") is None
    perform("write", values={"c": 1}, ttl=60, stamp=before)
    assert cache.add("c", 2) is True
    assert cache.get("c") == 2
    perform("write", values={"c": 1}, ttl=60, stamp=before)
    assert facade.increment("c", 5) == 5
    assert facade.increment("c", 5) == 10


def test_a_touch_does_not_save_what_is_flushed_meanwhile(cache: Any) -> None:
    facade.remember("c", 60, lambda: 1)
    driver, table = driver_of(), driver_of().table
    look, computed = table._look, table.read([driver.entries.name("c", None)])

    def flushed_after(names: Any, whole: bool = False) -> Any:
        found = look(names, whole)
        table._look = look
        # The flush comes after the touch has read, and one that computed is late with its value.
        facade.flush()
        ((name, data),) = computed[1].items()
        table.write({name: Blob(data, None)}, data.epoch)
        return found

    table._look = flushed_after
    cache.touch("c", 600)
    assert cache.get("c") is None


def test_a_dead_item_has_one_winner(cache: Any) -> None:
    before = stamp()
    facade.flush()
    for _ in range(3):
        perform("write", values={"c": 1}, ttl=60, stamp=before)
        won = together(lambda: facade.add("c", os.getpid(), 60))
        assert Counter(won) == {True: 1, False: PROCESSES - 1}
        facade.forget("c")
