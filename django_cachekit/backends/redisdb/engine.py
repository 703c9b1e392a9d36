"""The hooks of a store of bytes on a Redis, written once for both faces.

What lies under a key are the 8 bytes of the epoch it was made under, and then an envelope or a
counter. After a flush the leftovers are told by those 8 bytes, and are plain misses.
"""

import logging
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from redis.exceptions import NoPermissionError, RedisError

from ...core import clock
from ...core.faces import BLOCKING, Face, Hop, run_now
from ...errors import StoreUnavailable
from ..engine import Blob, Changing, Found, Gathered, Keep, Moved, new_epoch
from . import hints
from .naming import Naming
from .scripts import COUNT, CREATE, GATHER, SWAP, SWEEP
from .straight import FAILED
from .wire import Wire
from .words import Command, Garbled, Index, Node, firm, text

T = TypeVar("T")
log = logging.getLogger("django_cachekit")

WIDTH = 8
TRIES = 200
"""How often a change starts over because another writer came between."""
LONGEST_PAUSE = 0.05
STEP = 500
"""How many keys are walked over in one trip, and stored by one command."""
TOGETHER = 2**20
"""How many bytes are stored by one command."""
LATEST = 10**15
"""Milliseconds; a server cannot be told to wait much longer than that, nor need it be."""


class Engine:
    """Keep bytes in a Redis; every hook is one trip, ``update`` two."""

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

    async def write(self, face: Face, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``, or raise ``Moved`` if ``epoch`` is past."""
        sets = self._sets(blobs, _head(epoch))
        notes = self.index.along(epoch, blobs.values()) if self.index is not None else []
        *done, told = await self.wire.ask(face, [*sets, *notes, self._ask_epoch()])
        for answer in done[: len(sets)]:
            firm(answer)
        if self.index is not None:
            self.index.heard(done[len(sets) :])
        if (await self._standing(face, told)) != epoch:
            raise Moved

    async def remove(self, face: Face, names: Sequence[bytes]) -> None:
        """Remove ``names``."""
        await self._all(face, [_unlink(self.naming.key(name)) for name in names])

    async def take(self, face: Face, names: Sequence[bytes]) -> Found:
        """Read and remove ``names``."""
        keys = [self.naming.key(name) for name in names]
        takes = [Command(key, (b"GETDEL", key)) for key in keys]
        *answers, told = await self.wire.ask(face, [*takes, self._ask_epoch()])
        taken = [text(answer) for answer in answers]
        epoch = await self._judging(face, told, taken)
        pairs = zip(names, map(_live, taken, [epoch] * len(taken)), strict=True)
        return epoch, {name: data for name, data in pairs if data is not None}

    async def create(
        self, face: Face, name: bytes, blob: Blob, epoch: int
    ) -> tuple[int, bytes | None]:
        """Store where nothing is; what is there and dead makes the epoch 0, which fits nobody's."""
        key = self.naming.key(name)
        data = self._bytes(blob, _head(epoch))
        answer, told = await self.wire.ask(
            face, [CREATE(key, data, *_expiry(blob)), self._ask_epoch()]
        )
        there = _held(answer)
        standing = await self._judging(face, told, [there])
        if there is None:
            return standing, None
        found = _live(there, standing)
        return (standing if found is not None else 0), found

    async def count(self, face: Face, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a counter; one of another epoch counts on in vain."""
        count = COUNT(self.naming.key(name), by)
        answer, told = await self.wire.ask(face, [count, self._ask_epoch()])
        counted = text(answer)
        epoch = await self._judging(face, told, [counted])
        return epoch, _live(counted, epoch)

    async def update(self, face: Face, name: bytes, change: Changing[T]) -> T:
        """Replace what is under ``name`` if it is still what ``change`` saw."""
        key = self.naming.key(name)
        for turn in range(TRIES):
            told, seen = await self._strings(face, [self.naming.epoch, key])
            epoch = await self._judging(face, told, [seen]) or await self._begin(face)
            wanted, result = await change(_live(seen, epoch), epoch)
            if isinstance(wanted, Keep) or await self._swap(face, key, seen, wanted, epoch):
                return result
            pause = min(LONGEST_PAUSE, 0.0005 * 2 ** min(turn, 10))
            await face.sleep(random.uniform(0, pause))  # noqa: S311 - it only parts the writers
        raise StoreUnavailable(f"alias {self.alias!r}: others changed a key {TRIES} times in a row")

    async def updates(self, face: Face, changes: Mapping[bytes, Changing[T]]) -> Mapping[bytes, T]:
        """Replace what is under each name, in two trips; where another came between, by itself."""
        keys = {name: self.naming.key(name) for name in changes}
        told, *there = await self._strings(face, [self.naming.epoch, *keys.values()])
        epoch = await self._judging(face, told, there) or await self._begin(face)
        done, swaps = dict[bytes, T](), dict[bytes, Command]()
        for (name, key), seen in zip(keys.items(), there, strict=True):
            wanted, done[name] = await changes[name](_live(seen, epoch), epoch)
            if not isinstance(wanted, Keep):
                swaps[name] = self._swapping(key, seen, wanted, epoch)
        answers = await self._all(face, list(swaps.values())) if swaps else []
        for name, answer in zip(swaps, answers, strict=True):
            if not _swapped(answer):
                done[name] = await self.update(face, name, changes[name])
        return done

    async def clear(self, face: Face) -> None:
        """Begin an epoch, which makes everything dead; then remove what can be reached."""
        fresh = new_epoch(flushed=True)
        key = self.naming.epoch
        await self._all(face, [Command(key, (b"SET", key, _head(fresh)))])
        self.known = fresh
        try:
            await self._sweep(face)
        except FAILED as error:
            kind = type(error).__name__
            log.warning("cache %r: flushed, but dead entries are left: %s", self.alias, kind)

    async def scan(
        self, face: Face, version: int | None = None, glob: str = "*"
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """Walk over all that may be of that version and match ``glob``, and more."""
        wanted = self.naming.wanted(version, glob)
        async for keys in self.walk(face, self.naming.pattern(version, glob)):
            names = {name: key for key in keys if wanted(key) and (name := self.naming.name(key))}
            if names:
                _, found = await self._read(face, names, names.values())
                for name, data in found.items():
                    yield name, data

    async def prune(self, face: Face) -> int:
        """Remove what a flush left behind; what has expired is removed by the server."""
        return await self._sweep(face)

    # -- the epoch ------------------------------------------------------------------------

    def _ask_epoch(self) -> Command:
        return Command(self.naming.epoch, (b"GET", self.naming.epoch))

    def _learn(self, told: Any) -> int:
        """Return the epoch that a server told, 0 if there is none, and remember it."""
        self.known = _number(text(told))
        return self.known

    async def _judging(self, face: Face, told: Any, seen: Sequence[bytes | None]) -> int:
        """Return the epoch by which to judge what was seen: never one of before that was written.

        In a cluster the epoch lies on another server, and where a script had to be sent again it
        was told before: what has another head may be newer than it.
        """
        try:
            epoch = self._learn(told)
            if any(data is not None and not data.startswith(_head(epoch)) for data in seen):
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
        (there,) = await self.wire.ask(face, [CREATE(self.naming.epoch, _head(fresh))])
        if _held(there) == b"":
            # Another program put a list or the like where the epoch belongs.
            await self._all(
                face, [Command(self.naming.epoch, (b"SET", self.naming.epoch, _head(fresh)))]
            )
            there = None
        self.known = fresh if there is None else _number(text(there))
        return self.known

    # -- what is said ---------------------------------------------------------------------

    async def _all(self, face: Face, commands: Sequence[Command]) -> list[Any]:
        return [firm(answer) for answer in await self.wire.ask(face, commands)]

    async def _read(self, face: Face, names: Iterable[bytes], keys: Iterable[bytes]) -> Found:
        told, *stored = await self._strings(face, [self.naming.epoch, *keys])
        return self._told(told, names, stored)

    def _told(self, told: Any, names: Iterable[bytes], stored: Iterable[bytes | None]) -> Found:
        """Return the epoch that was told, and what was stored under it."""
        epoch = self._learn(told)
        head = _head(epoch)
        return epoch, {
            name: hints.without(data[WIDTH:])
            for name, data in zip(names, stored, strict=True)
            if data is not None and data.startswith(head)
        }

    async def _strings(self, face: Face, keys: Sequence[bytes]) -> list[bytes | None]:
        """Read keys in one trip; in a cluster they lie on several servers."""
        if self.wire.slots is None:
            ask = [Command(b"", (b"MGET", *keys))]
            (found,) = await self.wire.ask(face, ask, again=True)
            found = listed(found, len(keys))
        else:
            gets = [Command(key, (b"GET", key)) for key in keys]
            found = await self.wire.ask(face, gets, again=True)
        return [text(one) for one in found]

    def _sets(self, blobs: Mapping[bytes, Blob], head: bytes) -> list[Command]:
        """Return what stores ``blobs``; a few small ones that never expire are one command.

        So is a flush of tags, whose records never do.
        """
        pairs = [(self.naming.key(name), blob) for name, blob in blobs.items()]
        lasting = all(blob.expires is None for blob in blobs.values())
        small = sum(len(blob.data) for blob in blobs.values()) <= TOGETHER
        if self.orderly and lasting and small and 1 < len(pairs) <= STEP:
            said = [part for key, blob in pairs for part in (key, self._bytes(blob, head))]
            return [Command(b"", (b"MSET", *said))]
        return [self._set(key, head, blob) for key, blob in pairs]

    def _set(self, key: bytes, head: bytes, blob: Blob) -> Command:
        expiry = _expiry(blob)
        when = (b"PX", *expiry) if expiry else ()
        return Command(key, (b"SET", key, self._bytes(blob, head), *when))

    def _bytes(self, blob: Blob, head: bytes) -> bytes:
        """Return what is to lie under a key."""
        if not blob.records:
            return head + blob.data
        lead = len(self.naming.lead)
        return head + hints.before(blob.data, (self.naming.key(n)[lead:] for n in blob.records))

    async def _swap(
        self, face: Face, key: bytes, seen: bytes | None, wanted: Blob | None, epoch: int
    ) -> bool:
        (answer,) = await self._all(face, [self._swapping(key, seen, wanted, epoch)])
        return _swapped(answer)

    def _swapping(self, key: bytes, seen: bytes | None, wanted: Blob | None, epoch: int) -> Command:
        fresh = () if wanted is None else (self._bytes(wanted, _head(epoch)), *_expiry(wanted))
        there = (b"absent", b"") if seen is None else (b"there", seen)
        return SWAP(key, *there, *fresh)

    # -- walking --------------------------------------------------------------------------

    async def walk(self, face: Face, pattern: bytes) -> AsyncIterator[list[bytes]]:
        """Walk over the keys of every server that has some, a few hundred at a time."""
        slots = self.wire.slots
        if slots is not None and slots.stale:
            await self.wire.ask(face, [self._ask_epoch()], again=True)
        nodes: Iterable[Node] = [None] if slots is None else slots.masters
        for node in nodes:
            cursor: Any = b"0"
            while True:
                said = (b"SCAN", cursor, b"MATCH", pattern, b"COUNT", STEP)
                (told,) = await self.wire.ask(face, [Command(b"", said, node=node)], again=True)
                cursor, keys = listed(told, 2)
                yield keys
                if cursor == b"0":
                    break

    async def _sweep(self, face: Face) -> int:
        """Remove what is of an epoch that is past, which is sure if the epoch is read after it.

        What came meanwhile under the new one stays, so that nobody's count is lost to a flush
        that had ended.
        """
        gone = 0
        async for keys in self.walk(face, self.naming.pattern(None, "*")):
            keys = [key for key in keys if key != self.naming.epoch]
            if keys:
                gone += await self._sweep_some(face, keys)
        return gone

    async def _sweep_some(self, face: Face, keys: Sequence[bytes]) -> int:
        heads = await self.wire.ask(face, [_ask_head(key) for key in keys], again=True)
        (told,) = await self.wire.ask(face, [self._ask_epoch()], again=True)
        standing = _head(self._learn(told))
        pairs = [(key, text(head)) for key, head in zip(keys, heads, strict=True)]
        dead = [
            _unlink(key) if head is None else SWEEP(key, head)
            for key, head in pairs
            if head != standing
        ]
        return sum(await self._all(face, dead)) if dead else 0


def _head(epoch: int) -> bytes:
    return epoch.to_bytes(WIDTH, "big")


def _number(told: bytes | None) -> int:
    """Return an epoch; one that somebody else's bytes stand for is as good as any."""
    if told is None:
        return 0
    return int.from_bytes(told[:WIDTH].ljust(WIDTH, b"\1"), "big") or 1


def listed(answer: Any, length: int) -> list[Any]:
    """Return an answer that is a list of so many."""
    if type(answer) is list and len(answer) == length:
        return answer
    firm(answer)
    raise Garbled("a list was expected")


def _live(found: bytes | None, epoch: int) -> bytes | None:
    """Return what was stored under this epoch, without the epoch."""
    if found is None or not found.startswith(_head(epoch)):
        return None
    return hints.without(found[WIDTH:])


def _held(answer: Any) -> bytes | None:
    """Return what is under a key that was not free; what is no string is there all the same."""
    found = text(answer)
    return b"" if found is None and answer is not None else found


def _expiry(blob: Blob) -> tuple[int, ...]:
    """Return the milliseconds that are left, which is right whatever the server's clock says."""
    if blob.expires is None:
        return ()
    left = int((blob.expires - clock.now()) * 1000) + 1
    return (min(max(1, left), LATEST),)


def _swapped(answer: Any) -> bool:
    """Tell whether a change was made; False if another came between."""
    if answer not in (b"swapped", b"changed"):
        raise Garbled("a word was expected")
    return bool(answer == b"swapped")


def _unlink(key: bytes) -> Command:
    return Command(key, (b"UNLINK", key))


def _ask_head(key: bytes) -> Command:
    return Command(key, (b"GETRANGE", key, 0, WIDTH - 1))
