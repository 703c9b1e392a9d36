"""Which keys bear a tag: by the rows that were noted, or by walking over all that is there.

What a store that is asked often should have is a ``Rack``: it keeps *members* (each stands for an
entry) under *labels* (each stands for a tag), with a score. Where entries are sealed, neither tells
anything: a label is always made like a name, and a member is the entry's own name, whose key lies
inside the seal. Where they are only signed, a member is the version and the key.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..core.entry import Entry
from ..core.faces import Face
from ..core.keys import matcher
from ..core.marks import Verdict, verdict
from ..core.operation import Operation, Record
from ..layers.tagindex import Book, Row
from .base import NamedDriver, record_text
from .engine import KEEP, Blob, FacedEngine, Keep
from .entries import Entries

WIDTH = 16
"""How many bytes a label has."""

ROOT = bytes(WIDTH)
"""The label under which the labels themselves are kept, each with the moment of its last note."""

BATCH = 200
"""Of how many entries the tags' records are read in one trip."""


class Place(NamedTuple):
    """Say where a member lies, and with which score."""

    label: bytes
    member: bytes
    score: int


class Rack(Protocol):
    """Keep members under labels, for the epoch that stands.

    ``rides`` says that its engine's ``write`` takes the rows of blobs along.
    """

    rides: bool

    async def note(self, face: Face, put: Sequence[Place], drop: Sequence[Place]) -> None:
        """Put members where they belong, and drop others if they have their score still.

        The labels of what is put go under ``ROOT``, and what the score says has expired is dropped
        now and then.
        """

    def walk(self, face: Face, label: bytes) -> AsyncIterator[list[Place]]:
        """Walk over the members under a label, some at a time; one may come twice."""

    async def scores(self, face: Face, label: bytes, members: Sequence[bytes]) -> list[int | None]:
        """Return the scores of members, None for one that is not there."""

    async def size(self, face: Face, label: bytes) -> int:
        """Return how many members there are under a label, more or less."""

    async def sweep(self, face: Face) -> None:
        """Drop what has expired, or belongs to an epoch that is past."""

    async def clear(self, face: Face) -> None:
        """Drop everything of before now, after the alias was flushed."""


class Met(NamedTuple):
    """Hold what a member stands for: a key, its version, and the entry if it is alive."""

    key: str
    version: str
    entry: Entry | None


class Indexing(NamedDriver):
    """Tell which keys bear a tag, in a store of bytes that can list what it holds."""

    rack: Rack | None = None
    entries: Entries
    io: FacedEngine

    def keep_index(self) -> None:
        """Tell from now on which keys bear a tag, noting them if the store has a rack."""
        super().keep_index()
        self.rack = self.make_rack() if self.indexed else None
        if self.rack is not None:
            self.book = self.entries.book = Book(self.entries.name, rides=self.rack.rides)

    def make_rack(self) -> Rack | None:
        """Return where members are kept; None has everything walked over."""
        return None

    async def do_note(self, face: Face, op: Operation) -> None:
        """Put the rows that are said to stand, and drop the others."""
        if self.rack is not None:
            put, drop = list[Place](), list[Place]()
            for row, stands in op.values.items():
                (put if stands else drop).append(self.place(row))
            await self.rack.note(face, put, drop)

    async def do_members(self, face: Face, op: Operation) -> list[str]:
        """Return keys that match, and may bear all of ``tags``; each is still to be read."""
        fits, found = matcher(op.glob), dict[str, None]()
        async for met in self._candidates(face, op):
            if met.version == str(self.version) and fits(met.key):
                found[met.key] = None
        return list(found)

    async def do_sift(self, face: Face, op: Operation) -> None:
        """Drop those of some keys that are dead, or do not bear the tags after all."""
        if self.rack is None:
            return
        members = [self._member(key, self.version) for key in op.values]
        for tag in op.tags:
            label = self.label(tag)
            scores = await self.rack.scores(face, label, members)
            pairs = zip(members, scores, strict=True)
            places = [Place(label, one, score) for one, score in pairs if score is not None]
            await self._judge(face, label, places)

    async def do_tags(self, face: Face, op: Operation) -> list[str]:
        """Return the tags that live entries bear."""
        found = set[str]()
        if self.rack is None:
            async for entries in self._batches(face):
                for entry in await self._undead(face, entries):
                    found.update(entry.stamps)
        else:
            async for labels in self.rack.walk(face, ROOT):
                for place in labels:
                    found.update(await self._spelt(face, place.member))
        return sorted(found - {""})

    async def do_tidy(self, face: Face, op: Operation) -> int:
        """Drop what stands for no live entry, remove what was flushed, and count the latter."""
        gone = 0
        if self.rack is not None:
            await self.rack.sweep(face)
            async for labels in self.rack.walk(face, ROOT):
                for place in labels:
                    gone += await self._tidy(face, place)
        return gone

    async def do_untag(self, face: Face, op: Operation) -> None:
        """Forget all members, now that the alias was flushed."""
        if self.rack is not None:
            await self.rack.clear(face)

    # -- labels and members -----------------------------------------------------------------

    def label(self, tag: str) -> bytes:
        """Return what stands for a tag."""
        return self.entries.chain.name(record_text(Record("index", tag)))[:WIDTH]

    def place(self, row: Row) -> Place:
        """Return where a row belongs."""
        return Place(self.label(row.tag), self._member(row.key, row.version), row.score)

    def _member(self, key: str, version: int) -> bytes:
        if self.entries.chain.sealed:
            return self.entries.name(key, version)
        return f"{version}:{key}".encode("utf-8", "surrogatepass")

    def _name(self, member: bytes) -> bytes:
        """Return the name of the entry that a member stands for."""
        if self.entries.chain.sealed:
            return member
        version, _, key = member.decode("utf-8", "surrogatepass").partition(":")
        return self.entries.name(key, int(version))

    # -- looking ----------------------------------------------------------------------------

    async def _candidates(self, face: Face, op: Operation) -> AsyncIterator[Met]:
        if self.rack is None:
            async for met in self._everything(face, op.glob):
                if met.entry is not None and all(tag in met.entry.stamps for tag in op.tags):
                    yield met
            return
        keys = self._keys_inside if self.entries.chain.sealed else self._keys
        async for places in self.rack.walk(face, await self._rarest(face, op.tags)):
            for met in await keys(face, places):
                yield met

    async def _rarest(self, face: Face, tags: Sequence[str]) -> bytes:
        labels = [self.label(tag) for tag in tags]
        if len(labels) == 1 or self.rack is None:
            return labels[0]
        sizes = [await self.rack.size(face, label) for label in labels]
        return labels[sizes.index(min(sizes))]

    async def _everything(self, face: Face, glob: str) -> AsyncIterator[Met]:
        """Walk over all entries of the alias's version that are there, flushed or not."""
        epoch, _ = await self.io.read(face, [])
        async for name, data in self.io.scan(face, self.version, glob):
            version, key = self.entries.key(name, data, epoch)
            if version == str(self.version):
                yield Met(key, version, self.entries.load(name, data, epoch))

    async def _batches(self, face: Face) -> AsyncIterator[list[Entry]]:
        """Walk over all entries that bear tags, some at a time."""
        batch = list[Entry]()
        async for met in self._everything(face, "*"):
            if met.entry is not None and met.entry.stamps:
                batch.append(met.entry)
            if len(batch) == BATCH:
                yield batch
                batch = []
        yield batch

    async def _undead(self, face: Face, entries: Sequence[Entry]) -> list[Entry]:
        """Return the entries none of whose tags was flushed, asking for all records in one trip."""
        tags = {tag for entry in entries for tag in entry.stamps}
        records = await self._records(face, tags) if tags else {}
        return [entry for entry in entries if not is_dead(entry, records)]

    async def _keys(self, face: Face, places: Sequence[Place]) -> list[Met]:
        """Return the keys that members say."""
        texts = [place.member.decode("utf-8", "surrogatepass") for place in places]
        parts = [text.partition(":") for text in texts]
        return [Met(key, version, None) for version, _, key in parts]

    async def _keys_inside(self, face: Face, places: Sequence[Place]) -> list[Met]:
        """Return the keys inside sealed entries, and drop the places of what cannot be read."""
        met = await self._read(face, [place.member for place in places])
        there = {member: one for member, one in met.items() if one.version}
        dead = [place for place in places if place.member not in there]
        if dead and self.rack is not None:
            await self.rack.note(face, [], dead)
        return list(there.values())

    async def _read(self, face: Face, members: Iterable[bytes]) -> dict[bytes, Met]:
        """Return what is there of members, with the entry if it can be read and has not expired."""
        named = {self._name(member): member for member in members}
        epoch, found = await self.io.read(face, list(named))
        met = {}
        for name, data in found.items():
            version, key = self.entries.key(name, data, epoch)
            met[named[name]] = Met(key, version, self.entries.load(name, data, epoch))
        return met

    async def _records(self, face: Face, tags: Any) -> Mapping[Any, Any]:
        raise NotImplementedError

    async def _spelt(self, face: Face, label: bytes) -> list[str]:
        """Return the tag of a label, which only the entries tell; none if no live one bears it."""
        if self.rack is not None:
            async for places in self.rack.walk(face, label):
                alive, _ = await self._alive_under(face, label, places)
                for entry in alive.values():
                    return [tag for tag in entry.stamps if self.label(tag) == label]
        return []

    async def _alive_under(
        self, face: Face, label: bytes, places: Sequence[Place]
    ) -> tuple[dict[bytes, Entry], list[bytes]]:
        """Return the entries that live and bear the tag, by member; and who was flushed."""
        met = await self._read(face, [place.member for place in places])
        entries = {member: one.entry for member, one in met.items() if one.entry is not None}
        undead = set(map(id, await self._undead(face, list(entries.values()))))
        alive = {
            member: entry
            for member, entry in entries.items()
            if id(entry) in undead and any(self.label(tag) == label for tag in entry.stamps)
        }
        return alive, [member for member, entry in entries.items() if id(entry) not in undead]

    # -- cleaning up --------------------------------------------------------------------------

    async def _judge(
        self, face: Face, label: bytes, places: Sequence[Place]
    ) -> tuple[int, list[bytes]]:
        """Drop the places of what does not live; return how many do, and who was flushed.

        The scores were told before the entries are read, so what is written meanwhile stays.
        """
        alive, flushed = await self._alive_under(face, label, places)
        dead = [place for place in places if place.member not in alive]
        if dead and self.rack is not None:
            await self.rack.note(face, [], dead)
        return len(alive), flushed

    async def _tidy(self, face: Face, place: Place) -> int:
        """Tidy up under one label, and drop that too if nothing is left there."""
        left = gone = 0
        rack, label = self.rack, place.member
        if rack is None:
            return 0
        async for places in rack.walk(face, label):
            alive, flushed = await self._judge(face, label, places)
            left += alive
            for member in flushed:
                gone += await self._remove(face, self._name(member))
        if not left:
            await rack.note(face, [], [place])
        return gone

    async def _remove(self, face: Face, name: bytes) -> bool:
        """Remove an entry if it is dead still."""

        async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            entry = self.entries.load(name, data, epoch)
            if entry is None or not entry.stamps:
                return KEEP, False
            dead = is_dead(entry, await self._records(face, entry.stamps))
            return (None, True) if dead else (KEEP, False)

        return await self.io.update(face, name, change)


def is_dead(entry: Entry, records: Mapping[Any, Any]) -> bool:
    """Tell whether a tag of the entry was flushed, or its record is lost: no read can be served."""
    return verdict(entry.stamps, records) is Verdict.DEAD
