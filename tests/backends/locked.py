"""What locks hold between processes, on any store: holders die, stop, or have odd clocks."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from django_cachekit.core import clock

FORK = multiprocessing.get_context("fork")
NAME = "the lock"


def lose_nothing(cache: Any, home: Path, processes: int = 4, turns: int = 25) -> None:
    """Add one to a bare number in a file, many at once; see that none is lost and fences grow."""
    number, fences = home / "number", home / "fences"
    number.write_text("0")
    fences.touch()
    gate = FORK.Barrier(processes)

    def run() -> None:
        gate.wait()
        for _ in range(turns):
            with cache.lock(NAME, 60).block(60) as lock:
                seen = int(number.read_text())
                with fences.open("a") as file:
                    file.write(f"{lock.fence}\n")
                number.write_text(str(seen + 1))

    running = [FORK.Process(target=run, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join(120)
    assert [process.exitcode for process in running] == [0] * processes
    assert int(number.read_text()) == processes * turns
    seen = [int(line) for line in fences.read_text().split()]
    assert len(seen) == processes * turns
    assert seen == sorted(set(seen))


class Holder:
    """Take the lock in a process of its own, and say there what is done with it."""

    def __init__(self, cache: Any, ttl: float) -> None:
        self.here, there = FORK.Pipe()
        self.process = FORK.Process(
            target=self._run, args=(cache, ttl, self.here, there), daemon=True
        )
        self.process.start()
        there.close()
        self.fence = self.here.recv()

    @staticmethod
    def _run(cache: Any, ttl: float, here: Any, there: Any) -> None:
        here.close()  # or it would never see that end
        lock = cache.lock(NAME, ttl)
        assert lock.acquire()
        there.send(lock.fence)
        while True:
            try:
                word = there.recv()
            except EOFError:
                return
            there.send(getattr(lock, word)())

    def ask(self, verb: str) -> Any:
        """Return what a verb of the lock returns there."""
        self.here.send(verb)
        return self.here.recv()

    def signal(self, sign: signal.Signals) -> None:
        """Send it a signal."""
        pid = self.process.pid
        assert pid
        os.kill(pid, sign)

    def end(self) -> None:
        """Let it end."""
        self.here.close()
        self.process.join(20)


def end_with_the_holder(cache: Any, ttl: float, late: float) -> None:
    """Kill the holder; see that the lock is not had before its end, and soon after."""
    began = time.monotonic()
    holder = Holder(cache, ttl)
    had = time.monotonic()
    holder.signal(signal.SIGKILL)
    holder.end()
    lock = cache.lock(NAME, 30)
    assert lock.acquire() is False
    lock.block(ttl + late + 20)
    now = time.monotonic()
    assert now - began >= ttl
    assert now - had <= ttl + late
    assert lock.fence > holder.fence


def outlive_a_stopped_holder(cache: Any, ttl: float) -> None:
    """Stop the holder past the end; see that it harms nobody when it goes on."""
    holder = Holder(cache, ttl)
    holder.signal(signal.SIGSTOP)
    lock = cache.lock(NAME, 30)
    try:
        lock.block(ttl + 20)
    finally:
        holder.signal(signal.SIGCONT)
    assert holder.ask("release") is False
    assert holder.ask("refresh") is False
    assert holder.ask("is_owned_by_current_process") is False
    assert lock.is_owned_by_current_process() is True
    assert lock.refresh() is True
    assert holder.fence < lock.fence
    assert lock.release() is True
    holder.end()


def heed_no_wall_clock(cache: Any, patch: pytest.MonkeyPatch, off: float, late: float) -> None:
    """Put the wall clock here wrong; see that nothing held is taken, and nothing held longer."""
    holder = Holder(cache, 30)
    now = time.time
    with patch.context() as wrong:
        wrong.setattr(time, "time", lambda: now() + off)
        wrong.setattr(clock, "now", lambda: now() + off)
        lock = cache.lock(NAME, 1)
        assert lock.acquire() is False
        assert 20 < lock.remaining() <= 30 + late
        assert holder.ask("release") is True
        began = time.monotonic()
        assert lock.acquire() is True
        assert lock.fence > holder.fence
        assert lock.remaining() <= 1 + late
    other = cache.lock(NAME, 30)
    assert other.acquire() is False
    assert other.remaining() <= 1 + late
    other.block(20)
    assert 1 <= time.monotonic() - began <= 1 + late + 0.5
    assert other.fence > lock.fence
    holder.end()
