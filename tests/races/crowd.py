"""Many who ask for one key at once: processes of threads, and of tasks beside them."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from django.db import connections

from django_cachekit import cache

from .bodies import FORK

SECONDS = 0.3
"""How long a computation takes."""


class Size(NamedTuple):
    """Say how many ask: in so many processes, threads and tasks in each."""

    processes: int
    threads: int
    tasks: int = 0

    @property
    def askers(self) -> int:
        """Return how many these are."""
        return self.processes * (self.threads + self.tasks)


class Calls:
    """Count how often something is computed, by whichever process."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.number = FORK.Value("i", 0)

    def note(self, many: int = 1) -> None:
        """Count."""
        with self.number.get_lock():
            self.number.value += many

    def make(self) -> str:
        """Compute, for a while."""
        self.note()
        time.sleep(self.seconds)
        return "value"

    async def amake(self) -> str:
        """Compute in a task."""
        self.note()
        await asyncio.sleep(self.seconds)
        return "value"


class Ask(NamedTuple):
    """Say how a thread asks, and how a task does; and what each does before, as to connect."""

    now: Callable[[], Any]
    later: Callable[[], Awaitable[Any]] | None = None
    before: Callable[[], Any] = lambda: None
    before_later: Callable[[], Awaitable[Any]] | None = None


class Answer(NamedTuple):
    """Hold what one was given (or what went wrong), and after how many seconds."""

    value: Any
    seconds: float


def gathered(size: Size, ask: Ask, patience: float = 120) -> list[Answer]:
    """Let all ask at the same moment, and return what they were given."""
    for connection in connections.all(initialized_only=True):
        if connection.alias != "default":
            connection.close()  # two processes cannot speak by one
    cache._home.stack()  # or each of them would have to import the client by itself
    gate, found = FORK.Barrier(size.processes), FORK.SimpleQueue()
    processes = [
        FORK.Process(target=_process, args=(size, ask, gate, found)) for _ in range(size.processes)
    ]
    for process in processes:
        process.start()
    answers: list[Answer] = []
    until = time.monotonic() + patience
    while len(answers) < size.askers and time.monotonic() < until:
        if found.empty():
            time.sleep(0.01)
        else:
            answers += found.get()
    for process in processes:
        process.join(5)
        if process.exitcode is None:
            process.kill()
    return answers


def _process(size: Size, ask: Ask, gate: Any, found: Any) -> None:
    answers: list[Answer] = []
    ready = threading.Barrier(size.threads + bool(size.tasks) + 1)

    def thread() -> None:
        ask.before()
        ready.wait(60)
        began = time.monotonic()
        try:
            value = ask.now()
        except Exception as error:
            value = repr(error)
        answers.append(Answer(value, time.monotonic() - began))

    async def task() -> None:
        assert ask.later is not None
        began = time.monotonic()
        try:
            value = await ask.later()
        except Exception as error:
            value = repr(error)
        answers.append(Answer(value, time.monotonic() - began))

    async def tasks() -> None:
        if ask.before_later is not None:
            await asyncio.gather(*(ask.before_later() for _ in range(size.tasks)))
        ready.wait(60)
        await asyncio.gather(*(task() for _ in range(size.tasks)))

    def loop() -> None:
        asyncio.run(tasks())

    runs = [thread] * size.threads + [loop] * bool(size.tasks)
    threads = [threading.Thread(target=run, daemon=True) for run in runs]
    for one in threads:
        one.start()
    while ready.n_waiting < ready.parties - 1:
        time.sleep(0.005)
    gate.wait(60)
    ready.wait(60)
    for one in threads:
        one.join()
    found.put(answers)


def p99(answers: list[Answer]) -> float:
    """Return within how many seconds 99 of a hundred were answered."""
    took = sorted(answer.seconds for answer in answers)
    return took[math.ceil(len(took) * 0.99) - 1]
