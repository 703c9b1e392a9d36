"""Whoever computes may die, be stopped, or need what another computes: who waits gets a value."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from django_cachekit import cache, cached_view
from django_cachekit.flows import leases
from tests.placing import SQL, placed
from tests.stores import BY_NAME

from .bodies import FORK
from .crowd import Ask, Calls, Size, gathered


@pytest.fixture(params=["file", "redis", "memcached", "postgresql", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    row = BY_NAME[request.param]
    with placed(row, request, tmp_path):
        if row.server in SQL:
            connections[row.server].close()  # two processes cannot speak by one
        cache._home.stack()
        yield request.param


Asks = Callable[[Callable[[], str]], Any]


def one(make: Callable[[], str]) -> Any:
    return cache.remember("cold", 60, make)


def many(make: Callable[[], str]) -> Any:
    def make_many(keys: list[str]) -> dict[str, str]:
        # Two who come together may have one key each: what is counted is one key's computations.
        return dict.fromkeys(keys, make() if "cold" in keys else "value")

    return cache.remember_many(["cold", "other"], 60, make_many)["cold"]


def page(make: Callable[[], str]) -> Any:
    @cached_view(60, tags=["t"])
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(make())

    return view(RequestFactory().get("/cold/")).content.decode()


WAYS = pytest.mark.parametrize("ask", [one, many, page])


@WAYS
def test_one_more_computes_when_the_holder_is_killed(
    store: str, ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 1.0)
    calls, more = Calls(60), Calls()
    holder = FORK.Process(target=ask, args=(calls.make,))
    holder.start()
    wait_for(lambda: calls.number.value == 1)
    kill(holder)
    answers = gathered(Size(3, 3), Ask(lambda: ask(more.make)))
    assert [answer.value for answer in answers] == ["value"] * 9
    assert more.number.value == 1
    assert min(answer.seconds for answer in answers) < 10


@WAYS
def test_a_late_write_of_one_who_was_stopped_is_refused(
    store: str, ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.6)
    begun, go, given = FORK.Event(), FORK.Event(), FORK.SimpleQueue()

    def slowly() -> str:
        begun.set()
        go.wait(20)
        return "first"

    holder = FORK.Process(target=lambda: given.put(ask(slowly)))
    holder.start()
    assert begun.wait(20)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        assert ask(lambda: "second") == "second"
    finally:
        os.kill(holder.pid, signal.SIGCONT)
    go.set()
    assert given.get() == "first"
    assert ask(lambda: "third") == "second"


def test_keys_asked_for_in_any_order_are_computed_once(store: str) -> None:
    numbers = FORK.Array("i", 12)

    def make_many(keys: list[int]) -> dict[int, int]:
        for key in keys:
            with numbers.get_lock():
                numbers[key] += 1
        time.sleep(0.1)
        return {key: key * key for key in keys}

    def ask() -> bool:
        time.sleep(random.random() / 10)
        keys = random.sample(range(12), 8)
        found = cache.remember_many(keys, 60, make_many)
        return found == {key: key * key for key in keys}

    answers = gathered(Size(5, 4), Ask(ask))
    assert [answer.value for answer in answers] == [True] * 20
    assert max(numbers[:]) == 1


def alone(key: str, make: Callable[[], str]) -> str:
    return str(cache.remember(key, 60, make))


def together(key: str, make: Callable[[], str]) -> str:
    return str(cache.remember_many([key], 60, lambda _: {key: make()})[key])


@pytest.mark.parametrize("get", [alone, together])
def test_two_processes_that_need_each_other_come_to_an_end(
    store: str, get: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sees such a circle, so it takes as long as a lease; with waiters in between, too."""
    monkeypatch.setattr(leases, "SECONDS", 0.5)
    begun = FORK.Barrier(2)
    gates = [FORK.Event(), FORK.Event()]

    def needs(mine: str, other: str, at: int) -> str:
        def make() -> str:
            begun.wait(20)
            gates[at].set()  # from now on others of this process wait for the other's key
            time.sleep(0.2)
            return mine + get(other, lambda: other)

        return get(mine, make)

    def wants(other: str, at: int) -> str:
        gates[at].wait(20)
        return get(other, lambda: other)

    order = FORK.Array("i", 2)

    def ask() -> Any:
        with order.get_lock():
            at = 0 if os.getpid() == order[0] or not order[0] else 1
            first = not order[at]
            order[at] = os.getpid()
        mine, other = ("a", "b") if at == 0 else ("b", "a")
        return needs(mine, other, at) if first else wants(other, at)

    answers = gathered(Size(2, 2), Ask(ask), patience=30)
    assert len(answers) == 4
    assert {str(answer.value)[0] for answer in answers} == {"a", "b"}


@pytest.mark.parametrize("ask", [one, many])
def test_a_store_that_is_down_computes_once_in_each_process(tmp_path: Path, ask: Asks) -> None:
    caches = {"default": {**BY_NAME["redis"].config(tmp_path), "LOCATION": "redis://127.0.0.1:1"}}
    with override_settings(CACHES=caches):
        calls = Calls(1.0)
        answers = gathered(Size(2, 8), Ask(lambda: ask(calls.make)))
    assert [answer.value for answer in answers] == ["value"] * 16
    assert calls.number.value == 2


def test_nobody_queues_for_a_page_that_is_not_kept(store: str) -> None:
    running, peak = FORK.Value("i", 0), FORK.Value("i", 0)

    @cached_view(60, tags=["t"])
    def view(request: HttpRequest) -> HttpResponse:
        with running.get_lock():
            running.value += 1
            peak.value = max(peak.value, running.value)
        time.sleep(0.5)
        with running.get_lock():
            running.value -= 1
        return HttpResponse("mine", headers={"Cache-Control": "private"})

    answers = gathered(Size(4, 4), Ask(lambda: view(RequestFactory().get("/")).content))
    assert [answer.value for answer in answers] == [b"mine"] * 16
    assert peak.value >= 8


def kill(process: Any) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)


def wait_for(fact: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.01)
