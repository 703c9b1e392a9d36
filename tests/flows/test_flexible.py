"""A value that is served stale while one caller computes it anew."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone, translation

from django_cachekit import cache
from django_cachekit.core import background
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation
from django_cachekit.flows import behind
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import BY_NAME


@pytest.fixture(params=["array", "locmem", "file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with placed(BY_NAME[request.param], request, tmp_path):
        yield request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def refreshes(monkeypatch: pytest.MonkeyPatch) -> behind.Refreshes:
    fresh = behind.Refreshes()
    monkeypatch.setattr(behind, "REFRESHES", fresh)
    return fresh


def settle() -> None:
    """Wait until nothing is done behind anybody's back."""
    pause = threading.Event()
    for _ in range(1000):
        if not behind.REFRESHES._under_way:
            return
        pause.wait(0.01)
    raise AssertionError("a refresh never ended")


def test_one_refresh_at_a_time(store: str, clock: Clock) -> None:
    calls, go = list[int](), threading.Event()

    def make() -> str:
        calls.append(1)
        go.wait(10)
        return "new"

    assert cache.flexible("key", (60, 600), lambda: "old") == "old"
    clock.advance(61)
    assert [cache.flexible("key", (60, 600), make) for _ in range(5)] == ["old"] * 5
    go.set()
    settle()
    assert calls == [1]
    assert cache.get("key") == "new"


def test_another_processes_refresh_is_left_to_it(store: str, clock: Clock) -> None:
    driver = cache._home.stack().driver
    if not driver.shared:
        pytest.skip("no other process sees it")
    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    claim = Operation("claim", Kind.ATOMIC, ("key",), token=b"o" * 16, match="present", ttl=10)
    run_now(driver.perform(BLOCKING, claim))
    assert cache.flexible("key", (60, 600), lambda: "mine") == "old"
    settle()
    assert cache.get("key") == "old"


def test_forgetting_while_it_is_computed_anew_is_not_undone(store: str, clock: Clock) -> None:
    begun, go = threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        go.wait(10)
        return "new"

    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    cache.flexible("key", (60, 600), make)
    assert begun.wait(10)
    cache.forget("key")
    go.set()
    settle()
    assert cache.get("key") is None


def test_a_refresh_that_fails_is_left_alone_for_a_while(
    store: str, clock: Clock, refreshes: behind.Refreshes, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def fail() -> str:
        calls.append(1)
        raise LookupError("no such row")

    def ask() -> int:
        assert cache.flexible("key", (60, 6000), fail) == "old"
        settle()
        return len(calls)

    cache.flexible("key", (60, 6000), lambda: "old")
    clock.advance(61)
    assert [ask(), ask()] == [1, 1]
    clock.advance(1.1)
    assert [ask(), ask()] == [2, 2]
    clock.advance(1.1)
    assert ask() == 2
    clock.advance(1.1)
    assert ask() == 3
    assert "LookupError" in caplog.text
    assert "no such row" not in caplog.text


def test_awaited_it_is_a_task_of_the_loop(store: str, clock: Clock) -> None:
    async def make() -> str:
        await asyncio.sleep(0)
        return "new"

    async def ask() -> tuple[str, str]:
        first = await cache.aflexible("key", (60, 600), make)
        clock.advance(61)

        async def newer() -> str:
            return "newer"

        second = await cache.aflexible("key", (60, 600), newer)
        for _ in range(1000):
            if not behind.REFRESHES._under_way:
                break
            await asyncio.sleep(0.01)
        return first, second

    assert asyncio.run(ask()) == ("new", "new")
    assert cache.get("key") == "newer"


def in_a_loop(work: Any, *args: Any) -> Any:
    return asyncio.run(work(*args))


def under_wsgi(work: Any, *args: Any) -> Any:
    """Run it as Django runs an awaited view without an event loop of its own."""
    return async_to_sync(work)(*args)


@pytest.mark.parametrize("run", [in_a_loop, under_wsgi])
def test_what_a_loop_that_ends_breaks_off_is_begun_again(
    store: str, clock: Clock, run: Callable[..., Any]
) -> None:
    """An awaited view under WSGI has a loop of its own, which ends with the request."""
    begun: list[int] = []

    async def make() -> str:
        begun.append(1)
        await asyncio.sleep(0 if len(begun) > 1 else 5)
        return "new"

    async def ask(pause: float) -> str:
        found = await cache.aflexible("key", (60, 600), make)
        await asyncio.sleep(pause)
        return str(found)

    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    assert run(ask, 0.2) == "old"  # in the middle of it
    settle()
    assert (cache.get("key"), len(begun)) == ("new", 2)
    clock.advance(61)
    assert run(ask, 0) == "new"  # before it has begun
    settle()
    assert len(begun) in (3, 4)  # it may have begun after all, and been broken off


def test_make_is_given_the_old_value(store: str, clock: Clock) -> None:
    seen: list[Any] = []

    def make(entry: Any) -> str:
        seen.append(entry.stale)
        entry.tags.add("t")
        return "new"

    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    cache.flexible("key", (60, 600), make)
    settle()
    assert seen == ["old"]
    cache.tags("t").flush()
    assert cache.get("key") is None


def test_it_is_computed_in_the_readers_language_and_zone(store: str, clock: Clock) -> None:
    def make() -> str:
        return f"{translation.get_language()} {timezone.get_current_timezone_name()}"

    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    with translation.override("fr"), timezone.override("Asia/Tokyo"):
        cache.flexible("key", (60, 600), make)
    settle()
    assert cache.get("key") == "fr Asia/Tokyo"


def test_no_more_is_taken_on_than_there_is_room_for() -> None:
    crew, go = background.Crew(), threading.Event()
    done = [crew.take_on(lambda: go.wait(10)) for _ in range(background.WAITING + 5)]
    assert done.count(False) == 5
    go.set()
