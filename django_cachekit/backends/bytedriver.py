"""How a store of bytes is driven: its operations carried out, its entries judged."""

from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from django.core.exceptions import SynchronousOnlyOperation
from django.db import Error as DatabaseError

from .. import conf
from ..codecs import Chain
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import BLOCKING, Face, Hop, run_now
from ..core.facts import Facts
from ..core.marks import Verdict, verdict
from ..core.operation import Key, Kind, Operation, Record, Reply, Stamp, tag_record
from ..core.remedies import unreachable
from ..errors import (
    Misconfigured,
    NotSupported,
    OutcomeUnknown,
    StoreUnavailable,
    ValueTooLarge,
)
from ..layers.base import GUESSES
from ..layers.tags import alive
from . import locking
from .base import Names
from .engine import Blob, Engine, Faced, FacedEngine, Gathered
from .entries import Entries
from .indexing import Indexing
from .legacy import Adoption

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Verb = Callable[[Face, Operation], Coroutine[Any, Any, Any]]

SURE = 4
"""How many more cold reads must have found tags than not, before the next brings records along."""

NONE: frozenset[bytes] = frozenset()

NAMELESS = (StoreUnavailable, ValueTooLarge, NotSupported, Misconfigured)
"""What an engine raises, to which the driver adds of which alias and key it speaks."""


class ByteDriver(Indexing):
    """Hold an engine and a codec chain, and judge what lies in the one by the other.

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
        self.orderly = bool(getattr(self.io, "orderly", False))
        self.lead = names.lead
        if isinstance(self.io, Faced) and not hasattr(engine, "scan"):
            self.lists = False
        self.legacy: Adoption | None = None
        self.gathers = self.entries.telling = bool(getattr(self.io, "gathers", False))
        self.hunch = 0
        if self.far:
            self.guesses = Bounded(GUESSES)

    @property
    def unreadable(self) -> Counter[str]:
        """Return how many entries could not be read, by the reason."""
        return self.entries.unreadable

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation; an error of the engine is a ``StoreUnavailable``.

        It is ``OutcomeUnknown`` where something was to be decided, and may have been.
        """
        work: Verb = self.method(op)
        if self.legacy is not None:
            work = partial(self.legacy.around, self, work)
        try:
            # Who waits for a lock does so by his own face: a thread would be lost to all others.
            if face.awaiting and self.hop not in (None, Hop.NONE) and op.match != "wait":
                return await face.run(self.hop, _held, work, op)
            try:
                return await work(face, op)
            except SynchronousOnlyOperation:
                # A queryset is evaluated when it is pickled, and that asks the database.
                return await face.run(Hop.DJANGO, _held, work, op)
        except self.failures as error:
            decides = op.kind is Kind.ATOMIC and op.verb != "see"
            unknown = decides and self.io.unsure(error)
            kind = OutcomeUnknown if unknown else StoreUnavailable
            text = unreachable(self.alias, op.name, _told(error), unknown=unknown)
            raise kind(text) from error
        except NAMELESS as error:
            if f"{self.alias!r}" in str(error):
                raise
            raise self._about(error, op) from error.__cause__

    def _about(self, error: Exception, op: Operation) -> Exception:
        """Return an error of the engine, which knows neither alias nor key, with both."""
        if isinstance(error, Misconfigured):
            return type(error)(f"CACHES[{self.alias!r}]: {error}")
        about = f"alias {self.alias!r}"
        if isinstance(error, ValueTooLarge):
            keys = [key for key in op.keys if not isinstance(key, Record)]
            one = f"key {conf.shown(keys[0])}" if len(keys) == 1 else f"one of {len(keys)} keys"
            about += f", {one}" if keys else ""
        return type(error)(f"{about}: {error}")

    async def do_read(self, face: Face, op: Operation) -> Reply:
        """Read all keys in one trip; records that came along are in the reply too."""
        named, cold = self._named(op), self._cold(op)
        (epoch, blobs), brought = await self._fetched(face, list(named), cold)
        values, held, tagged = dict[Any, Any](), set[Key](), False
        for name, key in named.items():
            data = blobs.get(name)
            find = self.entries.record if type(key) is Record else self.entries.find
            entry = None if data is None else find(name, data, epoch)
            if entry is None:
                continue
            if entry.claim is not None:
                held.add(key)
            if entry.claim is None or not entry.claim.hollow:
                values[key] = entry.value if entry.bare else entry
            if entry.stamps:
                tagged = True
                values |= self._brought(entry, brought, epoch, blobs)
        if cold:
            self._feel(tagged=tagged)
        if not op.snapshot:
            return Reply(values)
        stamp = Stamp(epoch or await self.io.epoch(face), {})
        return Reply(values, stamp, frozenset(held))

    async def do_lock(self, face: Face, op: Operation) -> Any:
        """Do what is asked of a lock, where the store has them."""
        return await locking.perform(self, face, op)

    async def do_facts(self, face: Face, op: Operation) -> Facts:
        """Return what the store tells of the alias, nothing where its engine has no such hook."""
        tell = getattr(self.io, "facts", None)
        return Facts() if tell is None else await tell(face)

    # A read of one key of which nothing is known, where the store can bring its tags' records

    def _cold(self, op: Operation) -> bool:
        """Tell whether the records might come along: one key is read, and its tags are not known.

        What reads through an adoption does so twice.
        """
        if not self.gathers or len(op.keys) != 1 or self.legacy is not None:
            return False
        return type(op.key) is not Record and not self._guessed(op.version, op.key)

    def _guessed(self, version: int | None, key: Key) -> tuple[str, ...] | None:
        known = self.guesses
        return known.get((version, key)) if known is not None and len(known) else None

    async def _fetched(self, face: Face, names: list[bytes], cold: bool) -> Gathered:
        """Read names in one trip; a cold one with its records, if that has helped often lately.

        A script that looks for them costs a server some microseconds more than a plain read.
        """
        if cold and self.hunch >= SURE:
            return await self.io.gather(face, names[0])  # type: ignore[attr-defined,no-any-return]  # it gathers
        return await self.io.read(face, names), NONE

    def _feel(self, *, tagged: bool) -> None:
        """Learn of a cold read whether it found tags."""
        self.hunch = min(self.hunch + 1, 2 * SURE) if tagged else max(self.hunch - 1, 0)

    def _brought(
        self, entry: Entry, brought: Collection[bytes], epoch: int, blobs: Mapping[bytes, bytes]
    ) -> dict[Any, Any]:
        """Return the records of an entry's tags that came along with it."""
        found: dict[Any, Any] = {}
        if brought:
            for tag, name in self.entries.of_tags(tuple(entry.stamps)).items():
                data = blobs.get(name)
                record = None if data is None else self.entries.record(name, data, epoch)
                if record is not None:
                    found[tag_record(tag)] = record.value
        return found

    async def _done(self, op: Operation, judging: Coroutine[Any, Any, T], data: bytes | None) -> T:
        """Judge what a store has done already: who cannot be told of it does not know."""
        failures: tuple[type[Exception], ...] = (*self.failures, StoreUnavailable)
        try:
            return await judging
        except failures as error:
            if data is None:
                raise
            text = unreachable(self.alias, op.name, _told(error), unknown=True)
            raise OutcomeUnknown(text) from error

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

    def encoded(self, op: Operation, epoch: int) -> dict[bytes, Blob]:
        """Return the values as they are stored under an epoch."""
        return self._blobs(op, epoch)

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
        if not entry.stamps:
            return None if entry.over else entry
        return entry if await self._living(face, {0: entry}) else None

    async def _living(self, face: Face, found: Mapping[K, Entry | None]) -> list[K]:
        """Return those whose entry is there and bears no tag that was flushed, in one trip."""
        entries = {key: entry for key, entry in found.items() if entry is not None}
        tags = {tag for entry in entries.values() for tag in entry.stamps}
        current = await self._records(face, tags) if tags else {}
        return [key for key, entry in entries.items() if alive(entry, current)]

    async def verdict(self, face: Face, entry: Entry) -> Verdict:
        """Judge an entry by the records of its tags, and by its own end."""
        current = await self._records(face, entry.stamps) if entry.stamps else {}
        judged = verdict(entry.stamps, current)
        return Verdict.STALE if judged is Verdict.LIVE and entry.over else judged

    async def _records(self, face: Face, tags: Collection[str]) -> Mapping[Any, Any]:
        """Return the records of tags, which in a store of several servers may lie elsewhere."""
        ask = Operation("read", Kind.READ, tuple(map(tag_record, tags)))
        return (await self.do_read(face, ask)).values


def _held(work: Verb, op: Operation) -> Any:
    """Do the whole of a verb in the thread this runs in, which may wait."""
    return run_now(work(BLOCKING, op))


def _faced(engine: Engine | FacedEngine) -> FacedEngine:
    return cast(FacedEngine, engine) if hasattr(engine, "swift") else Faced(engine)


def _told(error: Exception) -> str:
    """Return the error's class and, for the system's own errors, what it says."""
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
