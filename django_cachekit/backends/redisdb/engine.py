"""The hooks of a store of bytes on a Redis, written once for both faces.

What lies under a key are the 8 bytes of the epoch it was made under, and then an envelope or a
counter. After a flush the leftovers are told by those 8 bytes, and are plain misses.
"""

import logging
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeVar

from ...core.faces import Face
from ...core.remedies import contended
from ...errors import StoreUnavailable
from ..engine import Blob, Changing, Found, Keep, Moved, new_epoch
from . import hints
from .answers import expiry, head_of, held, live, swapped, unlink
from .scripts import COUNT, CREATE, SWAP
from .straight import FAILED
from .walking import STEP, Walking
from .words import Command, firm, text

T = TypeVar("T")
log = logging.getLogger("django_cachekit")

TRIES = 200
"""How often a change starts over because another writer came between."""
LONGEST_PAUSE = 0.05
TOGETHER = 2**20
"""How many bytes are stored by one command."""


class Engine(Walking):
    """Keep bytes in a Redis; every hook is one trip, ``update`` two."""

    async def write(self, face: Face, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``, or raise ``Moved`` if ``epoch`` is past."""
        sets = self._sets(blobs, head_of(epoch))
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
        await self._all(face, [unlink(self.naming.key(name)) for name in names])

    async def take(self, face: Face, names: Sequence[bytes]) -> Found:
        """Read and remove ``names``."""
        keys = [self.naming.key(name) for name in names]
        takes = [Command(key, (b"GETDEL", key)) for key in keys]
        *answers, told = await self.wire.ask(face, [*takes, self._ask_epoch()])
        taken = [text(answer) for answer in answers]
        epoch = await self._judging(face, told, taken)
        pairs = zip(names, map(live, taken, [epoch] * len(taken)), strict=True)
        return epoch, {name: data for name, data in pairs if data is not None}

    async def create(
        self, face: Face, name: bytes, blob: Blob, epoch: int
    ) -> tuple[int, bytes | None]:
        """Store where nothing is; what is there and dead makes the epoch 0, which fits nobody's."""
        key = self.naming.key(name)
        data = self._bytes(blob, head_of(epoch))
        answer, told = await self.wire.ask(
            face, [CREATE(key, data, *expiry(blob)), self._ask_epoch()]
        )
        there = held(answer)
        standing = await self._judging(face, told, [there])
        if there is None:
            return standing, None
        found = live(there, standing)
        return (standing if found is not None else 0), found

    async def count(self, face: Face, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a counter; one of another epoch counts on in vain."""
        count = COUNT(self.naming.key(name), by)
        answer, told = await self.wire.ask(face, [count, self._ask_epoch()])
        counted = text(answer)
        epoch = await self._judging(face, told, [counted])
        return epoch, live(counted, epoch)

    async def update(self, face: Face, name: bytes, change: Changing[T]) -> T:
        """Replace what is under ``name`` if it is still what ``change`` saw."""
        key = self.naming.key(name)
        for turn in range(TRIES):
            told, seen = await self._strings(face, [self.naming.epoch, key])
            epoch = await self._judging(face, told, [seen]) or await self._begin(face)
            wanted, result = await change(live(seen, epoch), epoch)
            if isinstance(wanted, Keep) or await self._swap(face, key, seen, wanted, epoch):
                return result
            pause = min(LONGEST_PAUSE, 0.0005 * 2 ** min(turn, 10))
            await face.sleep(random.uniform(0, pause))  # noqa: S311 - it only parts the writers
        text = f"others changed a key {TRIES} times in a row"
        raise StoreUnavailable(contended(self.alias, text))

    async def updates(self, face: Face, changes: Mapping[bytes, Changing[T]]) -> Mapping[bytes, T]:
        """Replace what is under each name, in two trips; where another came between, by itself."""
        keys = {name: self.naming.key(name) for name in changes}
        told, *there = await self._strings(face, [self.naming.epoch, *keys.values()])
        epoch = await self._judging(face, told, there) or await self._begin(face)
        done, swaps = dict[bytes, T](), dict[bytes, Command]()
        for (name, key), seen in zip(keys.items(), there, strict=True):
            wanted, done[name] = await changes[name](live(seen, epoch), epoch)
            if not isinstance(wanted, Keep):
                swaps[name] = self._swapping(key, seen, wanted, epoch)
        answers = await self._all(face, list(swaps.values())) if swaps else []
        for name, answer in zip(swaps, answers, strict=True):
            if not swapped(answer):
                done[name] = await self.update(face, name, changes[name])
        return done

    async def clear(self, face: Face) -> None:
        """Begin an epoch, which makes everything dead; then remove what can be reached."""
        fresh = new_epoch(flushed=True)
        key = self.naming.epoch
        await self._all(face, [Command(key, (b"SET", key, head_of(fresh)))])
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

    def _sets(self, blobs: Mapping[bytes, Blob], head: bytes) -> list[Command]:
        """Return what stores ``blobs``; a few small ones that never expire are one command.

        So is a flush of tags, whose records never do.
        """
        pairs = [(self.naming.key(name), blob) for name, blob in blobs.items()]
        if len(pairs) == 1:
            return [self._set(pairs[0][0], head, pairs[0][1])]
        lasting = all(blob.expires is None for blob in blobs.values())
        small = sum(len(blob.data) for blob in blobs.values()) <= TOGETHER
        if self.orderly and lasting and small and len(pairs) <= STEP:
            said = [part for key, blob in pairs for part in (key, self._bytes(blob, head))]
            return [Command(b"", (b"MSET", *said))]
        return [self._set(key, head, blob) for key, blob in pairs]

    def _set(self, key: bytes, head: bytes, blob: Blob) -> Command:
        left = expiry(blob)
        when = (b"PX", *left) if left else ()
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
        return swapped(answer)

    def _swapping(self, key: bytes, seen: bytes | None, wanted: Blob | None, epoch: int) -> Command:
        fresh = () if wanted is None else (self._bytes(wanted, head_of(epoch)), *expiry(wanted))
        there = (b"absent", b"") if seen is None else (b"there", seen)
        return SWAP(key, *there, *fresh)
