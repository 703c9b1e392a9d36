"""A store of bytes: what an engine gives, and all that follows from it.

Every value is sealed or signed and bound to its key, its expiry and the alias's epoch, so bytes
that somebody read, moved, edited or truncated are a miss.
"""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error as DatabaseError

from ..codecs import Chain
from ..core import clock
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import BLOCKING, Face, Hop, run_now
from ..core.keys import matcher, usual
from ..core.operation import MISSING, UNSURE, Key, Kind, Operation, Reply, Stamp, tag_record
from ..errors import NotANumber, OutcomeUnknown, StoreUnavailable
from ..layers.base import GUESSES, guess
from ..layers.events import reading_is_heard
from ..layers.policy import lost
from ..layers.tags import alive
from . import numbers
from .base import NamedDriver, Names
from .engine import KEEP, Blob, Engine, Faced, FacedEngine, Found, Keep, Moved, epoch_of
from .entries import Entries
from .legacy import Adoption

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Verb = Callable[[Face, Operation], Coroutine[Any, Any, Any]]

FLUSHES = 10
"""How often a write starts over because the alias was flushed under it."""


class Bytes(NamedDriver):
    """Drive an engine through a codec chain.

    ``far`` says that the store is a trip away, so that tags' records are read along with the keys;
    ``lists`` that it can tell what it holds; ``straight`` that its ``look`` is a blocking read,
    though its hooks are awaited.
    """

    far = False
    lists = True
    straight = False

    def __init__(
        self, alias: str, sender: type, names: Names, engine: Engine | FacedEngine, chain: Chain
    ) -> None:
        super().__init__(alias, sender, names)
        self.engine: Any = engine
        self.io = _faced(engine)
        self.hop = self.io.hop
        self.chain = chain
        self.entries = Entries(alias, names, chain, self.io.readable)
        self.failures: tuple[type[Exception], ...] = (OSError, DatabaseError, *self.io.errors)
        # A store that counts by itself shows the numbers, which one that seals must not.
        self.counts = "count" in self.io.swift and not chain.sealed
        self.lasting = bool(getattr(self.io, "lasting", False))
        self.lead = names.lead
        self.legacy: Adoption | None = None
        if self.far:
            self.guesses = Bounded(GUESSES)

    @property
    def unreadable(self) -> Counter[str]:
        """Return how many entries could not be read, by the reason."""
        return self.entries.unreadable

    def quick(self, key: Any, version: int | None, tags: tuple[str, ...] = ()) -> Any:
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
        if not usual(full) or (reading_is_heard() and not self.silent) or self._tagged(key, tags):
            return UNSURE
        name = self.entries.named(full)
        try:
            epoch, blobs = self.look(name)
            entry = self.entries.load(name, blobs.get(name), epoch)
            if entry is not None and entry.stamps:
                entry = run_now(self._unflushed(BLOCKING, entry))
        except self.failures:
            return UNSURE  # where the error is met again, and told
        if entry is None or any(tag not in entry.stamps for tag in tags):
            return MISSING
        if entry.stamps and self.guesses is not None:
            guess(self.guesses, None, key, tuple(entry.stamps))
        return entry.value

    def look(self, name: bytes) -> Found:
        """Read one name, blocking."""
        return self.engine.read([name])  # type: ignore[no-any-return]  # of a blocking engine

    def _tagged(self, key: str, tags: tuple[str, ...]) -> bool:
        """Tell whether the long way reads the key and its tags' records in one trip, not two."""
        known = self.guesses
        return known is not None and bool(tags or (len(known) and known.get((None, key))))

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation; an error of the engine is a ``StoreUnavailable``.

        It is ``OutcomeUnknown`` where something was to be decided, and may have been.
        """
        work: Verb = self.method(op)
        if self.legacy is not None:
            work = partial(self.legacy.around, self, work)
        try:
            if face.awaiting and self.hop not in (None, Hop.NONE):
                return await face.run(self.hop, _held, work, op)
            try:
                return await work(face, op)
            except SynchronousOnlyOperation:
                # A queryset is evaluated when it is pickled, and that asks the database.
                return await face.run(Hop.DJANGO, _held, work, op)
        except self.failures as error:
            unknown = op.kind is Kind.ATOMIC and self.io.unsure(error)
            kind = OutcomeUnknown if unknown else StoreUnavailable
            raise kind(f"alias {self.alias!r}: {_told(error)}") from error

    async def do_read(self, face: Face, op: Operation) -> Reply:
        """Read all keys in one trip."""
        named = self._named(op)
        epoch, blobs = await self.io.read(face, list(named))
        values = {}
        for name, data in blobs.items():
            entry = self.entries.load(name, data, epoch)
            if entry is not None:
                bare = not entry.stamps and entry.fresh is None
                values[named[name]] = entry.value if bare else entry
        if not op.snapshot:
            return Reply(values)
        return Reply(values, Stamp(epoch or await self.io.epoch(face), {}))

    async def do_write(self, face: Face, op: Operation) -> set[Key]:
        """Encode every value, then store all: one that cannot be encoded leaves all as it was."""
        if lost(op.stamp):
            return set(op.keys)
        for _ in range(FLUSHES):
            epoch = await self._epoch(face, op)
            try:
                await self.io.write(face, self._blobs(op, epoch), epoch)
            except Moved:
                if not _computed(op):
                    continue
                # Flushed while it was computed: it is written and gone, as if before the flush.
            return set()
        raise StoreUnavailable(
            f"alias {self.alias!r}: flushed by others {FLUSHES} times in a row while writing"
        )

    async def do_delete(self, face: Face, op: Operation) -> set[Key]:
        """Remove the keys, and tell which were there and alive."""
        named = self._named(op)
        if "take" in self.io.swift:
            epoch, blobs = await self.io.take(face, list(named))
        else:
            epoch, blobs = await self.io.read(face, list(named))
            await self.io.remove(face, list(named))
        found = {named[n]: self.entries.load(n, data, epoch) for n, data in blobs.items()}
        return set(await self._living(face, found))

    async def do_touch(self, face: Face, op: Operation) -> set[Key]:
        """Seal each entry anew with another expiry; one that is gone stays gone."""
        return {key for key in op.keys if await self._touch(face, key, op)}

    async def _touch(self, face: Face, key: Key, op: Operation) -> bool:
        name = self.entries.name(key, op.version)

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            entry = await self._alive(face, name, data, epoch)
            if entry is None:
                return KEEP, False
            entry.expires = self.names.expires(op.ttl)
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

    async def do_incr(self, face: Face, op: Operation) -> Any:
        """Change a number, keeping its expiry and tags; a missing one starts from ``initial``."""
        key = op.key
        name = self.entries.name(key, op.version)
        if self.counts and numbers.fits(op.by):
            epoch, data = await self.io.count(face, name, op.by)
            counted = await self._done(self._alive(face, name, data, epoch), data)
            if counted is not None and _bears(counted, op):
                return counted.value

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry, sealed = await self._alive(face, name, data, epoch), epoch_of(data, epoch)
            if entry is None or not _bears(entry, op):
                if op.initial is None:
                    return KEEP, MISSING
                entry, sealed = self.entries.entry(op.initial, op), self._plain(epoch)
                entry.stamps = dict(op.stamp.nonces) if op.stamp else {}
            entry.value = plus(key, entry.value, op.by)
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
            taken = await self._done(self._alive(face, name, data, epoch), data)
            return MISSING if taken is None else taken.value

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry = await self._alive(face, name, data, epoch)
            if entry is None or not _bears(entry, op):
                return KEEP, MISSING
            return None, entry.value

        return await self.io.update(face, name, change)

    async def do_ttl(self, face: Face, op: Operation) -> Any:
        """Return the seconds that are left, None for ever, or MISSING."""
        name = self.entries.name(op.key, op.version)
        epoch, blobs = await self.io.read(face, [name])
        entry = await self._alive(face, name, blobs.get(name), epoch)
        if entry is None:
            return MISSING
        return None if entry.expires is None else entry.expires - clock.now()

    async def do_keys(self, face: Face, op: Operation) -> list[str]:
        """Return the keys of this alias's version that match, as they were given."""
        fits, found = matcher(op.glob), dict[str, Entry | None]()
        epoch, _ = await self.io.read(face, [])
        async for name, data in self.io.scan(face, self.version, op.glob):
            version, key = self.entries.key(name, data, epoch)
            if version == str(self.version) and fits(key):
                found[key] = self.entries.load(name, data, epoch)
        return await self._living(face, found)

    async def do_clear(self, face: Face, op: Operation) -> None:
        """Empty the alias."""
        await self.io.clear(face)

    async def do_prune(self, face: Face, op: Operation) -> int:
        """Remove what has expired."""
        return await self.io.prune(face)

    async def _done(self, judging: Coroutine[Any, Any, T], data: bytes | None) -> T:
        """Judge what a store has done already: who cannot be told of it does not know."""
        failures: tuple[type[Exception], ...] = (*self.failures, StoreUnavailable)
        try:
            return await judging
        except failures as error:
            if data is None:
                raise
            raise OutcomeUnknown(f"alias {self.alias!r}: {_told(error)}") from error

    def _named(self, op: Operation) -> dict[bytes, Key]:
        return {self.entries.name(key, op.version): key for key in op.keys}

    async def _epoch(self, face: Face, op: Operation) -> int:
        """Return the epoch to seal under: the one before the value was computed, if there is one.

        A value sealed under an epoch that is past cannot be read, which is how a flush reaches
        what was being computed when it came.
        """
        if op.stamp is not None and op.stamp.epoch is not None:
            return int(op.stamp.epoch)
        return await self.io.epoch(face)

    def _plain(self, epoch: int) -> int:
        """Return what to seal under that was not computed: 0 where a clear removes it."""
        return 0 if self.lasting else epoch

    def _blobs(self, op: Operation, epoch: int) -> dict[bytes, Blob]:
        blobs = {}
        for key, value in op.values.items():
            name = self.entries.name(key, op.version)
            entry = self.entries.entry(value, op)
            blobs[name] = self.entries.blob(name, key, entry, epoch, op.version)
        return blobs

    async def _alive(self, face: Face, name: bytes, data: bytes | None, epoch: int) -> Entry | None:
        """Return the entry if it can be read, has not expired and none of its tags was flushed."""
        entry = self.entries.load(name, data, epoch)
        return entry if entry is None else await self._unflushed(face, entry)

    async def _unflushed(self, face: Face, entry: Entry) -> Entry | None:
        return entry if await self._living(face, {0: entry}) else None

    async def _living(self, face: Face, found: Mapping[K, Entry | None]) -> list[K]:
        """Return those whose entry is there and bears no tag that was flushed, in one trip."""
        entries = {key: entry for key, entry in found.items() if entry is not None}
        tags = {tag for entry in entries.values() for tag in entry.stamps}
        current = await self._records(face, tags) if tags else {}
        return [key for key, entry in entries.items() if alive(entry, current)]

    async def _records(self, face: Face, tags: Collection[str]) -> Mapping[Any, Any]:
        """Return the records of tags, which in a store of several servers may lie elsewhere."""
        ask = Operation("read", Kind.READ, tuple(map(tag_record, tags)))
        return (await self.do_read(face, ask)).values


def plus(key: Key, number: Any, by: int) -> int:
    """Return the sum, or raise a TypeMismatch (which is also a TypeError, as Django's would be)."""
    if type(number) is not int:
        raise NotANumber(
            f"The value of {key!r} is of type {type(number).__name__}; only an int can be counted."
        )
    return number + by


def _held(work: Verb, op: Operation) -> Any:
    """Do the whole of a verb in the thread this runs in, which may wait."""
    return run_now(work(BLOCKING, op))


def _faced(engine: Engine | FacedEngine) -> FacedEngine:
    return cast(FacedEngine, engine) if hasattr(engine, "swift") else Faced(engine)


def _computed(op: Operation) -> bool:
    return op.stamp is not None and op.stamp.epoch is not None


def _bears(entry: Entry, op: Operation) -> bool:
    return all(tag in entry.stamps for tag in op.tags)


def _told(error: Exception) -> str:
    """Return the error's class and, for the system's own errors, what it says."""
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
