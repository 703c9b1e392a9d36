"""Running many jobs, so many at once, with a time for each: none waits for one that hangs."""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from django.db import connections

from ..core import clock

R_co = TypeVar("R_co", covariant=True)
R = TypeVar("R")


class Job(Protocol[R_co]):
    """Be something to do; it raises nothing but what should end it all (KeyboardInterrupt)."""

    name: str

    def __call__(self) -> R_co:
        """Do it."""

    def failed(self, error: BaseException) -> R_co:
        """Return what is said of it if it did raise."""


J = TypeVar("J", bound=Job[Any])


class Crew(Generic[R]):
    """Run jobs, at most ``size`` at once, each for at most ``timeout`` seconds.

    A thread cannot be ended from outside: the one that is late is left to itself (it ends with the
    process at the latest), and counts no more.
    """

    def __init__(self, size: int = 1, timeout: float | None = None) -> None:
        if type(size) is not int or size < 1:
            raise ValueError(f"concurrency is a whole number from 1, not {size!r}.")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout is a number of seconds over 0, not {timeout!r}.")
        self.size = size
        self.timeout = timeout
        self._ended: SimpleQueue[tuple[Any, R]] = SimpleQueue()

    def run(self, jobs: Sequence[J]) -> Iterator[tuple[J, R | None]]:
        """Give each job with its result as it ends, or with None if it was late."""
        if self.size == 1 and self.timeout is None:
            for job in jobs:
                yield job, job()
            return
        waiting = deque(jobs)
        running: dict[J, float] = {}
        while waiting or running:
            while waiting and len(running) < self.size:
                job = waiting.popleft()
                running[job] = clock.monotonic() + (self.timeout or 0)
                self._start(job)
            yield from self._next(running)

    def _next(self, running: dict[J, float]) -> Iterator[tuple[J, R | None]]:
        """Give the next that ends, or all that are late, if none does in time."""
        left = None
        if self.timeout is not None:
            left = max(0.0, min(running.values()) - clock.monotonic())
        try:
            job, result = self._ended.get(timeout=left)
        except Empty:
            late = [job for job, until in running.items() if until <= clock.monotonic()]
            for job in late:
                del running[job]
                yield job, None
            return
        # One that was given up may end after all; what was said of it stays said.
        if running.pop(job, None) is not None:
            yield job, result

    def _start(self, job: J) -> None:
        context = copy_context()
        name = f"cachekit-{job.name}"
        threading.Thread(target=context.run, args=(self._do, job), daemon=True, name=name).start()

    def _do(self, job: J) -> None:
        result = _outcome(job, job)
        result = _outcome(job, lambda: _closed(result))
        self._ended.put((job, result))


def _outcome(job: Job[R], work: Callable[[], R]) -> R:
    try:
        return work()
    except BaseException as error:  # else whoever waits for this thread would wait for ever
        return job.failed(error)


def _closed(result: R) -> R:
    """Close the database connections of this thread, which nobody else could."""
    connections.close_all()
    return result
