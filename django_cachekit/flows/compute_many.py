"""Many keys computed together: one read, one call, one write, and a claim on each key.

Who computes waits for nobody while it holds claims on what it has not yet computed: what others
compute is waited for only when its own is done. So two that want the same keys in another order
never wait for each other.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..core import clock
from ..core.flights import BOARD, Flight, Role, leading, nested
from ..core.keys import plain
from ..core.operation import MISSING, Reply, Stamp
from ..core.ttl import over, seconds
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import Port
from ..verbs import get_many, remove, store, unwrap
from . import leases
from .compute import Remembered, copied, flushing, same
from .leases import Claimed, Lease, Waiting, give_back, take_all

Flights = dict[str, Flight]
Made = dict[str, Any]


async def remember_many(
    port: Port,
    keys: Iterable[Any],
    ttl: Any,
    make_many: Callable[[list[Any]], Any],
) -> dict[Any, Any]:
    """Return a dict of ``keys``: one read, one ``make_many(missing) -> dict``, one write.

    A key that ``make_many`` leaves out is not cached and is not in the result. Each key is computed
    by one caller, so what others compute is waited for, and ``make_many`` is called with the rest.
    """
    batch = Batch(port, {plain(key): key for key in keys}, ttl, make_many)
    found = await get_many(port, list(batch.asked))
    left = [key for key in batch.asked if key not in found]
    while left:
        made, left = await batch.turn(left)
        found.update(made)
    return {name: found[key] for key, name in batch.asked.items() if key in found}


class Batch:
    """Hold what one call needs: the keys as they were asked, and how to make their values."""

    def __init__(self, port: Port, asked: Mapping[str, Any], ttl: Any, make: Any) -> None:
        self.port = port
        self.asked = asked
        self.ttl = ttl
        self.make = make
        self.claims = port.stack.driver.claims

    async def turn(self, wanted: list[str]) -> tuple[Made, list[str]]:
        """Compute the keys nobody computes, wait for the others; return values and what is left."""
        mine, alone, others = Flights(), Flights(), Flights()
        groups = {Role.LEAD: mine, Role.ALONE: alone, Role.FOLLOW: others}
        apart = flushing(self.port, self.port.tags)
        for key in wanted:
            if apart:  # as in compute
                alone[key] = Flight()
                continue
            flight, role = BOARD.join(self._name(key), blocking=not self.port.face.awaiting)
            groups[role][key] = flight
        try:
            made, left = await self._led(mine, alone)
            if others:
                given, more = await self._followed(others)
                made, left = made | given, left + more
            return made, left
        finally:
            for flight in others.values():
                BOARD.left(flight)

    def _name(self, key: str) -> tuple[str, int, str]:
        return self.port.flight(key, None)

    async def _look(self, keys: Iterable[str]) -> tuple[Reply, Made]:
        """Read the keys, quietly, with the stamp of a computation that begins now."""
        op = self.port.read(tuple(keys), None)._replace(snapshot=True, quiet=True)
        reply: Reply = await self.port.call(op)
        return reply, {key: unwrap(value) for key, value in reply.values.items()}

    # What others of this process compute

    async def _followed(self, others: Flights) -> tuple[Made, list[str]]:
        """Wait for the flights of others; return what is good of theirs, and what is left."""
        for one in self.port.stack.told:
            for key in others:
                one.waited(key, self.port.tags)
        for flight in others.values():
            # Only now: waiting before one's own keys are done could be waiting for one another.
            await self.port.face.settled(flight.done)
        reply, found = await self._look(others)
        left = []
        for key, flight in others.items():
            if key in found:
                continue
            if not self._good(flight, reply.stamp):
                left.append(key)
            elif flight.value.value is not MISSING:
                found[key] = copied(flight.value.value)
        return found, left

    def _good(self, flight: Flight, now: Stamp | None) -> bool:
        """Tell whether what was not stored is as good as fresh: nothing was flushed since."""
        if flight.error is not None:
            raise flight.error
        if not isinstance(flight.value, Remembered) or flight.revoked:
            return False
        tags = self.port.tags
        return tags == flight.value.tags and same(now, flight.stamp, tags)

    # What this caller computes

    async def _led(self, mine: Flights, alone: Flights) -> tuple[Made, list[str]]:
        """Compute what is led; land it, whatever comes. Return what another process computes too.

        What is to be computed ``alone`` is asked for by its own computation.
        """
        if not mine and not alone:
            return {}, []
        try:
            return await self._computed(mine, alone)
        except Exception as error:
            for flight in (*mine.values(), *alone.values()):
                flight.error = error
            raise
        finally:
            self._land(mine, tuple(mine))
            self._land(alone, tuple(alone))

    def _land(self, flights: Flights, keys: Iterable[str]) -> None:
        """Let go of those flights: whoever waits for them looks for himself, or has their value."""
        for key in keys:
            if key in flights:
                BOARD.land(self._name(key), flights.pop(key))

    async def _computed(self, mine: Flights, alone: Flights) -> tuple[Made, list[str]]:
        reply, found = await self._look((*mine, *alone))
        self._land(mine, found)
        self._land(alone, found)
        (lease, _, free), reply = await self._claimed(mine, found, reply, wait=not alone)
        claimed = tuple(mine) if lease is None else (*lease.keys, *free)
        held = [key for key in mine if key not in claimed]
        self._land(mine, held)  # another of this process may wait for them while these are computed
        flights = mine | alone
        if flights:
            found |= await self._make(flights, lease, reply.stamp)
        return found, held

    async def _claimed(
        self, mine: Flights, found: Made, reply: Reply, *, wait: bool
    ) -> tuple[Claimed, Reply]:
        """Claim what nobody computes; where others compute all of it, ``wait`` for them.

        Without a lease all that is left is to be computed, and nothing of it stored by a claim.
        """
        waits, free = Waiting(), list(mine)
        while self.claims and free and not lost(reply.stamp):
            taken = await take_all(self.port, free, reply.stamp)
            found |= taken.values
            self._land(mine, taken.values)
            if taken.lease is None or taken.lease.keys or taken.free or not wait:
                return taken, reply
            reply, free = await self._free(mine, found, reply, waits)
        return Claimed(None, {}), reply

    async def _free(
        self, mine: Flights, found: Made, reply: Reply, waits: Waiting
    ) -> tuple[Reply, list[str]]:
        """Look until something may be claimed or all is there; return the last look, and what."""
        while mine and not self._endless(mine, waits):
            await self.port.face.sleep(waits.pause())
            reply, values = await self._look(mine)
            found |= values
            self._land(mine, values)
            free = [key for key in mine if key not in reply.held]
            if free:
                return reply, free
        return reply, []

    def _endless(self, mine: Flights, waits: Waiting) -> bool:
        """Tell whether another process may be waiting for what this one holds."""
        needed = nested(0) or any(flight.needed for flight in mine.values())
        return needed and waits.passed() > leases.SECONDS

    async def _make(self, flights: Flights, lease: Lease | None, stamp: Stamp | None) -> Made:
        """Make the values, store what may be stored, and give the claims back."""
        for key, flight in flights.items():
            flight.stamp = stamp
            claimed = not self.claims or (lease is not None and key in lease.keys)
            # As in compute: who has the key forgotten meanwhile will not be heard of.
            flight.revoked = flight.revoked or not (claimed or lost(stamp))
        try:
            with leading(*flights.values()):
                began = clock.monotonic()
                fresh = await self.port.face.user(self.make, [self.asked[key] for key in flights])
            each = (clock.monotonic() - began) / len(flights)
            for one in self.port.stack.told:
                for key in flights:
                    one.computed(key, self.port.tags, each)
            if self.claims:
                for key, flight in flights.items():
                    BOARD.part(self._name(key), flight)  # as in compute
            values = self._values(flights, fresh)
            await self._keep(flights, values, lease, stamp)
        finally:
            if lease is not None:
                there = await give_back(self.port, lease)
                for key, flight in flights.items():
                    flight.revoked = flight.revoked or (key in lease.keys and key not in there)
        return values

    def _values(self, flights: Flights, fresh: Any) -> Made:
        """Return what was made, by key; those who wait may have it, and what was left out too."""
        if not isinstance(fresh, Mapping):
            raise TypeError(f"make_many gives a dict of values by key, not {type(fresh).__name__}.")
        asked = {key: self.asked[key] for key in flights}
        values = {key: fresh[name] for key, name in asked.items() if name in fresh}
        overtaken = not waiting(self.port.alias).isdisjoint(self.port.tags)
        for key, flight in flights.items():
            flight.value = Remembered(values.get(key, MISSING), self.port.tags)
            # Computed within a transaction that is going to flush it.
            flight.revoked = flight.revoked or overtaken
        return values

    async def _keep(
        self, flights: Flights, values: Made, lease: Lease | None, stamp: Stamp | None
    ) -> None:
        """Store the values, where claims lie; what was removed meanwhile is not kept."""
        lasting = seconds(self.ttl)
        keep = {key: value for key, value in values.items() if not flights[key].revoked}
        if not keep or over(lasting) or lost(stamp):
            return
        token = {"token": lease.token} if lease is not None else {}
        failed = await store(self.port, keep, lasting, None, "remember_many", stamp=stamp, **token)
        if lease is not None:
            lease.stored(keep, failed)
            return
        gone = [key for key in keep if flights[key].revoked]
        if gone:
            await remove(self.port, gone)
