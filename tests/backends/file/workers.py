"""Real processes: one that is warm and has one thread, and forks others, which a test may kill.

``python -m tests.backends.file.workers`` reads orders as lines of JSON and answers each with one.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.rotation import rotate

from .stores import driver_of, open_store, tree_of

Job = Callable[..., Any]
JOBS: dict[str, Job] = {}
ROOT = Path(__file__).resolve().parents[3]


class Workers:
    """Start jobs in processes of their own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        )
        assert self.process.stdin
        assert self.process.stdout
        self._orders, self._answers = self.process.stdin, self.process.stdout

    def start(self, job: str, location: object, *args: Any, **options: Any) -> int:
        """Start a job over the store at ``location``, and return its process id."""
        order = {"job": job, "location": str(location), "args": args, "options": options}
        return int(self._order(order))

    def kill(self, pid: int, sign: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a job, and wait for its end."""
        os.kill(pid, sign)
        status, _ = self._order({"wait": pid})
        assert status == -sign, f"the job had ended by itself, with {status}"

    def result(self, pid: int) -> Any:
        """Wait for the end of a job, and return its result; an error in it is one here."""
        status, found = self._order({"wait": pid})
        assert status == 0, f"the job ended with {status}: {found}"
        return found

    def results(self, pids: list[int]) -> list[Any]:
        """Wait for many."""
        return [self.result(pid) for pid in pids]

    def close(self) -> None:
        """End the process that forks."""
        self._orders.close()
        self._answers.close()
        self.process.wait(10)

    def _order(self, order: dict[str, Any]) -> Any:
        self._orders.write(json.dumps(order) + "\n")
        self._orders.flush()
        return json.loads(self._answers.readline())


def job(function: Job) -> Job:
    """Let a function be started by its name."""
    JOBS[function.__name__] = function
    return function


def wait_for(path: Path, seconds: float = 20) -> None:
    """Wait, awake, until a job has made a file."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, "the job never got that far"
        os.sched_yield()


def at(moment: float) -> None:
    """Wait, awake, until the clock that all processes share says ``moment``."""
    while time.monotonic() < moment:
        os.sched_yield()


@job
def count(cache: EncryptedFileCache, key: str, times: int) -> int:
    for _ in range(times):
        cache.incr(key)
    return times


@job
def add_rounds(cache: EncryptedFileCache, start: float, rounds: int) -> list[int]:
    """Return the rounds won; each begins at a moment that all contestants know."""
    won = []
    for number in range(rounds):
        at(start + number * 0.004)
        if cache.add(f"round-{number}", os.getpid()):
            won.append(number)
    return won


@job
def set_for_ever(cache: EncryptedFileCache, keys: int, size: int, told: str) -> None:
    """Set values, each of one byte repeated, until killed; make a file after the first."""
    number = os.getpid()
    while True:
        number += 1
        cache.set(f"key-{number % keys}", bytes([number % 256]) * size, None)
        Path(told).touch()


@job
def churn(cache: EncryptedFileCache, seconds: float, verbs: list[str], size: int) -> int:
    """Write, touch, delete, clear and prune two keys for some time."""
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        key, verb = f"key-{number % 2}", verbs[number % len(verbs)]
        if verb == "set":
            cache.set(key, os.urandom(16) * (size // 16))
        elif verb == "prune":
            tree_of(cache).prune()
        elif verb == "clear":
            cache.clear()
        else:
            getattr(cache, verb)(key)
    return number


@job
def fill(cache: EncryptedFileCache, name: str, number: int, size: int) -> int:
    for at in range(number):
        cache.set(f"{name}-{at}", os.urandom(size), None)
    return number


@job
def reseal(cache: EncryptedFileCache) -> int:
    found = rotate(driver_of(cache))
    return sum(number for turn, number in found.items() if turn.outcome == "resealed")


@job
def hold_and_fork(cache: EncryptedFileCache, path: str) -> None:
    """Fork a child while a lock is held, write its id to ``path``, and wait to be killed."""
    with tree_of(cache).place.lock(0):
        child = os.fork()
        if child:
            Path(path + ".new").write_text(str(child))
            os.rename(path + ".new", path)
        signal.pause()


def _run(order: dict[str, Any]) -> Any:
    cache = open_store(order["location"], **order["options"])
    return JOBS[order["job"]](cache, *order["args"])


def _start(order: dict[str, Any], home: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 0
    try:
        os.close(0)
        result = _run(order)
    except BaseException:
        status, result = 1, traceback.format_exc()
    Path(home, str(os.getpid())).write_text(json.dumps(result))
    os._exit(status)


def _wait(pid: int, home: str) -> list[Any]:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    found = Path(home, str(pid))
    return [status, json.loads(found.read_text()) if status >= 0 else None]


def main() -> None:
    """Serve orders until the test suite closes the pipe."""
    import django

    django.setup()
    with tempfile.TemporaryDirectory() as home:
        for line in sys.stdin:
            order = json.loads(line)
            answer = _wait(order["wait"], home) if "wait" in order else _start(order, home)
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
