"""Two at once compute once: in one process, and across processes."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from django_cachekit import cache, warmer
from django_cachekit.core.flights import BOARD, Board
from django_cachekit.flows import warm as flow
from django_cachekit.warming import Outcome, warm
from tests.stores import BY_NAME

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 10


class Calls:
    """Be a warmer's function that waits inside until it is let out."""

    def __init__(self, *results: Any) -> None:
        self.results = list(results)
        self.inside = threading.Semaphore(0)
        self.out = threading.Semaphore(0)
        self.number = 0

    def __call__(self) -> Any:
        self.number += 1
        result = self.results[min(self.number, len(self.results)) - 1]
        self.inside.release()
        assert self.out.acquire(timeout=PATIENCE)
        if isinstance(result, BaseException):
            raise result
        return result


class Second:
    """Warm in another thread, and know when it has begun to wait for the first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.outcomes: list[Outcome] = []
        self.waits = threading.Event()
        join = BOARD.join

        def joining(name: Any, *, blocking: bool) -> Any:
            flight, role = join(name, blocking=blocking)
            if threading.current_thread() is self.thread:
                self.waits.set()
            return flight, role

        monkeypatch.setattr(BOARD, "join", joining)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.outcomes = warm(["slow"])

    def begin(self) -> None:
        self.thread.start()
        assert self.waits.wait(PATIENCE)

    def end(self) -> Outcome:
        self.thread.join(PATIENCE)
        (outcome,) = self.outcomes
        return outcome


def both(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> tuple[Outcome, Outcome]:
    """Have one thread compute, a second come while it does, and the first let out."""
    warmer("slow")(calls)
    second = Second(monkeypatch)
    first: list[Outcome] = []
    thread = threading.Thread(target=lambda: first.extend(warm(["slow"])), daemon=True)
    thread.start()
    assert calls.inside.acquire(timeout=PATIENCE)
    second.begin()
    calls.out.release(2)
    thread.join(PATIENCE)
    return first[0], second.end()


def test_a_second_thread_takes_the_result_of_the_first(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls("one", "two")

    first, second = both(calls, monkeypatch)

    assert calls.number == 1
    assert (first.status, second.status) == ("warmed", "shared")
    assert first.entries == second.entries == 1
    assert second.ok
    assert store.get("slow") == "one"


def test_an_error_reaches_the_one_who_waited(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(ValueError("no"), "two")

    first, second = both(calls, monkeypatch)

    assert calls.number == 1
    assert first.error == second.error == "ValueError: no"


def test_one_that_was_broken_off_is_done_by_the_one_who_waited(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(SystemExit(1), "two")

    first, second = both(calls, monkeypatch)

    assert calls.number == 2
    assert (first.status, second.status) == ("failed", "warmed")
    assert store.get("slow") == "two"


def test_one_after_the_other_compute_twice(store: Any) -> None:
    calls = Calls("one", "two")
    calls.out.release(2)
    warmer("slow")(calls)

    assert [warm()[0].status, warm()[0].status] == ["warmed", "warmed"]
    assert calls.number == 2


def test_warmers_that_warm_each_other_do_not_wait_for_ever(store: Any) -> None:
    gate = threading.Barrier(2)

    def meeting(mine: str, other: str) -> Callable[[], str]:
        met: list[bool] = []

        def make() -> str:
            if not met:
                met.append(True)
                gate.wait(PATIENCE)
                warm([other])
            return mine

        return make

    warmer("a")(meeting("a", "b"))
    warmer("b")(meeting("b", "a"))

    outcomes = warm(concurrency=2, timeout=PATIENCE)

    assert all(outcome.ok for outcome in outcomes)


def test_the_lease_is_given_back_whatever_happens(shared: Any) -> None:
    @warmer("bad")
    def bad() -> None:
        raise ValueError("no")

    warm()
    lease = flow.lease_of("bad", flow.LEASES)
    found = flow.run_lookup(shared._now, lease) if hasattr(flow, "run_lookup") else None

    assert found is None
    assert Board().busy() is False


class Process:
    """Be another process that warms, and says how far it is."""

    def __init__(self, root: Path, *, lease: float = 10.0) -> None:
        caches = json.dumps(BY_NAME["file"].caches(root))
        env = {**os.environ, "PYTHONPATH": str(ROOT), "CACHES": caches, "LEASE": str(lease)}
        self.popen = subprocess.Popen(
            [sys.executable, "-W", "error", str(WORKER)],
            env=env,
            stdin=PIPE,
            stdout=PIPE,
            text=True,
            bufsize=1,
        )

    def heard(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().strip()

    def tell(self, word: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{word}\n")

    def outcome(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.heard())
        return found


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.popen.kill()
        process.popen.communicate()


def test_a_second_process_waits_and_takes_the_result_of_the_first(
    shared: Any, processes: list[Process], tmp_path: Path
) -> None:
    first, second = Process(tmp_path), Process(tmp_path)
    processes += [first, second]
    assert first.heard() == "computing"
    assert second.heard() == "waiting"

    first.tell("from the first")

    assert first.outcome()["status"] == "warmed"
    told = second.outcome()
    assert (told["status"], told["entries"]) == ("shared", 1)
    assert cache.get("slow") == "from the first"


def test_a_process_whose_first_was_killed_computes_itself(
    shared: Any, processes: list[Process], tmp_path: Path
) -> None:
    first, second = Process(tmp_path, lease=0.5), Process(tmp_path, lease=0.5)
    processes += [first, second]
    assert first.heard() == "computing"
    assert second.heard() == "waiting"

    first.popen.send_signal(signal.SIGKILL)

    assert second.heard() == "computing"
    second.tell("from the second")
    assert second.outcome()["status"] == "warmed"
    assert cache.get("slow") == "from the second"


def test_a_process_whose_first_failed_computes_itself(
    shared: Any, processes: list[Process], tmp_path: Path
) -> None:
    first, second = Process(tmp_path), Process(tmp_path)
    processes += [first, second]
    assert first.heard() == "computing"
    assert second.heard() == "waiting"

    first.tell("raise")

    assert first.outcome()["error"] == "ValueError: told to"
    assert second.heard() == "computing"
    second.tell("from the second")
    assert second.outcome()["status"] == "warmed"
