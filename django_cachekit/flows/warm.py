"""Filling the cache ahead of its readers: one computation per warmer, in the whole fleet.

A warmer always computes anew, for what is cached may be about to expire. Two that are at it at once
compute once: the second waits for the first and takes its result. In one process it waits for the
flight. Across processes it waits for a lease, and knows by a mark in the store, which the first
leaves when it is done, that there is a result to take and not a holder that died.
"""

import os
import random
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, NamedTuple

from ..core.flights import BOARD, Flight, Role, leading
from ..core.keys import plain
from ..core.operation import UNSURE, WARMER, Kind, Operation, Record, Stamp
from ..core.remedies import unreachable
from ..core.ttl import over, seconds
from ..errors import CacheKitError, StoreUnavailable
from ..layers.policy import lost
from ..scopes import Port
from ..verbs import store
from .leases import Lease, give_back, take

FIRST_LOOK, LAST_LOOK = 0.005, 0.25
"""Seconds between two looks at whether another process is done: from, up to."""

MARK_SECONDS = 3600


class NotStored(CacheKitError):
    """Say that the store did not take all that was computed."""


class Result(NamedTuple):
    """Say how many entries a warmer stored, and whether another caller did the work."""

    entries: int
    shared: bool


class Warming:
    """Be one warmer under way; ``entries`` counts what it has stored so far.

    ``make`` returns the value to store under ``name`` (None: nothing, it filled the cache itself),
    or is a generator function of ``(key, value)`` pairs; on an awaiting port either may be async.
    """

    def __init__(self, port: Port, name: str, make: Callable[[], Any], ttl: Any) -> None:
        self.port = port
        self.name = name
        self.entries = 0
        self._make = make
        self._ttl = ttl
        self._refused = 0
        self._mark = Record("warmed", name)
        self._right = Record(WARMER, name)

    async def once(self) -> Result:
        """Compute and store, unless another caller is at it: then wait for that one."""
        title = ("warm", self.port.alias, self.name)
        while True:
            flight, role = BOARD.join(title, blocking=not self.port.face.awaiting)
            if role is Role.FOLLOW:
                result = await self._follow(flight)
                if result is not None:
                    return result
                continue
            try:
                with leading(flight):
                    # Alone means that whoever holds the lease waits for this one: do not wait too.
                    lead = self._run if role is Role.ALONE else self._lead
                    result = await lead()
                flight.value = result
                return result
            except Exception as error:
                flight.error = error
                raise
            finally:
                BOARD.land(title, flight)

    async def _follow(self, flight: Flight) -> Result | None:
        """Wait for a flight, and return what came of it; None if it was broken off."""
        try:
            await self.port.face.settled(flight.done)
        finally:
            BOARD.left(flight)
        if flight.error is not None:
            raise flight.error
        done = flight.value
        return Result(done.entries, True) if isinstance(done, Result) else None

    async def _lead(self) -> Result:
        if not self.port.stack.driver.shared:
            return await self._run()
        before = await self._left()
        while True:
            lease = await take(self.port, self._right, None)
            if lease is UNSURE:
                await self._wait()
            try:
                # Another may have done it between the first look and the lease.
                left = await self._left()
                if left is not None and left != before:
                    return Result(int(left.rpartition(":")[2]), True)
                if lease is not UNSURE:
                    return await self._sign(await self._run())
            finally:
                if isinstance(lease, Lease):
                    await give_back(self.port, lease)

    async def _wait(self) -> None:
        """Wait until the lease is given back, or has ended with its holder."""
        pause = FIRST_LOOK
        while await self._held():
            await self.port.face.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - a pause
            pause = min(pause * 2, LAST_LOOK)

    async def _held(self) -> bool:
        ask = Operation("read", Kind.READ, (self._right,), snapshot=True, quiet=True)
        return self._right in (await self.port.call(ask)).held

    async def _left(self) -> str | None:
        """Return the mark of whoever was done last."""
        mark = (await self._read(self._mark)).get(self._mark)
        return mark if isinstance(mark, str) else None

    async def _sign(self, result: Result) -> Result:
        """Leave a mark for those who wait: that this one is done, and how many entries it has."""
        text = f"{os.urandom(8).hex()}:{result.entries}"
        op = Operation("write", Kind.WRITE, (self._mark,), values={self._mark: text}, quiet=True)
        await self.port.call(op._replace(ttl=MARK_SECONDS))
        return result

    async def _read(self, record: Record) -> dict[Any, Any]:
        reply = await self.port.call(Operation("read", Kind.READ, (record,), quiet=True))
        found: dict[Any, Any] = reply.values
        return found

    async def _run(self) -> Result:
        """Compute, and store under what was current before: a flush meanwhile is not undone."""
        stamp = await self._stamp()
        made = await self.port.face.user(self._make)
        if isinstance(made, Generator):
            for pair in made:
                await self._keep(*_pair(pair), stamp)
        elif isinstance(made, AsyncGenerator):
            async for pair in made:
                await self._keep(*_pair(pair), stamp)
        elif made is not None:
            await self._keep(self.name, made, stamp)
        if self._refused:
            raise NotStored(
                f"{self._refused} of {self._refused + self.entries} entries were not stored: "
                f"alias {self.port.alias!r} refused them, or was flushed meanwhile"
            )
        return Result(self.entries, False)

    async def _stamp(self) -> Stamp | None:
        """Return what is current now; a store that cannot be reached is not worth computing for."""
        reply = await self.port.call(self.port.read((), None)._replace(snapshot=True, quiet=True))
        if lost(reply.stamp):
            raise StoreUnavailable(unreachable(self.port.alias, "warm", "it cannot be reached"))
        stamp: Stamp | None = reply.stamp
        return stamp

    async def _keep(self, key: str, value: Any, stamp: Stamp | None) -> None:
        ttl = seconds(self._ttl)
        if over(ttl):
            raise ValueError(f"The ttl of warmer {self.name!r} has run out already.")
        refused = await store(self.port, {key: value}, ttl, None, "warm", stamp=stamp)
        self._refused += len(refused)
        self.entries += 1 - len(refused)


def _pair(item: Any) -> tuple[str, Any]:
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        raise TypeError(f"A generator warmer yields (key, value) pairs, not {type(item).__name__}.")
    return plain(item[0]), item[1]


__all__ = ["NotStored", "Result", "Warming"]
