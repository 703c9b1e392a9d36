"""A program that a command runs: it ends before the command goes on, whatever tells that to end."""

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core import clock

LOOK = 0.2
"""Seconds between two looks whether the program may go on."""

GRACE = 10.0
"""Seconds that a program which was told to end has for it."""

ENDING = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class Signals:
    """Note what this process is told, and let a program hear it; without one, stop as by Ctrl-C."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.since = 0.0
        self.listener: Callable[[int], Any] | None = None

    def __call__(self, number: int, _: Any) -> None:
        self.heard.append(number)
        self.since = self.since or clock.monotonic()
        if self.listener is None:
            raise KeyboardInterrupt
        self.listener(number)


@contextmanager
def told_to_end() -> Iterator[Signals]:
    """Hear what would end this process; in a thread, nothing is heard."""
    signals = Signals()
    before: dict[int, Any] = {}
    try:
        for number in ENDING:
            before[number] = signal.signal(number, signals)
    except ValueError:  # only the main thread may say what is done about signals
        pass
    try:
        yield signals
    finally:
        for told, handler in before.items():
            signal.signal(told, handler)


class Program:
    """Be one program; ``stopped`` says that it was told to end because it might not go on."""

    def __init__(self, command: list[str], signals: Signals) -> None:
        self._command = command
        self._signals = signals
        self.stopped = False

    def run(self, environment: Mapping[str, str], lost: Callable[[], bool]) -> int:
        """Run it to its end, and return its exit code; told to end once it is ``lost``."""
        self._signals.listener = lambda number: None  # what is heard while it starts is kept
        process = subprocess.Popen(self._command, env=environment)  # noqa: S603 - that is the task
        try:
            self._signals.listener = lambda number: _pass_on(process, number)
            for number in self._signals.heard:
                _pass_on(process, number)
            while process.poll() is None:
                if self._over(lost()):
                    break
                _wait(process, LOOK)
        finally:
            if process.poll() is None:
                _end(process)
        return process.returncode

    def _over(self, lost: bool) -> bool:
        """Tell whether it is time to end it: the lock is lost, or it has ignored a Ctrl-C."""
        self.stopped = lost
        since = self._signals.since
        return lost or (since > 0 and clock.monotonic() - since > GRACE)


def _pass_on(process: "subprocess.Popen[bytes]", number: int) -> None:
    # A terminal has told the program of a Ctrl-C itself.
    if number != signal.SIGINT:
        process.send_signal(number)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    if not _wait(process, GRACE):
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True
