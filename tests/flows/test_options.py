"""The options of computing, beyond what every store has to keep for them."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache, cached
from django_cachekit.core import background
from django_cachekit.flows import aging, behind
from django_cachekit.testing.clock import Clock
from django_cachekit.testing.conformance.aging_options import fail, never, settled
from tests.placing import placed
from tests.stores import BY_NAME

from .test_forks import in_child


@pytest.fixture(params=["array", "locmem", "file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with placed(BY_NAME[request.param], request, tmp_path):
        yield request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def shared() -> None:
    """Skip what is about several processes, for a store that only one sees."""
    if not cache._home.stack().driver.shared:
        pytest.skip("no other process sees it")


class Counted:
    """Count who computes, and how many do so at once."""

    def __init__(self, work: Callable[[int], Any]) -> None:
        self.work = work
        self.calls = self.at_once = self.most = 0

    def __call__(self) -> Any:
        self.calls += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            return self.work(self.calls)
        finally:
            self.at_once -= 1


def ask_by(threads: int, ask: Callable[[], Any]) -> list[Any]:
    """Return what ``ask`` gives each of so many threads: a value, or the class of an error."""

    def asked() -> Any:
        try:
            return ask()
        except Exception as error:
            return type(error)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(asked) for _ in range(threads)]
        return [future.result(20) for future in futures]


# Errors


def failing_twice(call: int) -> str:
    time.sleep(0.1)
    if call < 3:
        raise LookupError
    return "new"


def test_those_who_wait_share_an_error(store: str) -> None:
    make = Counted(failing_twice)
    found = ask_by(4, lambda: cache.remember("key", 60, make))
    assert found.count(LookupError) >= 3
    assert make.calls <= 2


def test_or_try_themselves_one_after_the_other(store: str) -> None:
    make = Counted(failing_twice)
    found = ask_by(6, lambda: cache.remember("key", 60, make, on_error="retry"))
    assert sorted(map(str, found)) == sorted(map(str, [LookupError] * 2 + ["new"] * 4))
    assert (make.calls, make.most) == (3, 1)


def test_with_an_old_value_one_error_is_enough(store: str, clock: Clock) -> None:
    def failing(call: int) -> Any:
        time.sleep(0.1)
        fail()

    make = Counted(failing)
    cache.remember("key", 60, lambda: "old", stale_if_error=600)
    clock.advance(61)
    kept: dict[str, Any] = {"stale_if_error": 600, "on_error": "retry"}
    assert ask_by(6, lambda: cache.remember("key", 60, make, **kept)) == ["old"] * 6
    assert (make.calls, make.most) == (1, 1)


def test_an_old_value_that_came_only_while_one_asked_is_served_too(
    store: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = aging.single

    async def after_another(job: Any) -> Any:
        monkeypatch.setattr(aging, "single", single)
        cache.remember("key", 60, lambda: "old", stale_if_error=600)
        clock.advance(61)
        cache.remember("key", 60, fail, stale_if_error=600)
        return await single(job)

    monkeypatch.setattr(aging, "single", after_another)
    assert cache.remember("key", 60, never, stale_if_error=600) == "old"


def test_it_is_told_by_its_class_alone(
    store: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    cache.remember("key", 60, lambda: "old", stale_if_error=timedelta(minutes=1))
    clock.advance(61)
    cache.remember("key", 60, fail, stale_if_error=timedelta(minutes=1))
    assert "LookupError" in caplog.text
    assert "no such row" not in caplog.text
    assert "'key'" not in caplog.text


# Between processes


def test_another_process_leaves_alone_what_failed_in_this_one(store: str, clock: Clock) -> None:
    shared()
    cache.remember("key", 60, lambda: "old", stale_if_error=600)
    clock.advance(61)
    assert cache.remember("key", 60, fail, stale_if_error=600) == "old"
    clock.advance(1.1)
    assert cache.remember("key", 60, fail, stale_if_error=600) == "old"
    assert in_child(lambda: cache.remember("key", 60, never, stale_if_error=600) == "old")
    clock.advance(2.1)
    assert in_child(lambda: cache.remember("key", 60, lambda: 1, stale_if_error=600) == 1)
    assert cache.remember("key", 60, never, stale_if_error=600) == 1


def test_one_of_all_processes_tries_in_a_pause(store: str, clock: Clock, tmp_path: Path) -> None:
    shared()
    tried = tmp_path / "tried"

    def failing() -> Any:
        with tried.open("a") as file:
            file.write("x")
        time.sleep(0.3)
        fail()

    def ask() -> bool:
        return bool(cache.remember("key", 60, failing, stale_if_error=6000) == "old")

    cache.remember("key", 60, lambda: "old", stale_if_error=6000)
    clock.advance(61)
    for pause in (1.1, 2.1, 4.1):  # so that the next is longer than the processes take
        assert ask()
        clock.advance(pause)
    tried.write_text("")
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(in_child, [ask] * 4))
    assert tried.read_text() == "x"


# Waiting only so long


def test_all_are_served_the_old_value_while_one_computes(
    store: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, take_on = list[int](), background.CREW.take_on

    def counted(work: Callable[[], Any]) -> bool:
        taken.append(1)
        return take_on(work)

    monkeypatch.setattr(background.CREW, "take_on", counted)
    go, kept = threading.Event(), {"stale_if_error": 600, "soft_timeout": 0.1}
    make = Counted(lambda call: go.wait(20) and "new")
    cache.remember("key", 60, lambda: "old", **kept)
    clock.advance(61)
    began = time.monotonic()
    assert ask_by(12, lambda: cache.remember("key", 60, make, **kept)) == ["old"] * 12
    assert time.monotonic() - began < 5
    go.set()
    settled()
    assert (make.calls, len(taken), cache.get("key")) == (1, 1, "new")


def test_what_is_computed_in_time_is_served(store: str, clock: Clock) -> None:
    kept = {"stale_if_error": 600, "soft_timeout": 10}
    cache.remember("key", 60, lambda: "old", **kept)
    clock.advance(61)
    assert ask_by(6, lambda: cache.remember("key", 60, lambda: "new", **kept)) == ["new"] * 6


def test_where_nothing_is_kept_one_waits(store: str) -> None:
    def slow() -> str:
        time.sleep(0.2)
        return "new"

    assert cache.remember("key", 60, slow, stale_if_error=600, soft_timeout=0.01) == "new"


def test_an_error_in_time_is_an_error(store: str, clock: Clock) -> None:
    cache.remember("key", 60, lambda: "old", stale_if_error=600)
    clock.advance(61)
    with pytest.raises(LookupError):
        cache.remember("key", 60, fail, soft_timeout=10)
    assert cache.remember("key", 60, fail, soft_timeout=10, stale_if_error=600) == "old"


def test_a_refresh_need_not_be_waited_for(store: str) -> None:
    go = threading.Event()
    cache.put("key", "old", 60)
    found = cache.refresh("key", 60, lambda: go.wait(20) and "new", soft_timeout=0)
    assert found == "old"
    go.set()
    settled()
    assert cache.get("key") == "new"


def test_where_there_is_too_much_to_do_one_does_it_oneself(
    store: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background.CREW, "take_on", lambda work: False)
    kept = {"stale_if_error": 600, "soft_timeout": 0.01}
    cache.remember("key", 60, lambda: "old", **kept)
    clock.advance(61)
    assert cache.remember("key", 60, lambda: time.sleep(0.1) or "new", **kept) == "new"


def test_a_child_waits_for_nothing_that_its_parent_began() -> None:
    behind.WAITS.join("one")
    try:
        assert in_child(lambda: behind.WAITS.join("one")[1])
    finally:
        behind.WAITS.end("one", None)


def test_a_child_of_a_process_that_computes_behind_can_do_so_too(store: str, clock: Clock) -> None:
    shared()
    go, kept = threading.Event(), {"stale_if_error": 600, "soft_timeout": 0.05}
    cache.remember("key", 60, lambda: "old", **kept)
    cache.remember("other", 60, lambda: "old", **kept)
    clock.advance(61)
    assert cache.remember("key", 60, lambda: go.wait(20) and "new", **kept) == "old"

    def work() -> bool:
        in_time = cache.remember("other", 60, lambda: "new", stale_if_error=600, soft_timeout=5)
        return in_time == "new" and cache.remember("key", 60, never, **kept) == "old"

    try:
        assert in_child(work)
    finally:
        go.set()
        settled()


# Stale, and cached


def test_a_refresh_that_was_done_meanwhile_is_not_done_again(store: str, clock: Clock) -> None:
    cache.flexible("key", (60, 600), lambda: "old")
    clock.advance(61)
    begun, go = threading.Event(), threading.Event()
    before = background.CREW.take_on

    def late(work: Callable[[], Any]) -> bool:
        def wait() -> None:
            begun.set()
            go.wait(10)
            work()

        return before(wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(background.CREW, "take_on", late)
        make = Counted(str)
        assert cache.flexible("key", (60, 600), make) == "old"
        assert begun.wait(10)
    cache.refresh("key", 600, lambda: "other")
    go.set()
    settled()
    assert (cache.get("key"), make.calls) == ("other", 0)


def test_a_conditional_refresh_behind_the_caller(store: str, clock: Clock) -> None:
    seen: list[Any] = []

    def same(entry: Any) -> Any:
        seen.append(entry.stale)
        return entry.not_modified()

    scope = cache.tags("t")
    scope.flexible("key", (60, 600), lambda: "old")
    clock.advance(595)
    assert scope.flexible("key", (60, 600), same) == "old"
    settled()
    clock.advance(100)
    assert (seen, scope.get("key")) == (["old"], "old")
    scope.flush()
    assert cache.get("key") is None


def test_cached_takes_them_too(store: str, clock: Clock) -> None:
    working = True

    @cached(60, key="rate:{currency}", stale_if_error=600, jitter=0.1)
    def rate(currency: str) -> float:
        if not working:
            raise LookupError
        return 1.1

    assert rate("usd") == 1.1
    clock.advance(61)
    working = False
    assert rate("usd") == 1.1
    assert rate.refresh("usd") == 1.1
    with pytest.raises(LookupError):
        rate("chf")
    with pytest.raises(TypeError, match="sooner"):
        cached(60, sooner=1)  # type: ignore[call-arg]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_what_was_begun_and_never_heard_of_counts_as_lost(clock: Clock) -> None:
    refreshes = behind.Refreshes()
    assert (refreshes.begin("key"), refreshes.begin("key")) == (True, False)
    clock.advance(behind.LOST + 1)
    assert refreshes.begin("key") is True
