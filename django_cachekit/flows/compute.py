"""The verbs that compute: one computation per key, and nothing kept that a flush has overtaken.

The order is what makes it safe: read the nonces and the epoch, then compute, then store the value
stamped with what was read. See ``docs/decisions/tags-model``.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .. import verbs
from ..codecs.copies import Held, hold
from ..core.entry import Entry
from ..core.flights import BOARD, Flight, Role, leading, nested
from ..core.keys import plain
from ..core.operation import MISSING, UNSURE, Reply, Stamp
from ..core.ttl import over, seconds
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import FoundTags, Port, tag_names
from ..verbs import find, remove, store, unwrap
from . import leases
from .leases import Lease, Waiting, give_back, take


class Draft:
    """Be the entry being built, which ``make`` is given if it takes an argument.

    ``ttl`` may be set, in any form; ``tags.add(...)`` lets it bear tags that only the computation
    knows; ``skip()`` returns the value without storing it; ``stale`` is the old value, where there
    is one.
    """

    def __init__(self, ttl: Any, stale: Any = None) -> None:
        self.ttl = ttl
        self.stale = stale
        self.tags = FoundTags()
        self.skipped = False

    def skip(self) -> None:
        """Do not store what is being computed."""
        self.skipped = True


class Remembered(NamedTuple):
    """Hold what was remembered: the value, and the tags it bears, declared or found."""

    value: Any
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Any) -> "Remembered":
        """Return what a read found."""
        return cls(found.value, tuple(found.stamps)) if type(found) is Entry else cls(found)


class Job:
    """Hold what one computation needs: the key, how to make the value, and how long it lives.

    Younger than ``fresh`` seconds it is fresh, and stale from then on; None: always fresh. With
    ``first`` what another has stored meanwhile stays; ``late`` tells that the value was not stored.
    """

    first = late = False

    def __init__(
        self,
        port: Port,
        key: str,
        make: Any,
        ttl: Any,
        version: int | None = None,
        fresh: float | None = None,
    ) -> None:
        self.port = port
        self.key = key
        self.make = make
        self.ttl = ttl
        self.fresh = fresh
        self.name = port.flight(key, version)
        self.version = self.name[1]
        self.claims = port.stack.driver.claims
        self.drafts = _takes_draft(make)

    async def look(self, tags: Iterable[str] = (), *, soft: bool = False) -> Reply:
        """Read the key again, quietly, with the stamp a computation starting now would have."""
        op = self.port.read((self.key,), self.version)
        op = op._replace(tags=tuple(tags) or op.tags, soft=soft, finds=self.drafts)
        op = op._replace(snapshot=True, quiet=True)
        reply = await self.port.call(op)
        return reply  # type: ignore[no-any-return]  # a read answers with a Reply

    async def lease(self, match: str, stamp: Stamp | None) -> Any:
        """Take the lease, as ``leases.take`` does."""
        return await take(self.port, self.key, self.version, match, stamp)

    async def compute(self, flight: Flight, lease: Lease | None, stale: Any = None) -> Remembered:
        """Make the value and store it under the flight's stamp, where the lease still lies.

        Without one it is not stored where others could have the key forgotten unheard.
        """
        draft = Draft(self.ttl, stale)
        arguments = (draft,) if self.drafts else ()
        value = await self.port.face.user(self.make, *arguments)
        if self.claims:
            # Who comes later may come after another process had the key forgotten: it shall look.
            BOARD.part(self.name, flight)
        ttl = draft.ttl
        if callable(ttl):
            ttl = await self.port.face.user(ttl, value)
        ttl = seconds(ttl)
        made = Remembered(value, tag_names((self.port.tags, list(draft.tags))))
        if not waiting(self.port.alias).isdisjoint(made.tags):
            flight.revoked = True  # computed within a transaction that is going to flush it
        flight.value = made
        unkept = draft.skipped or over(ttl) or flight.revoked or lost(flight.stamp)
        if not unkept and (lease is not None or not self.claims):
            await self._keep(flight, made, ttl, lease)
        return made

    async def _keep(self, flight: Flight, made: Remembered, ttl: Any, lease: Lease | None) -> None:
        """Store the value; take it back if its key was removed meanwhile, where no claim tells."""
        more: dict[str, Any] = {"stamp": flight.stamp, "tags": made.tags, "fresh": self.fresh}
        if lease is not None:
            more["token"] = lease.token
        values = {self.key: made.value}
        beside = lease is None or getattr(self.port.stack.driver, "beside", False)
        if self.first and beside and self.key in (await self.look(made.tags)).values:
            self.late = True  # a claim in the entry's place would have gone
            return
        failed = await store(self.port, values, ttl, self.version, "remember", **more)
        self.late = bool(failed)
        if lease is not None:
            lease.stored(values, failed)
        if flight.revoked and lease is None:
            await remove(self.port, (self.key,), self.version)


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
    found = port.quick(key, None)
    if found is UNSURE:
        found = await find(port, key, None, "remember")
    if found is not MISSING:
        return found
    return (await single(Job(port, key, checked(make), ttl))).value


async def remember_forever(port: Port, key: Any, make: Callable[..., Any]) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ever; one caller computes."""
    return await remember(port, key, None, make)


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


async def refresh(port: Port, key: Any, ttl: Any, make: Callable[..., Any]) -> Any:
    """Compute the value anew and store it, whatever is cached; that is read meanwhile."""
    return (await anew(Job(port, plain(key), checked(make), ttl), "taken")).value


async def anew(job: Job, match: str) -> Remembered:
    """Compute over a value that is there; its value is MISSING if ``match`` forbids it.

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
        return await _computed(job, flight, lease, unwrap(reply.values.get(job.key)))


async def single(job: Job) -> Remembered:
    """Compute once: lead, or wait for the one who leads."""
    while True:
        flight, role = BOARD.join(job.name, blocking=not job.port.face.awaiting)
        if role is Role.FOLLOW:
            found = await _follow(job, flight)
            if found is not None:
                return found
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
    try:
        await job.port.face.settled(flight.done)
    finally:
        BOARD.left(flight)
    if flight.error is not None:
        raise flight.error
    made: Remembered | None = flight.value if isinstance(flight.value, Remembered) else None
    if made is not None and made.value is MISSING:
        made = None  # it was computed together with others, and left out
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
        return made
    return None


def same(now: Stamp | None, then: Stamp | None, tags: Iterable[str]) -> bool:
    """Tell whether nothing that bears ``tags`` was flushed between two stamps."""
    if now is None or then is None or now.epoch != then.epoch:
        return False
    return all(tag in then.nonces and now.nonces.get(tag) == then.nonces[tag] for tag in tags)


async def _lead(job: Job, flight: Flight, *, alone: bool) -> Remembered:
    reply = await job.look()
    lease: Any = MISSING
    if job.key not in reply.values and not alone and job.claims:
        lease, reply = await _leased(job, flight, reply)
    if job.key in reply.values:
        return Remembered.of(reply.values[job.key])
    flight.stamp = reply.stamp
    if job.claims and lease is MISSING and not lost(reply.stamp):
        # Who has the key forgotten meanwhile will not be heard of: each waits for himself.
        flight.revoked = True
    return await _computed(job, flight, lease)


async def _computed(job: Job, flight: Flight, lease: Any, stale: Any = None) -> Remembered:
    """Compute, and give the lease back if there is one.

    If it is gone, the key was removed elsewhere meanwhile: who waits may have come after that.
    """
    if not isinstance(lease, Lease):
        return await job.compute(flight, None, stale)
    try:
        made = await job.compute(flight, lease, stale)
        if lease.ended and flight.followed:
            flight.shared = await _shared(job, made)
        return made
    finally:
        if not await give_back(job.port, lease):
            flight.revoked = True


async def _shared(job: Job, made: Remembered) -> tuple[Remembered, Held] | None:
    """Return what was stored, for all who wait: they came before that, and need not look.

    It stands as of then, for it was stored by a claim; under tags, if it can be read again.
    """
    if made.tags:
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
        tried = True
        await job.port.face.sleep(waits.pause())
        reply = await job.look()
    return MISSING, reply


def checked(make: Any) -> Any:
    """Return what computes a value; a value itself is a TypeError."""
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
