"""A store of bytes: what an engine gives, and all that follows from it.

Every value is sealed or signed and bound to its key, its expiry and the alias's epoch, so bytes
that somebody read, moved, edited or truncated are a miss.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..core import clock
from ..core.entry import Entry
from ..core.faces import BLOCKING, Face, run_now
from ..core.keys import matcher, usual
from ..core.marks import Verdict, changed, is_record, verdict
from ..core.operation import MISSING, UNSURE, Key, Operation, Seen, tag_record
from ..core.remedies import contended
from ..errors import NotANumber, StoreUnavailable
from ..layers.base import guess
from ..layers.events import reading_is_heard
from ..layers.events import told as tell
from ..layers.pending import waiting
from ..layers.policy import lost
from . import claims, exchange, numbers
from .bytedriver import SURE, ByteDriver
from .engine import KEEP, Blob, Found, Keep, Moved, epoch_of

FLUSHES = 10
"""How often a write starts over because the alias was flushed under it."""

NOTHING: Mapping[str, bytes] = {}


class Bytes(ByteDriver):
    """Give every verb over an engine."""

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value, MISSING if there is none, or UNSURE for the long way round.

        The long way does all that is left out here: signals, odd keys and versions, errors.
        """
        if version is not None or type(key) is not str or self.lead is None:
            return UNSURE
        if self.hop is None and not self.straight:
            return UNSURE
        if self.legacy is not None:
            return UNSURE
        full = self.lead + key
        if not usual(full):
            return UNSURE
        if reading_is_heard() and not (told or self.silent):
            return UNSURE if told is None else tell(self, self.alias, key, tags)
        asked = self._asked(key, tags)
        if asked and not self.along:
            return UNSURE
        name = self.entries.named(full)
        try:
            found, there = self._seen(name, asked)
            entry = self.entries.load(name, found[1].get(name), found[0])
            if self.gathers and not asked:
                self._feel(tagged=entry is not None and bool(entry.stamps))
            if entry is None or entry.over:
                return MISSING
            if (entry.stamps or asked) and not self._serves(key, entry, asked, found, there):
                return MISSING
        except self.failures:
            return UNSURE  # where the error is met again, and told
        if tags and any(tag not in entry.stamps for tag in tags):
            return MISSING
        return entry.value

    def look(self, names: Sequence[bytes]) -> Found:
        """Read names in one trip, blocking."""
        return self.engine.read(names)  # type: ignore[no-any-return]  # of a blocking engine

    def _asked(self, key: str, tags: tuple[str, ...]) -> Mapping[str, bytes]:
        """Return the tags whose records are read along, with the records' names."""
        guessed = self._guessed(None, key)
        if guessed is None or guessed == tags:
            return self.entries.of_tags(tags) if tags else NOTHING
        return self.entries.of_tags((*tags, *guessed) if tags else guessed)

    def _seen(self, name: bytes, asked: Mapping[str, bytes]) -> tuple[Found, Collection[bytes]]:
        """Read a name with records, and return the names of those that were read."""
        if not asked and self.hunch >= SURE:
            return run_now(self._fetched(BLOCKING, [name], cold=True))
        return self.look([name, *asked.values()]), asked.values()

    def _serves(
        self,
        key: str,
        entry: Entry,
        asked: Mapping[str, bytes],
        found: Found,
        there: Collection[bytes],
    ) -> bool:
        """Tell whether an entry may be served for its tags, and remember which these are."""
        stamps = entry.stamps
        late = waiting(self.alias)
        if late and not late.isdisjoint(stamps):
            return False
        if stamps.keys() != asked.keys():
            self._learn(key, entry)
            asked = self.entries.of_tags(tuple(stamps))
            if not self.along:
                return run_now(self._unflushed(BLOCKING, entry)) is not None
            if not all(name in there for name in asked.values()):  # not or wrongly guessed
                found = self.look(list(asked.values()))
        records = self._said(asked, found)
        if all(records.get(tag, b"").startswith(mark) for tag, mark in stamps.items()):
            return True
        judged = verdict(stamps, {tag_record(tag): record for tag, record in records.items()})
        return judged is Verdict.LIVE

    def _said(self, asked: Mapping[str, bytes], found: Found) -> dict[str, bytes]:
        """Return what the records of tags say."""
        epoch, blobs = found
        said = {}
        for tag, name in asked.items():
            data = blobs.get(name)
            record = None if data is None else self.entries.record(name, data, epoch)
            if record is not None and is_record(record.value):
                said[tag] = record.value
        return said

    def _learn(self, key: str, entry: Entry) -> None:
        if self.guesses is None:
            return
        if entry.stamps:
            guess(self.guesses, None, key, tuple(entry.stamps))
        else:
            self.guesses.drop((None, key))

    async def do_write(self, face: Face, op: Operation) -> set[Key]:
        """Encode every value, then store all: one that cannot be encoded leaves all as it was."""
        if lost(op.stamp):
            return set(op.keys)
        if op.token:
            return await claims.write(self, face, op)
        for _ in range(FLUSHES):
            epoch = await self._epoch(face, op)
            try:
                await self.io.write(face, self._blobs(op, epoch), epoch)
            except Moved:
                if not _computed(op):
                    continue
                # Flushed while it was computed: it is written and gone, as if before the flush.
            return set()
        text = f"it was flushed by others {FLUSHES} times in a row while writing"
        raise StoreUnavailable(contended(self.alias, text))

    async def do_delete(self, face: Face, op: Operation) -> set[Key]:
        """Remove the keys, and tell which were there and alive."""
        if op.token:
            return await claims.drop(self, face, op)
        named = self._named(op)
        if "take" in self.io.swift:
            epoch, blobs = await self.io.take(face, list(named))
        else:
            epoch, blobs = await self.io.read(face, list(named))
            await self.io.remove(face, list(named))
        if not blobs:
            return set()
        found = {named[n]: self.entries.load(n, data, epoch) for n, data in blobs.items()}
        return set(await self._living(face, found))

    async def do_touch(self, face: Face, op: Operation) -> set[Key]:
        """Seal each entry anew with another expiry; one that is gone stays gone."""
        if op.token:
            return await claims.renew(self, face, op)
        return {key for key in op.keys if await self._touch(face, key, op)}

    async def _touch(self, face: Face, key: Key, op: Operation) -> bool:
        name = self.entries.name(key, op.version)

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            entry = await self._alive(face, name, data, epoch)
            if entry is None:
                return KEEP, False
            entry.expires, entry.ends = self.names.expires(op.ttl), None
            make = self.entries.counter if numbers.is_counter(data) else self.entries.blob
            return make(name, key, entry, epoch_of(data, epoch), op.version), True

        return await self.io.update(face, name, change)

    async def do_add(self, face: Face, op: Operation) -> bool:
        """Store the value where nothing alive is."""
        if lost(op.stamp):
            return False
        ((key, value),) = op.values.items()
        name = self.entries.name(key, op.version)
        fresh = self.entries.entry(value, op)
        if "create" in self.io.swift:
            sealed = await self._epoch(face, op)
            blob = self.entries.blob(name, key, fresh, sealed, op.version)
            epoch, data = await self.io.create(face, name, blob, sealed)
            if data is None and epoch == sealed:
                return True
            if data is not None and await self._alive(face, name, data, epoch) is not None:
                return False

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            late = _computed(op) and op.stamp is not None and op.stamp.epoch != epoch
            if late or await self._alive(face, name, data, epoch) is not None:
                return KEEP, False
            sealed = epoch if _computed(op) else self._plain(epoch)
            return self.entries.blob(name, key, fresh, sealed, op.version), True

        return await self.io.update(face, name, change)

    async def do_claim(self, face: Face, op: Operation) -> Any:
        """Lay a claim on the key for who would compute it."""
        return await claims.lay(self, face, op)

    async def do_claim_all(self, face: Face, op: Operation) -> dict[Key, Any]:
        """Lay a claim on each of several keys."""
        return await claims.lay_all(self, face, op)

    async def do_mark(self, face: Face, op: Operation) -> None:
        """Change a part of a tag's record, in one step, so that no flush is undone."""
        name = self.entries.name(op.key, None)

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, None]:
            entry = self.entries.load(name, data, epoch)
            record = changed(entry and entry.value, op.match, op.token, op.by)
            fresh = self.entries.entry(record, op)
            return self.entries.blob(name, op.key, fresh, self._plain(epoch)), None

        await self.io.update(face, name, change)

    async def do_incr(self, face: Face, op: Operation) -> Any:
        """Change a number, keeping its expiry and tags; a missing one starts from ``initial``."""
        key = op.key
        name = self.entries.name(key, op.version)
        if self.counts and numbers.fits(op.by):
            epoch, data = await self.io.count(face, name, op.by)
            counted = await self._done(op, self._alive(face, name, data, epoch), data)
            if counted is not None and self.bears(counted, op):
                return counted.value

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry, sealed = await self._alive(face, name, data, epoch), epoch_of(data, epoch)
            if entry is None or not self.bears(entry, op):
                if op.initial is None:
                    return KEEP, MISSING
                entry, sealed = self.entries.entry(op.initial, op), self._plain(epoch)
                entry.stamps = dict(op.stamp.nonces) if op.stamp else {}
            entry.value, entry.claim = plus(self.alias, key, entry.value, op.by), None
            native = self.counts and numbers.fits(entry.value)
            make = self.entries.counter if native else self.entries.blob
            return make(name, key, entry, sealed, op.version), entry.value

        return await self.io.update(face, name, change)

    async def do_pull(self, face: Face, op: Operation) -> Any:
        """Take the value out: for one caller only."""
        name = self.entries.name(op.key, op.version)
        if "take" in self.io.swift and not op.tags:
            epoch, blobs = await self.io.take(face, [name])
            data = blobs.get(name)
            taken = await self._done(op, self._alive(face, name, data, epoch), data)
            return MISSING if taken is None else taken.value

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry = await self._alive(face, name, data, epoch)
            if entry is None or not self.bears(entry, op):
                return KEEP, MISSING
            return None, entry.value

        return await self.io.update(face, name, change)

    async def do_see(self, face: Face, op: Operation) -> Seen:
        """Tell what is there, with a mark by which a swap knows it again."""
        return await exchange.see(self, face, op)

    async def do_swap(self, face: Face, op: Operation) -> bool:
        """Put a value in the place of what was seen, if that is still there."""
        return await exchange.swap(self, face, op)

    @staticmethod
    def bears(entry: Entry, op: Operation) -> bool:
        """Tell whether an entry bears every tag that the operation names."""
        return all(tag in entry.stamps for tag in op.tags)

    async def do_ttl(self, face: Face, op: Operation) -> Any:
        """Return the seconds that are left, None for ever, or MISSING."""
        name = self.entries.name(op.key, op.version)
        epoch, blobs = await self.io.read(face, [name])
        entry = await self._alive(face, name, blobs.get(name), epoch)
        if entry is None:
            return MISSING
        ends = entry.expires if entry.ends is None else entry.ends
        return None if ends is None else ends - clock.now()

    async def do_keys(self, face: Face, op: Operation) -> list[str]:
        """Return the keys of this alias's version that match, as they were given."""
        fits, found = matcher(op.glob), dict[str, Entry | None]()
        epoch, _ = await self.io.read(face, [])
        async for name, data in self.io.scan(face, self.version, op.glob):
            version, key = self.entries.key(name, data, epoch)
            if version == str(self.version) and fits(key):
                entry = self.entries.find(name, data, epoch)
                if op.soft or entry is None or not entry.hollow:
                    found[key] = entry
        return await self._living(face, found)

    async def do_clear(self, face: Face, op: Operation) -> None:
        """Empty the alias."""
        await self.io.clear(face)

    async def do_prune(self, face: Face, op: Operation) -> int:
        """Remove what has expired."""
        return await self.io.prune(face)


def plus(alias: str, key: Key, number: Any, by: int) -> int:
    """Return the sum, or raise a TypeMismatch (which is also a TypeError, as Django's would be)."""
    if type(number) is not int:
        raise NotANumber(
            f"The value of {key!r} is of type {type(number).__name__}; only an int can be counted "
            f"(alias {alias!r}). Forget the key to begin anew."
        )
    return number + by


def _computed(op: Operation) -> bool:
    return op.stamp is not None and op.stamp.epoch is not None
