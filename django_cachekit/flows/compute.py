"""The verbs that compute: one computation per key, and nothing kept that a flush has overtaken.

The order is what makes it safe: read the nonces and the epoch, then compute, then store the value
stamped with what was read. See ``docs/decisions/tags-model``.
"""

import inspect
import random
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ..core import clock
from ..core.flights import BOARD, Flight, Role, leading, nested
from ..core.keys import plain
from ..core.operation import MISSING, UNSURE, Key, Reply, Stamp
from ..core.ttl import over, seconds
from ..layers.policy import lost
from ..scopes import Port
from ..verbs import find, remove, store, unwrap
from .leases import SECONDS, Lease, give_back, lease_of, take

FIRST_LOOK, LAST_LOOK = 0.005, 0.1
"""Seconds between two looks at a value that another process computes: from, up to."""


class Draft:
    """Be the entry being built, which ``make`` is given if it takes an argument.

    ``ttl`` may be set, in any form; ``skip()`` returns the value without storing it; ``stale`` is
    the old value, where there is one.
    """

    def __init__(self, ttl: Any, stale: Any = None) -> None:
        self.ttl = ttl
        self.stale = stale
        self.skipped = False

    def skip(self) -> None:
        """Do not store what is being computed."""
        self.skipped = True


class Job:
    """Hold what one computation needs: the key, how to make the value, and how long it lives."""

    def __init__(self, port: Port, key: str, make: Any, ttl: Any, version: int | None) -> None:
        self.port = port
        self.key = key
        self.make = make
        self.ttl = ttl
        self.version = port.stack.driver.version if version is None else version
        self.name = (port.alias, self.version, key)

    async def look(self, *more: Key) -> Reply:
        """Read the key again, quietly, with the stamp a computation starting now would have."""
        op = self.port.read((self.key,), self.version)
        reply = await self.port.call(op._replace(keys=(self.key, *more), snapshot=True, quiet=True))
        return reply  # type: ignore[no-any-return]  # a read answers with a Reply

    async def compute(self, flight: Flight) -> Any:
        """Make the value and store it under the flight's stamp."""
        draft = Draft(self.ttl)
        arguments = (draft,) if _takes_draft(self.make) else ()
        value = await self.port.face.user(self.make, *arguments)
        ttl = draft.ttl
        if callable(ttl):
            ttl = await self.port.face.user(ttl, value)
        ttl = seconds(ttl)
        flight.value = value
        if not (draft.skipped or over(ttl) or flight.revoked or lost(flight.stamp)):
            await self.keep(flight, value, ttl)
        return value

    async def keep(self, flight: Flight, value: Any, ttl: Any) -> None:
        """Store the value; take it back if its key was removed while it was being stored."""
        values = {self.key: value}
        await store(self.port, values, ttl, self.version, "remember", stamp=flight.stamp)
        if flight.revoked:
            await remove(self.port, (self.key,), self.version)


async def remember(port: Port, key: Any, ttl: Any, make: Callable[..., Any]) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ``ttl``; one caller computes."""
    key = plain(key)
    found = port.quick(key, None)
    if found is UNSURE:
        found = await find(port, key, None, "remember")
    if found is not MISSING:
        return found
    return await single(Job(port, key, _callable(make), ttl, None))


async def remember_forever(port: Port, key: Any, make: Callable[..., Any]) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ever; one caller computes."""
    return await remember(port, key, None, make)


async def get_or_set(
    port: Port,
    key: Any,
    default: Any,
    timeout: Any = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> Any:
    """Return the value, or ``default`` (called if it can be), stored; one caller computes."""
    key = plain(key)
    found = await find(port, key, version, "get_or_set")
    if found is not MISSING:
        return found
    make = default if callable(default) else lambda: default
    return await single(Job(port, key, make, timeout, version))


async def refresh(port: Port, key: Any, ttl: Any, make: Callable[..., Any]) -> Any:
    """Compute the value anew and store it, whatever is cached."""
    job = Job(port, plain(key), _callable(make), ttl, None)
    flight = Flight()
    flight.stamp = (await job.look()).stamp
    return await job.compute(flight)


async def single(job: Job) -> Any:
    """Compute once: lead, or wait for the one who leads."""
    while True:
        flight, role = BOARD.join(job.name, blocking=not job.port.face.awaiting)
        if role is Role.FOLLOW:
            value = await _follow(job, flight)
            if value is not MISSING:
                return value
            continue
        try:
            with leading(flight):
                return await _lead(job, flight, alone=role is Role.ALONE)
        except Exception as error:
            flight.error = error
            raise
        finally:
            BOARD.land(job.name, flight)


async def _follow(job: Job, flight: Flight) -> Any:
    """Wait for a flight; return its value if that is still good, or MISSING to try anew."""
    try:
        await job.port.face.settled(flight.done)
    finally:
        BOARD.left(flight)
    if flight.error is not None:
        raise flight.error
    reply = await job.look()
    found = unwrap(reply.values.get(job.key, MISSING))
    if found is MISSING and _same(reply.stamp, flight.stamp) and not flight.revoked:
        # It was not stored, and nothing was flushed since it was begun: it is as good as fresh.
        return flight.value
    return found


def _same(now: Stamp | None, then: Stamp | None) -> bool:
    return now is not None and now == then


async def _lead(job: Job, flight: Flight, *, alone: bool) -> Any:
    lease = None
    reply = await job.look()
    if job.key not in reply.values and not alone and job.port.stack.driver.shared:
        lease, reply = await _leased(job, reply)
    try:
        if job.key in reply.values:
            return unwrap(reply.values[job.key])
        flight.stamp = reply.stamp
        return await job.compute(flight)
    finally:
        if lease is not None:
            await give_back(job.port, lease)


async def _leased(job: Job, reply: Reply) -> tuple[Lease | None, Reply]:
    """Wait for the lease, or for the value another computes; return the lease and the last look."""
    record, pause, began = lease_of(job.key, job.version), FIRST_LOOK, clock.monotonic()
    while job.key not in reply.values and not lost(reply.stamp):
        lease = await take(job.port, job.key, job.version)
        if lease is not None:
            # Another may have computed it between the last look and the lease.
            return lease, await job.look()
        reply = await job.look(record)
        while job.key not in reply.values and record in reply.values:
            if nested() and clock.monotonic() - began > SECONDS:
                # Another process may be waiting for what this one holds: that would never end.
                return None, reply
            await job.port.face.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - a pause
            pause = min(pause * 2, LAST_LOOK)
            reply = await job.look(record)
    return None, reply


def _callable(make: Any) -> Any:
    if not callable(make):
        raise TypeError(f"make is a function that gives the value, not {type(make).__name__}.")
    return make


def _takes_draft(make: Callable[..., Any]) -> bool:
    """Tell whether ``make`` asks for the entry being built: one positional argument, no default."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    asked = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(asked) == 1
