"""A fleet of processes in one, in simulated time: who computes what, when, and how many at once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.core import clock
from django_cachekit.flows import behind


class Fleet:
    """Have many processes read one key, again and again, while time is moved in small steps.

    A process is what it knows by itself: which keys it computes anew, and which of them failed.
    All else they share, as in a store. A computation takes ``cost`` seconds of simulated time.
    """

    def __init__(self, patch: pytest.MonkeyPatch, processes: int, cost: float) -> None:
        self.patch = patch
        # No real time at all, so that a machine that stands still is no part of it.
        patch.setattr(clock, "now", lambda: 1e9 + self._time)
        patch.setattr(clock, "monotonic", lambda: self._time)
        self.processes = [behind.Refreshes() for _ in range(processes)]
        self.cost = cost
        self.begun: list[float] = []
        self.at_once = self.most = 0
        self.late = self.cold = 0
        self._asleep: list[tuple[float, asyncio.Event]] = []
        self._time = 0.0
        self._waiting: set[Any] = set()

    async def make(self) -> float:
        """Compute the value, for so long."""
        self.begun.append(self._time)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        wake = asyncio.Event()
        self._asleep.append((self._time + self.cost, wake))
        await wake.wait()
        self.at_once -= 1
        return self._time

    @contextmanager
    def process(self, number: int) -> Iterator[None]:
        """Be one of the processes."""
        before = behind.REFRESHES
        self.patch.setattr(behind, "REFRESHES", self.processes[number])
        yield
        self.patch.setattr(behind, "REFRESHES", before)

    async def read(self, number: int, ttl: float, options: dict[str, Any]) -> None:
        """Read the key as one of the processes; count it if there was nothing to be served."""
        with self.process(number):
            reading = asyncio.ensure_future(cache.aremember("key", ttl, self.make, **options))
            await self._settle(reading)
        self.late += not reading.done()
        self.cold += not reading.done() and self._time < self.cost
        if not reading.done():
            self._waiting.add(reading)
            reading.add_done_callback(self._waiting.discard)

    async def run(self, seconds: float, step: float, ttl: float, **options: Any) -> None:
        """Let so much time pass; in each step every process reads once."""
        while self._time < seconds:
            for number in range(len(self.processes)):
                await self.read(number, ttl, options)
            self._time += step
            for due, wake in self._asleep:
                if due <= self._time:
                    wake.set()
            self._asleep = [one for one in self._asleep if one[0] > self._time]
            await self._settle()

    async def _settle(self, until: "asyncio.Future[Any] | None" = None) -> None:
        """Let all go on that can, without time passing."""
        for _ in range(12):
            await asyncio.sleep(0)
            if until is not None and until.done() and not behind.REFRESHES._under_way:
                return
