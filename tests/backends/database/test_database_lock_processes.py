"""Locks in a database between processes: real ones, killed, stopped, and with wrong clocks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from django_cachekit import cache as facade

from .helping import ROOT

LOCKER = Path(__file__).with_name("locker.py")
Hire = Callable[[], "Locker"]


class Locker:
    """Be a process that takes locks."""

    def __init__(self) -> None:
        given = connections.settings["disk"]
        settings = {name: given[name] for name in ("ENGINE", "NAME", "USER", "HOST", "PORT")}
        settings["OPTIONS"] = given.get("OPTIONS", {})
        self.process = subprocess.Popen(
            [sys.executable, str(LOCKER), json.dumps(settings)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def say(self, job: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{job}\n")

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, job: str) -> str:
        self.say(job)
        return self.hear()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def hire(cache: Any) -> Iterator[Hire]:
    """Start processes that take locks in the cache's table."""
    hired: list[Locker] = []

    def one() -> Locker:
        hired.append(Locker())
        assert hired[-1].hear() == "ready"
        return hired[-1]

    yield one
    for locker in hired:
        locker.end()


def test_what_a_lock_protects_loses_nothing(hire: Hire, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    lockers = [hire() for _ in range(4)]
    for locker in lockers:
        locker.say(f"guarded name {counter} 25")

    assert [locker.hear() for locker in lockers] == ["done"] * 4
    assert counter.read_text() == "100"
    fences = list(map(int, Path(f"{counter}.fences").read_text().split()))
    assert len(fences) == 100
    assert fences == sorted(set(fences)), "they grow in the order of holding"


def test_the_lock_of_a_process_that_was_killed_is_had_at_its_end(hire: Hire) -> None:
    locker = hire()
    began = time.monotonic()
    assert int(locker.ask("take name 2")) > 0
    locker.send(signal.SIGKILL)
    lock = facade.lock("name", 30)

    assert lock.acquire() is False
    assert lock.block(20)
    assert 1.9 < time.monotonic() - began < 2 + 1 + 1  # a second for a slow machine


def test_a_process_that_stood_still_past_its_end_harms_nobody(hire: Hire) -> None:
    locker = hire()
    locker.ask("remaining name")  # with a connection at hand it has it in time
    first = int(locker.ask("take name 1"))
    locker.send(signal.SIGSTOP)
    lock = facade.lock("name", 30)
    assert lock.block(20)
    locker.send(signal.SIGCONT)

    assert locker.ask("release name") == "False"
    assert locker.ask("refresh name") == "False"
    assert lock.is_owned_by_current_process() is True
    assert lock.fence is not None
    assert 0 < first < lock.fence


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_clock_that_is_an_hour_wrong_changes_nothing(hire: Hire, wrong: int) -> None:
    locker = hire()
    assert locker.ask(f"hours {wrong}") == "done"
    mine = facade.lock("mine", 30)
    assert mine.acquire() is True

    assert locker.ask("take mine 30") == "0"
    assert 20 < float(locker.ask("remaining mine")) <= 30
    assert int(locker.ask("take its 1")) > 0
    its = facade.lock("its", 30)
    assert its.acquire() is False
    assert 0 < its.remaining() <= 1
    assert its.block(20)
    assert locker.ask("release its") == "False"
    assert mine.is_owned_by_current_process() is True
