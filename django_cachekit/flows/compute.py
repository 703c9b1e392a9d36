"""The verbs that compute: one computation per key, and nothing kept that a flush has overtaken.

The order is what makes it safe: read the nonces and the epoch, then compute, then store the value
stamped with what was read. See ``docs/decisions/tags-model``.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .. import verbs
from ..codecs.copies import Held, hold
from ..core.entry import Entry
from ..core.flights import BOARD, Flight, Role, leading, nested
from ..core.keys import plain
from ..core.operation import MISSING, UNSURE, Reply, Stamp
from ..layers.events import reading_is_heard
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import Port
from ..verbs import find
from . import leases, pauses
from .jobs import Draft, Job, Remembered, checked
from .leases import Lease, Waiting, give_back
from .options import RETRY


async def remembered(port: Port, key: Any, ttl: Any, make: Callable[..., Any]) -> Remembered:
    """Return what ``remember`` does, together with the tags that the entry bears."""
    key = plain(key)
    reply = await port.call(port.read((key,), None, "remember"))
    if key in reply.values:
        return Remembered.of(reply.values[key])
    return await single(Job(port, key, checked(make), ttl))


async def remember(port: Port, key: Any, ttl: Any, make: Callable[..., Any]) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ``ttl``; one caller computes."""
    key = plain(key)
    found: Any = MISSING
    if not under_way(port, key):
        found = port.quick(key, None)
        if found is UNSURE:
            found = await find(port, key, None, "remember")
    if found is not MISSING:
        return found
    return (await single(Job(port, key, checked(make), ttl))).value


def under_way(port: Port, key: str, version: int | None = None) -> bool:
    """Tell whether this process computes the key, so that there is no need to ask the store.

    Who listens to reads hears of each all the same.
    """
    return BOARD.flies() and not reading_is_heard() and BOARD.flies(port.flight(key, version))


@verbs.computes
async def get_or_set(
    port: Port,
    key: Any,
    default: Any,
    timeout: Any = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> Any:
    """Return the value, or ``default`` (called if it can be), stored; one caller computes.

    What another has set meanwhile stays, and is returned, as with Django.
    """
    key = plain(key)
    if not under_way(port, key, version):
        found = await find(port, key, version, "get_or_set")
        if found is not MISSING:
            return found
    job = Job(port, key, default if callable(default) else lambda: default, timeout, version)
    job.first = True
    made = await single(job)
    if job.late:
        reply = await job.look()
        made = Remembered.of(reply.values.get(key, made.value))
    return made.value


async def anew(job: Job, match: str) -> Remembered:
    """Compute over a value that is there; its value is MISSING if that is not to be.

    Nobody joins it, for all have the old value until it is done.
    """
    flight = Flight()
    with BOARD.watching(job.name, flight), leading(flight):
        reply = await job.look(soft=True)
        flight.stamp = reply.stamp
        claims = job.claims and not lost(reply.stamp)
        lease = await job.lease(match, reply.stamp) if claims else MISSING
        if lease is UNSURE:
            return Remembered(MISSING)
        look = job.seen is not None or (job.drafts and job.key in reply.values)
        return await _computed(job, flight, lease, look=look)


async def single(job: Job) -> Remembered:
    """Compute once: lead, or wait for the one who leads.

    Its value is MISSING where an old one is to be served, for to compute it failed a moment ago.
    """
    blocking, alone = not job.port.face.awaiting, flushing(job.port, job.port.tags)
    while True:
        # What others compute was begun before a flush that this caller's transaction will make.
        flight, role = (Flight(), Role.ALONE) if alone else BOARD.join(job.name, blocking=blocking)
        if role is Role.FOLLOW:
            found = await _follow(job, flight)
            if found is not None:
                return found
            made = flight.value
            alone = isinstance(made, Remembered) and flushing(job.port, made.tags)
            continue
        try:
            with leading(flight):
                return await _lead(job, flight, alone=role is Role.ALONE)
        except Exception as error:
            flight.error = error
            raise
        finally:
            BOARD.land(job.name, flight)


async def _follow(job: Job, flight: Flight) -> Remembered | None:
    """Wait for a flight; return its value if that is still good, or None to try anew."""
    job.waits()
    try:
        await job.port.face.settled(flight.done)
    finally:
        BOARD.left(flight)
    if flight.error is not None:
        if job.options.on_error == RETRY:
            return None
        raise flight.error
    made: Remembered | None = flight.value if isinstance(flight.value, Remembered) else None
    if made is not None and made.value is MISSING:
        made = None  # it was computed together with others, and left out
    if made is not None and flushing(job.port, made.tags):
        return None
    if flight.shared is not None and not flight.revoked:
        good, held = flight.shared
        if set(good.tags).issuperset(job.port.tags):
            return Remembered(held.give(), good.tags)
    if made is not None and not set(made.tags).issuperset(job.port.tags):
        made = None  # it was computed in another scope
    reply = await job.look(made.tags if made is not None else ())
    if job.key in reply.values:
        return Remembered.of(reply.values[job.key])
    if made is not None and same(reply.stamp, flight.stamp, made.tags) and not flight.revoked:
        # It was not stored, and nothing was flushed since it was begun: it is as good as fresh.
        return Remembered(copied(made.value), made.tags)
    return None


def flushing(port: Port, tags: Iterable[str]) -> bool:
    """Tell whether the caller's transaction is going to flush one of ``tags``."""
    return not waiting(port.alias).isdisjoint(tags)


def copied(value: Any) -> Any:
    """Return a copy for one of several who wait; the value itself where it cannot be copied."""
    try:
        return hold(value).give()
    except Exception:  # pickling may raise anything at all
        return value


def same(now: Stamp | None, then: Stamp | None, tags: Iterable[str]) -> bool:
    """Tell whether nothing that bears ``tags`` was flushed between two stamps."""
    if now is None or then is None or now.epoch != then.epoch:
        return False
    return all(tag in then.nonces and now.nonces.get(tag) == then.nonces[tag] for tag in tags)


async def _lead(job: Job, flight: Flight, *, alone: bool) -> Remembered:
    reply = await job.look(soft=job.soft)
    lease: Any = MISSING
    found = reply.values.get(job.key)
    spare = type(found) is Entry and job.soft and found.spare
    if spare:
        del reply.values[job.key]
    if job.key not in reply.values and not alone and job.claims:
        lease, reply = await _leased(job, flight, reply)
    if job.key in reply.values:
        found = Remembered.of(reply.values[job.key])
        if flight.followed:
            BOARD.part(job.name, flight)  # who comes later than the next look has to look himself
            flight.shared = await _shared(job, found, look=True)
        return found
    flight.stamp = reply.stamp
    if job.claims and lease is MISSING and not lost(reply.stamp):
        # Who has the key forgotten meanwhile will not be heard of: each waits for himself.
        flight.revoked = True
    return await _computed(job, flight, lease, look=spare)


async def _computed(job: Job, flight: Flight, lease: Any, *, look: bool) -> Remembered:
    """Compute, and give the lease back if there is one.

    If it is gone, the key was removed elsewhere meanwhile: who waits may have come after that.
    """
    if not isinstance(lease, Lease):
        return await _made(job, flight, None, look=look)
    try:
        made = await _made(job, flight, lease, look=look)
        if lease.ended and flight.followed and made.value is not MISSING:
            flight.shared = await _shared(job, made)
        return made
    finally:
        if not await give_back(job.port, lease):
            flight.revoked = True


async def _made(job: Job, flight: Flight, lease: Lease | None, *, look: bool) -> Remembered:
    """Compute, unless another ``look`` says that it is not to be; MISSING then.

    The old value is that of this look, which comes after the stamp: what is kept of it under that
    stamp was not flushed before. And it comes under the lease, so whoever had that last is heard.
    """
    old = await job.old() if look else MISSING
    if look and job.rests(old):
        return Remembered(MISSING)
    try:
        made = await job.compute(flight, lease, old)
    except Exception:
        if job.options.stale_if_error is not None and job.options.usable(old):
            await pauses.lengthen(job.port, job.note, job.pause)
        raise
    if job.pause is not None:
        await pauses.end(job.port, job.note)
    return made


async def _shared(
    job: Job, made: Remembered, *, look: bool = False
) -> tuple[Remembered, Held] | None:
    """Return what was stored, for all who wait: they came before that, and need not look.

    It stands as of then, for it was stored by a claim; under tags, or where it was stored by
    another process, if it can be read again.
    """
    if made.tags or look:
        reply = await job.look(made.tags)
        if job.key not in reply.values:
            return None
        made = Remembered.of(reply.values[job.key])
    try:
        return made, hold(made.value)
    except Exception:  # pickling may raise anything at all; then each looks for himself
        return None


async def _leased(job: Job, flight: Flight, reply: Reply) -> tuple[Any, Reply]:
    """Wait for the lease, or for the value another computes; return the lease and the last look.

    The lease is MISSING where there is none to be had.
    """
    waits, tried = Waiting(), False
    while job.key not in reply.values and not lost(reply.stamp):
        # Tried once even if another has it: a flush may have ended that.
        if not tried or job.key not in reply.held:
            found = await job.lease("absent", reply.stamp)
            if isinstance(found, Lease) or found is MISSING:
                return found, reply
            if found is not UNSURE:
                return MISSING, reply._replace(values={job.key: found})
        if (nested() or flight.needed) and waits.passed() > leases.SECONDS:
            # Another process may be waiting for what this one holds: that would never end.
            break
        if not tried:
            job.waits()
        tried = True
        await job.port.face.sleep(waits.pause())
        reply = await job.look()
    return MISSING, reply


__all__ = ["Draft", "Job", "Remembered", "anew", "checked", "remember", "remembered", "single"]
