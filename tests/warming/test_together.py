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

from django_cachekit import signals, warmer
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.flights import BOARD
from django_cachekit.core.operation import WARMER, Kind, Operation, Record
from django_cachekit.flows import warm as flow
from django_cachekit.manager import manager
from django_cachekit.scopes import Port
from django_cachekit.warming import Outcome, warm
from tests.stores import BY_NAME, Row

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


def test_only_the_one_that_computed_is_told_of(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def receiver(name: str, **_: Any) -> None:
        heard.append(name)

    signals.cache_warmed.connect(receiver)
    try:
        both(Calls("one"), monkeypatch)
    finally:
        signals.cache_warmed.disconnect(receiver)

    assert heard == ["slow"]


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


@pytest.mark.parametrize("nested", [{}, {"concurrency": 2}])
def test_warmers_that_warm_each_other_do_not_wait_for_ever(
    store: Any, nested: dict[str, int]
) -> None:
    gate = threading.Barrier(2)

    def meeting(mine: str, other: str) -> Callable[[], str]:
        met: list[bool] = []

        def make() -> str:
            if not met:
                met.append(True)
                gate.wait(PATIENCE)
                warm([other], **nested)
            return mine

        return make

    warmer("a")(meeting("a", "b"))
    warmer("b")(meeting("b", "a"))

    outcomes = warm(concurrency=2, timeout=PATIENCE)

    assert all(outcome.ok for outcome in outcomes)


def held(name: str) -> bool:
    """Tell whether somebody holds the lease on a warmer."""
    port = Port(BLOCKING, manager.home("default").stack)
    right = Record(WARMER, name)
    ask = Operation("read", Kind.READ, (right,), snapshot=True)
    return right in run_now(port.call(ask)).held


@pytest.mark.parametrize("leave", [ValueError("no"), SystemExit(1), None])
def test_the_lease_is_held_while_it_computes_and_given_back_whatever_happens(
    shared: Any, leave: BaseException | None
) -> None:
    seen: list[bool] = []

    @warmer("leased")
    def leased() -> int:
        seen.append(held("leased"))
        if leave is not None:
            raise leave
        return 1

    warm()

    assert seen == [True]
    assert not held("leased")
    assert not BOARD.busy()


def test_a_key_of_the_warmers_name_is_another_matter(shared: Any) -> None:
    warmer("both")(lambda: shared.remember("both", 60, lambda: "remembered"))

    (outcome,) = warm(timeout=PATIENCE)

    assert outcome.ok
    assert shared.get("both") == "remembered"


def test_who_gets_the_lease_just_after_the_first_was_done_takes_its_result(
    shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls("vain")
    warmer("slow")(calls)
    port = Port(BLOCKING, manager.home("default").stack)
    other = flow.Warming(port, "slow", calls, 60)
    take = flow.take

    async def late(*args: Any) -> Any:
        await other._sign(flow.Result(7, False))
        return await take(*args)

    monkeypatch.setattr(flow, "take", late)
    (outcome,) = warm()

    assert (outcome.status, outcome.entries) == ("shared", 7)
    assert calls.number == 0
    assert not held("slow")


class Process:
    """Be another process that warms, and says how far it is."""

    def __init__(self, row: Row, root: Path, *, lease: float = 10.0) -> None:
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CACHES": json.dumps(row.caches(root)),
            "DATABASE": str(root / "site.sqlite3"),
            "LEASE": str(lease),
        }
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


Begin = Callable[..., list[Process]]


@pytest.fixture(params=["file", "database"])
def begun(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Begin]:
    """Give a function that starts two processes: one that computes, and one that waits for it."""
    started: list[Process] = []
    row = BY_NAME[request.param]

    def begin(**options: float) -> list[Process]:
        started.extend(Process(row, tmp_path, **options) for _ in range(2))
        assert [process.heard() for process in started] == ["ready", "ready"]
        for process, says in zip(started, ["computing", "waiting"], strict=True):
            process.tell("go")
            assert process.heard() == says
        return started

    yield begin
    for process in started:
        process.popen.kill()
        process.popen.communicate()


def test_a_second_process_waits_and_takes_the_result_of_the_first(begun: Begin) -> None:
    first, second = begun()

    first.tell("from the first")

    assert first.outcome()["status"] == "warmed"
    told = second.outcome()
    assert (told["status"], told["entries"]) == ("shared", 1)
    assert told["value"] == "from the first"


def test_a_process_whose_first_was_killed_computes_itself(begun: Begin) -> None:
    first, second = begun(lease=0.5)

    first.popen.send_signal(signal.SIGKILL)

    assert second.heard() == "computing"
    second.tell("from the second")
    told = second.outcome()
    assert (told["status"], told["value"]) == ("warmed", "from the second")


def test_a_process_whose_first_failed_computes_itself(begun: Begin) -> None:
    first, second = begun()

    first.tell("raise")

    assert first.outcome()["error"] == "ValueError: told to"
    assert second.heard() == "computing"
    second.tell("from the second")
    assert second.outcome()["status"] == "warmed"
