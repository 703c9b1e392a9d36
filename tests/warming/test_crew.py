"""Many warmers at once: how many, for how long, and what one does to the others."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections

from django_cachekit import signals, warmer
from django_cachekit.warming import Outcome, warm
from tests.backends.database.helping import database

PATIENCE = 10
"""Seconds after which a test gives up; none takes them unless it fails."""


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Give an event that hanging warmers wait for; they end with the test."""
    event, before = threading.Event(), set(threading.enumerate())
    yield event
    event.set()
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("cachekit-") and thread.name != "cachekit-keeper":
            thread.join(PATIENCE)


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.name: outcome.status for outcome in outcomes}


class Crowd:
    """Count how many are inside at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.changed = threading.Condition()

    def enter(self) -> None:
        with self.changed:
            self.now += 1
            self.most = max(self.most, self.now)
            self.changed.notify_all()

    def leave(self) -> None:
        with self.changed:
            self.now -= 1
            self.changed.notify_all()

    def fills(self, number: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: self.now >= number, PATIENCE)


@pytest.mark.parametrize("cap", [1, 2, 5])
def test_no_more_than_the_cap_run_at_once_and_as_many_do(store: Any, cap: int) -> None:
    crowd, gate = Crowd(), threading.Barrier(cap)

    def make() -> int:
        crowd.enter()
        gate.wait(PATIENCE)  # is only passed if as many as the cap are inside
        crowd.leave()
        return 1

    for number in range(cap * 3):
        warmer(f"w{number}")(make)

    outcomes = warm(concurrency=cap, timeout=PATIENCE)

    assert {outcome.status for outcome in outcomes} == {"warmed"}
    assert crowd.most == cap


def test_one_of_a_hundred_raises_and_the_others_are_done(store: Any) -> None:
    def bad() -> None:
        raise ValueError("the one")

    for number in range(100):
        warmer(f"w{number}")(bad if number == 42 else lambda number=number: number)

    outcomes = warm(concurrency=4)

    assert [outcome.name for outcome in outcomes if not outcome.ok] == ["w42"]
    assert store.get("w99") == 99


def test_one_that_hangs_is_given_up_and_frees_its_place(
    store: Any, release: threading.Event
) -> None:
    warmer("hangs")(lambda: release.wait())
    for number in range(5):
        warmer(f"w{number}")(lambda: 1)

    outcomes = warm(timeout=0.2)

    assert statuses(outcomes) == {"hangs": "timed out", **{f"w{n}": "warmed" for n in range(5)}}
    assert outcomes[0].error == "TimeoutError: not done within 0.2 s"
    assert 0.1 < outcomes[0].seconds < PATIENCE
    assert not outcomes[0].ok


def test_more_than_the_cap_may_hang(store: Any, release: threading.Event) -> None:
    for number in range(4):
        warmer(f"hangs{number}")(lambda: release.wait())
    warmer("last")(lambda: 1)

    outcomes = warm(timeout=0.1, concurrency=2)

    assert [outcome.status for outcome in outcomes] == ["timed out"] * 4 + ["warmed"]


def test_one_that_was_given_up_tells_what_it_had_stored(
    store: Any, release: threading.Event
) -> None:
    @warmer("stuck")
    def stuck() -> Iterator[tuple[str, int]]:
        yield "first", 1
        release.wait()
        yield "second", 2

    (outcome,) = warm(timeout=0.3)

    assert (outcome.status, outcome.entries) == ("timed out", 1)
    assert store.get("first") == 1


def test_one_that_ends_after_all_does_not_count_twice(store: Any, release: threading.Event) -> None:
    ended = threading.Event()

    @warmer("late")
    def late() -> int:
        release.wait()
        ended.set()
        return 1

    @warmer("watcher")
    def watcher() -> bool:
        release.set()
        return ended.wait(PATIENCE)

    reported: list[str] = []
    outcomes = warm(
        ["late", "watcher"], timeout=0.2, report=lambda o: reported.append(f"{o.name} {o.status}")
    )

    assert statuses(outcomes)["late"] == "timed out"
    assert reported.count("late timed out") == 1
    assert len(reported) == 2


def test_the_signal_of_one_given_up_says_so(store: Any, release: threading.Event) -> None:
    heard: list[Any] = []

    def receiver(error: str, **_: Any) -> None:
        heard.append(error)

    signals.cache_warmed.connect(receiver)
    warmer("hangs")(lambda: release.wait())
    try:
        warm(timeout=0.1)
    finally:
        signals.cache_warmed.disconnect(receiver)

    assert heard == ["TimeoutError: not done within 0.1 s"]


def test_one_at_a_time_without_a_timeout_runs_in_the_calling_thread(store: Any) -> None:
    ran_in: list[int] = []
    warmer("here")(lambda: ran_in.append(threading.get_ident()))

    warm()
    warm(concurrency=2)

    assert ran_in[0] == threading.get_ident()
    assert ran_in[1] != threading.get_ident()


@pytest.fixture
def disk(tmp_path: Path, django_db_blocker: Any) -> Iterator[None]:
    """Have a database in a file, ``disk``: one in memory is never closed."""
    with django_db_blocker.unblock(), database("disk", tmp_path / "disk.sqlite3"):
        yield


def test_a_thread_closes_its_database_connections(
    store: Any, disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed_in: list[int] = []
    used_in: list[int] = []
    close_all = connections.close_all

    def closing() -> None:
        closed_in.append(threading.get_ident())
        close_all()

    def make(name: str) -> Callable[[], int]:
        def query() -> int:
            used_in.append(threading.get_ident())
            with connections["disk"].cursor() as cursor:
                cursor.execute("SELECT 1")
            if name == "bad":
                raise ValueError(name)
            return 1

        return query

    for name in ("good", "bad"):
        warmer(name)(make(name))
    monkeypatch.setattr(connections, "close_all", closing)

    warm(concurrency=2)

    assert used_in
    assert set(used_in) <= set(closed_in)
    assert threading.get_ident() not in closed_in


def test_a_connection_that_will_not_close_is_told_and_hangs_nothing(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("will not close")

    monkeypatch.setattr(connections, "close_all", broken)
    warmer("a")(lambda: 1)

    (outcome,) = warm(concurrency=2)

    assert outcome.error == "OSError: will not close"


def test_ctrl_c_in_a_thread_is_that_warmers_failure(store: Any) -> None:
    @warmer("pressed")
    def pressed() -> None:
        raise KeyboardInterrupt

    (outcome,) = warm(concurrency=2)

    assert outcome.status == "failed"


def test_threads_share_the_store_of_the_caller(store: Any) -> None:
    for number in range(10):
        warmer(f"w{number}", ttl=60, tags="all")(lambda number=number: number)

    assert all(outcome.ok for outcome in warm(concurrency=3, timeout=PATIENCE))
    assert [caches["default"].get(f"w{number}") for number in range(10)] == list(range(10))


def test_coroutines_run_side_by_side(store: Any) -> None:
    gate = threading.Barrier(2)

    def make() -> Callable[[], Any]:
        async def wait() -> int:
            return gate.wait(PATIENCE) + 1

        return wait

    for name in ("a", "b"):
        warmer(name)(make())

    assert statuses(warm(concurrency=2)) == {"a": "warmed", "b": "warmed"}
