"""How an engine on a Redis reads, and by which epoch it judges what it has read."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError

from ...core.faces import AWAITING, BLOCKING, Face, Hop, Together, run_now
from ..engine import Found, Gathered, new_epoch
from . import hints
from .answers import WIDTH, head_of, held, listed, number
from .naming import Naming
from .scripts import CREATE, GATHER
from .straight import FAILED
from .wire import Wire
from .words import Command, Garbled, Index, firm, text

TOGETHER = 128
"""How many keys travel in one command, where tasks read at the same time."""

FEW = 32
"""How many keys a read may want that travels with others."""

WEIGHT = 2**20
"""How many bytes one answer to several tasks should have, so that none waits long for another."""


class Reading:
    """Read, each time in one trip that tells the epoch too."""

    hop: Hop | None = None
    swift = frozenset({"take", "create", "count"})
    errors: tuple[type[Exception], ...] = (RedisError,)

    def __init__(self, alias: str, wire: Wire, naming: Naming) -> None:
        self.alias = alias
        self.wire = wire
        self.naming = naming
        self.readable = naming.readable
        self.orderly = wire.slots is None  # in a cluster every node answers for itself
        self.gathers = wire.slots is None  # ... and a script may look at one alone
        self.known = 0
        self.index: Index | None = None
        self.together: Together[bytes | None] = Together(self._one_for_all, TOGETHER)

    def unsure(self, error: Exception) -> bool:
        """Tell whether the request had left when the call failed."""
        return bool(getattr(error, "sent", False))

    async def epoch(self, face: Face) -> int:
        """Return the epoch last seen, or the one that stands; begin one if none does."""
        return self.known or await self._begin(face)

    async def read(self, face: Face, names: Sequence[bytes]) -> Found:
        """Return the epoch and what was stored under it."""
        return await self._read(face, names, [self.naming.key(name) for name in names])

    def look(self, names: Sequence[bytes]) -> Found:
        """Read names, blocking, on the straight line; of a cluster, the usual way."""
        if self.wire.slots is not None:
            return run_now(self.read(BLOCKING, names))
        keys = [self.naming.key(name) for name in names]
        (found,) = self.wire.say([(b"MGET", self.naming.epoch, *keys)])
        told, *stored = listed(found, len(keys) + 1)
        return self._told(told, names, map(text, stored))

    async def gather(self, face: Face, name: bytes) -> Gathered:
        """Read one name, and the records it tells of itself, in one trip."""
        if not self.gathers:
            return await self.read(face, [name]), frozenset()
        ask = GATHER(self.naming.epoch, self.naming.key(name), self.naming.lead, hints.MOST)
        (answer,) = await self.wire.ask(face, [ask], again=True)
        if isinstance(answer, NoPermissionError):
            self.gathers = False  # who may run no scripts can read all the same
            return await self.read(face, [name]), frozenset()
        if type(answer) is not list or len(answer) < 2:
            firm(answer)
            raise Garbled("a list was expected")
        told, data, *stored = map(text, answer)
        rests = hints.told(data[WIDTH:]) if data is not None else []
        named = [self.naming.name(self.naming.lead + rest) for rest in rests]
        if len(named) != len(stored):
            raise Garbled("a record for each was expected")
        pairs = {n: one for n, one in zip(named, stored, strict=True) if n is not None}
        return self._told(told, [name, *pairs], [data, *pairs.values()]), frozenset(pairs)

    # -- the epoch ------------------------------------------------------------------------

    def _ask_epoch(self) -> Command:
        return Command(self.naming.epoch, (b"GET", self.naming.epoch))

    def _learn(self, told: Any) -> int:
        """Return the epoch that a server told, 0 if there is none, and remember it."""
        self.known = number(text(told))
        return self.known

    async def _judging(self, face: Face, told: Any, seen: Sequence[bytes | None]) -> int:
        """Return the epoch by which to judge what was seen: never one of before that was written.

        In a cluster the epoch lies on another server, and where a script had to be sent again it
        was told before: what has another head may be newer than it.
        """
        try:
            epoch = self._learn(told)
            if any(data is not None and not data.startswith(head_of(epoch)) for data in seen):
                (told,) = await self.wire.ask(face, [self._ask_epoch()])
                epoch = self._learn(told)
        except FAILED as error:
            error.sent = True  # type: ignore[union-attr]  # what came before has been carried out
            raise
        return epoch

    async def _standing(self, face: Face, told: Any) -> int:
        return self._learn(told) or await self._begin(face)

    async def _begin(self, face: Face) -> int:
        """Begin an epoch, unless another process just did; return the one that stands."""
        fresh = new_epoch(flushed=False)
        (there,) = await self.wire.ask(face, [CREATE(self.naming.epoch, head_of(fresh))])
        if held(there) == b"":
            # Another program put a list or the like where the epoch belongs.
            await self._all(
                face, [Command(self.naming.epoch, (b"SET", self.naming.epoch, head_of(fresh)))]
            )
            there = None
        self.known = fresh if there is None else number(text(there))
        return self.known

    # -- what is said ---------------------------------------------------------------------

    async def _all(self, face: Face, commands: Sequence[Command]) -> list[Any]:
        return [firm(answer) for answer in await self.wire.ask(face, commands)]

    async def _read(self, face: Face, names: Iterable[bytes], keys: Iterable[bytes]) -> Found:
        wanted = [self.naming.epoch, *keys]
        if face.awaiting and self.wire.slots is None and len(wanted) <= FEW:
            told, *stored = await self.together.get(wanted)
        else:
            told, *stored = await self._strings(face, wanted)
        return self._told(told, names, stored)

    def _told(self, told: Any, names: Iterable[bytes], stored: Iterable[bytes | None]) -> Found:
        """Return the epoch that was told, and what was stored under it."""
        epoch = self._learn(told)
        head = head_of(epoch)
        return epoch, {
            name: hints.without(data[WIDTH:])
            for name, data in zip(names, stored, strict=True)
            if data is not None and data.startswith(head)
        }

    async def _strings(self, face: Face, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read keys in one trip; in a cluster they lie on several servers."""
        if self.wire.slots is None:
            ask = [Command(b"", (b"MGET", *keys))]
            (answer,) = await self.wire.ask(face, ask, again=True)
            return [text(one) for one in listed(answer, len(keys))]
        gets = [Command(key, (b"GET", key)) for key in keys]
        return [text(one) for one in await self.wire.ask(face, gets, again=True)]

    async def _one_for_all(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read what several tasks want, and see how much of it the next answer may hold."""
        found = await self._strings(AWAITING, keys)
        size = sum(len(data) for data in found if data is not None)
        self.together.most = min(TOGETHER, WEIGHT * len(keys) // (size + 1))
        return found
