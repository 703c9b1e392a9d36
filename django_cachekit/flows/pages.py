"""Whole responses: read with the stamp under which what is rendered on a miss will be kept.

Django's cache middleware decides what is kept, for how long and under which key. It asks for a page
and, where there is none, sets it after the view has run; the stamp is taken in between, before.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..core.faces import Face, Hop, run_now
from ..core.flights import BOARD, Flight, Role
from ..core.keys import plain
from ..core.operation import MISSING, UNSURE, Record, Stamp
from ..errors import ValueTooLarge
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import FoundTags, Port, tag_names
from ..verbs import find, store
from . import leases
from .compute import Remembered, same
from .leases import Lease, Waiting, give_back, take

LABEL = "cached_view"

PATIENCE = 60.0
"""Seconds that a request waits for another to render its page; then it goes on by itself."""

UNKEPT = "unkept"
"""The kind of record that says of a page that it could not be kept: nobody is to wait for it."""

log = logging.getLogger("django_cachekit")


class Look(NamedTuple):
    """Hold what a look for a page found: the page (or MISSING), and the stamp for one made now.

    ``held`` says that another process renders it, ``unkept`` that it could not be kept lately.
    """

    page: Remembered
    stamp: Stamp | None
    held: bool
    unkept: bool


async def snapshot(port: Port, key: Any, *, quiet: bool = False) -> Look:
    """Return what lies under a key, and the stamp for what is rendered from now on."""
    key = plain(key)  # Django asks for None, for want of a list that was there before
    mark = Record(UNKEPT, key)
    op = port.read((key,), None, LABEL)._replace(snapshot=True, finds=True, quiet=quiet)
    op = op._replace(keys=(key, mark))
    reply = await port.call(op)
    page = Remembered.of(reply.values.get(key, MISSING))
    return Look(page, reply.stamp, key in reply.held, mark in reply.values)


async def keep(
    port: Port,
    key: str,
    value: Any,
    ttl: Any,
    stamp: Stamp,
    tags: Iterable[str],
    lease: Lease | None = None,
) -> bool | None:
    """Store what was rendered under a stamp, where the lease lies; False if it never could be.

    One that is too large is logged. It is not stored (None) if the store could not be reached
    before, if the transaction it was rendered in is going to flush one of its tags, or if it was
    flushed while it was rendered.
    """
    if lost(stamp) or not waiting(port.alias).isdisjoint(tags):
        return None
    token = {} if lease is None else {"token": lease.token}
    values = {key: value}
    try:
        failed = await store(port, values, ttl, None, LABEL, stamp=stamp, tags=tuple(tags), **token)
    except ValueTooLarge as error:
        log.warning("cache %r: a page is not kept: %s", port.alias, error)
        return False
    if lease is not None:
        lease.stored(values, failed)
    return None if failed else True


class Turn:
    """Be the right to render one page, while others wait: a flight here, and a lease elsewhere."""

    def __init__(self, port: Port, key: str, flight: Flight) -> None:
        self.port = port
        self.key = key
        self.name = port.flight(key, None)
        self.flight = flight
        self.lease: Lease | None = None
        self.kept: bool | None = False

    async def over(self, face: Face, bare: Port) -> None:
        """Let those who wait go on: to the page, or to rendering it if it could not be kept."""
        try:
            if not self.kept:
                self.flight.value = UNKEPT
            if self.kept is False and self.lease is not None:
                await _mark(bare.by(face), self.key)
        finally:
            BOARD.land(self.name, self.flight)
            if self.lease is not None:
                await give_back(self.port.by(face), self.lease)


async def _mark(port: Port, key: str) -> None:
    """Say for a while that nobody is to wait for a page."""
    values: dict[Any, int] = {Record(UNKEPT, key): 1}
    await store(port, values, leases.SECONDS, None, LABEL, quiet=True)


class Shelf:
    """Be the cache that Django's middleware sees while it serves one request.

    What it asks for first is always the list of headers that the page varies on, for that makes
    the page's keys. The list bears no tags: it tells nothing of what a page shows, and the tags of
    a page may differ from visitor to visitor while its list is one for all.
    """

    def __init__(self, bare: Port, tagged: Port, found: FoundTags) -> None:
        self.bare = bare
        self.tagged = tagged
        self.found = found
        self.seen: Look | None = None
        self.stamp: Stamp | None = None
        self.key: str | None = None
        self.turn: Turn | None = None
        self._list: str | None = None
        self._listed = False
        self._tried = False

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tags that the page bears, declared or found."""
        return tag_names((self.tagged.tags, list(self.found)))

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the list of headers, then the page, if it bears all of its tags."""
        if self._list is None:
            self._list = key
        if key == self._list:
            found = run_now(find(self.bare, key, None, LABEL))
            self._listed = found is not MISSING
            return default if found is MISSING else found
        page = self._look(key)
        self.found.add(*page.tags)
        return default if page.value is MISSING else page.value

    def begin(self, key: Any) -> None:
        """Take the stamp, if looking for the page has not: the view runs next.

        ``key`` is where the page will probably lie, for of several nodes each has its own epoch. A
        page that lies on another then is not kept this time; the next time its list is known.
        """
        if self.stamp is None:
            self._look(key, quiet=True)

    def _look(self, key: Any, *, quiet: bool = False) -> Remembered:
        self.seen = run_now(snapshot(self.tagged, key, quiet=quiet))
        self.key = plain(key)
        # The first stamp is the oldest, and an old one is always safe.
        self.stamp = self.stamp or self.seen.stamp
        return self.seen.page

    def set(self, key: str, value: Any, timeout: Any) -> None:
        """Store the list of headers, or the page under the stamp taken before the view ran."""
        if key == self._list:
            run_now(store(self.bare, {key: value}, timeout, None, LABEL))
        elif self.stamp is not None:
            turn = self.turn
            lease = turn.lease if turn is not None and turn.key == key else None
            kept = run_now(keep(self.tagged, key, value, timeout, self.stamp, self.tags, lease))
            if turn is not None:
                turn.kept = kept

    # One request renders a page, and the others wait

    async def given(self, face: Face, again: Callable[[], Any]) -> Any:
        """Wait while another renders the page; return it, or None when it is to be rendered here.

        ``again`` looks for it once more. Nobody waits for what could not be kept, or for ever.
        """
        waits = Waiting()
        while self._may_wait(waits):
            flight, role = BOARD.join(self._name, blocking=not face.awaiting)
            if role is Role.ALONE:
                return None
            if role is Role.LEAD:
                page, done = await self._lead(face, flight, waits, again)
            else:
                page, done = await self._follow(face, flight, waits, again)
            if done or page is not None:
                return page
        return None

    @property
    def _name(self) -> tuple[str, int, str]:
        return self.tagged.flight(self.key or "", None)

    def _may_wait(self, waits: Waiting) -> bool:
        seen = self.seen
        if seen is None or seen.unkept or lost(seen.stamp):
            return False
        return waits.passed() < PATIENCE

    async def _again(self, face: Face, again: Callable[[], Any]) -> Any:
        self.stamp = None  # nothing was rendered since it was taken
        return await face.run(Hop.DJANGO, again)

    async def _follow(
        self, face: Face, flight: Flight, waits: Waiting, again: Callable[[], Any]
    ) -> tuple[Any, bool]:
        """Wait for another request of this process; return the page, and whether to go on alone."""
        name = self._name
        try:
            if self._overtakes(flight):
                page = await self._again(face, again)
                if page is None and self._overtakes(flight):
                    BOARD.part(name, flight)  # what it renders was flushed since
                return page, False
            landed = await face.within(flight.done, PATIENCE - waits.passed())
        finally:
            BOARD.left(flight)
        if not landed:
            BOARD.land(name, flight)  # a response that nobody renders would never end
        if not landed or flight.value is UNKEPT:
            return None, True
        return await self._again(face, again), False

    def _overtakes(self, flight: Flight) -> bool:
        """Tell whether something that the page bears was flushed since a flight was begun."""
        if flight.stamp is None:
            return False
        return not same(self.stamp, flight.stamp, self.tagged.tags)

    async def _lead(
        self, face: Face, flight: Flight, waits: Waiting, again: Callable[[], Any]
    ) -> tuple[Any, bool]:
        """Take the lease, or wait for the process that has it; return as ``_follow`` does."""
        turn = Turn(self.tagged, self.key or "", flight)
        found: Any = UNSURE
        page: Any = None
        try:
            while page is None and self._may_wait(waits) and self.key == turn.key:
                flight.stamp = self.stamp
                found = await self._leased(face) if found is UNSURE else None
                turn.lease = found if isinstance(found, Lease) else turn.lease
                if found is None or (turn.lease is not None and self._listed):
                    self.turn = turn
                    return None, True
                if found is UNSURE:
                    await face.sleep(waits.pause())
                # Also with the lease: it says nothing where the page's own key is not known yet.
                page = await self._again(face, again)
            return page, False
        finally:
            if self.turn is not turn:
                BOARD.land(turn.name, flight)
                if turn.lease is not None:
                    await give_back(self.tagged.by(face), turn.lease)

    async def _leased(self, face: Face) -> Any:
        """Take the lease; UNSURE if another process has it, and MISSING if there is none."""
        port = self.tagged.by(face)
        if not (port.stack.driver.claims and port.stack.driver.shared):
            return MISSING
        if self.seen is not None and self.seen.held and self._tried:
            return UNSURE
        self._tried = True  # once, though another has it: a flush may have ended that
        return await take(port, self.key or "", None, "absent", self.stamp)

    async def over(self, face: Face) -> None:
        """Let those who wait for this request go on."""
        turn, self.turn = self.turn, None
        if turn is not None:
            await turn.over(face, self.bare)
