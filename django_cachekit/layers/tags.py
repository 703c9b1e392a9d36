"""The tag protocol: stamp before you compute, check when you read.

An entry carries, for each of its tags, what the tag's record said before its value was computed; it
is served only while that stands (see ``core.marks``). A flush writes a fresh record. No clock is
asked, and a record that is lost makes entries miss, never live again.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..core import clock
from ..core.entry import EXPIRED, Entry
from ..core.faces import Face
from ..core.marks import Verdict, fresh, is_record, part, stamp, verdict
from ..core.operation import (
    FLUSHES,
    MISSING,
    Kind,
    Operation,
    Record,
    Reply,
    Seen,
    Stamp,
    tag_record,
)
from ..core.ttl import over
from ..errors import NotSupported
from .base import Driver, Guesses, Proceed, guess
from .copies import Copies
from .pending import waiting


def alive(entry: Any, records: Mapping[Any, Any]) -> bool:
    """Tell whether an entry has not ended, and bears no tag that was flushed or has expired."""
    if type(entry) is not Entry:
        return True
    return not entry.over and verdict(entry.stamps, records) is Verdict.LIVE


class Tags:
    """Check what is read against the records, and stamp what is written."""

    def __init__(self, alias: str, driver: Driver, staleness: float = 0) -> None:
        self.alias = alias
        self.guesses = driver.guesses
        self.orderly = driver.orderly
        # In a memory records cost nothing, so there a copy would only be older.
        self.copies = Copies(0 if driver.guesses is None else staleness)

    def idle(self, op: Operation) -> bool:
        """Tell whether tags have no part in it: a write without any, or a verb of another kind."""
        if op.verb == "read" or op.verb == "flush":
            return False
        if op.verb == "see":
            return not op.tags and not waiting(self.alias)
        if op.verb == "swap":
            return not self.guesses and not op.tags
        if op.verb in ("write", "add", "incr"):
            return op.plain and not self.guesses
        return True

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.verb == "read":
            return await self._read(face, op, proceed)
        if op.verb == "flush":
            return await self._flush(face, op, proceed)
        if op.verb == "see":
            return await self._see(face, op, proceed)
        if op.verb == "swap":
            if self.guesses is not None and op.match == "absent":
                _remember(self.guesses, op)  # else it bears what it bore
            return await proceed(face, op)
        return await self._write(face, op, proceed)

    # Reading

    async def _read(self, face: Face, op: Operation, proceed: Proceed) -> Reply:
        records = {tag_record(tag) for tag in self._guess(op)}
        found: dict[Any, Any] = self.copies.young(records)
        asked = [record for record in records if record not in found]
        if op.finds:
            asked.append(FLUSHES)
        began = self.copies.began()
        reply: Reply = await proceed(face, op._replace(keys=(*op.keys, *asked)) if asked else op)
        self.copies.keep(began, reply.values)
        found |= reply.values
        wrong = _records_of(reply.values.values()) - records - reply.values.keys()
        if wrong:
            found |= await self._fetch(face, op, proceed, wrong, now=False)
        values = self._judged(op, found)
        if not op.snapshot:
            return Reply(values)
        made = Stamp(reply.stamp.epoch if reply.stamp else None, {}, found.get(FLUSHES))
        made.nonces = await self._nonces(face, op.tags, proceed, found)
        if op.finds and made.flushes is None:
            made.flushes = await _create(face, proceed, FLUSHES, part())
        return Reply(values, made, reply.held)

    async def _fetch(
        self, face: Face, op: Operation, proceed: Proceed, records: Iterable[Record], *, now: bool
    ) -> dict[Any, Any]:
        """Return the records, by copies or (``now``, or where there are none) in one trip."""
        found: dict[Any, Any] = {} if now else self.copies.young(records)
        asked = tuple(record for record in records if record not in found)
        if asked:
            began = self.copies.began()
            ask = Operation("read", Kind.READ, asked, tags=op.tags)
            reply = await proceed(face, ask)
            self.copies.keep(began, reply.values)
            found |= reply.values
        return found

    def _guess(self, op: Operation) -> set[str]:
        tags = set(op.tags)
        if self.guesses is not None and len(self.guesses):
            for key in op.keys:
                tags.update(self.guesses.get((op.version, key)) or ())
        return tags

    def _judged(self, op: Operation, found: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return what may be served, of what was asked for and found."""
        late = waiting(self.alias)
        values = dict[Any, Any]()
        for key in op.keys:
            value = found.get(key, MISSING)
            if isinstance(key, Record):
                if value is not MISSING:
                    values[key] = value
                continue
            if type(value) is Entry:
                self._learn(op.version, key, value)
                if late and not late.isdisjoint(value.stamps):
                    continue
            if value is not MISSING and _serves(value, op, found):
                values[key] = value
        return values

    def _learn(self, version: int | None, key: str, entry: Entry) -> None:
        if entry.stamps and self.guesses is not None:
            guess(self.guesses, version, key, tuple(entry.stamps))

    async def _nonces(
        self, face: Face, tags: Iterable[str], proceed: Proceed, found: Mapping[Any, Any]
    ) -> dict[str, bytes]:
        """Return the stamp of each tag that is known, making the records that ``tags`` lack."""
        nonces = dict[str, bytes]()
        for record, value in found.items():
            if isinstance(record, Record) and record.kind == "tag" and is_record(value):
                nonces[record.name] = stamp(value)
        for tag in tags:
            if tag not in nonces:
                made = await _create(face, proceed, tag_record(tag), fresh())
                nonces[tag] = stamp(made)
        return nonces

    async def _see(self, face: Face, op: Operation, proceed: Proceed) -> Seen:
        """Look before a change, with the stamp for the tags named as it is before."""
        made = await self._stamp(face, op, proceed) if op.tags else None
        seen: Seen = await proceed(face, op)
        if not waiting(self.alias).isdisjoint(seen.tags):
            seen = seen._replace(value=MISSING)  # it will be flushed with this transaction
        return seen._replace(stamp=Stamp(seen.stamp.epoch, made.nonces if made else {}))

    # Writing

    async def _write(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.tags:
            made = await self._stamp(face, op, proceed)
            if made is None:
                return set(op.keys)  # flushed since: what was found by then is not to be trusted
            op = op._replace(stamp=made)
        if self.guesses is not None:
            _remember(self.guesses, op)
        if op.verb != "incr" and not op.plain:
            op = op._replace(values={key: _seal(op, value) for key, value in op.values.items()})
        return await proceed(face, op)

    async def _stamp(self, face: Face, op: Operation, proceed: Proceed) -> Stamp | None:
        """Return the stamp for just the tags of a write; None if one found late was flushed."""
        if op.stamp is None:
            records = [tag_record(tag) for tag in op.tags]
            # A number or a winner that is born flushed would be lost: no copy will do for those.
            found = await self._fetch(face, op, proceed, records, now=op.kind is not Kind.WRITE)
            nonces = await self._nonces(face, op.tags, proceed, found)
            return Stamp(None, {tag: nonces[tag] for tag in op.tags})
        nonces = {tag: mark for tag, mark in op.stamp.nonces.items() if tag in op.tags}
        late = [tag for tag in op.tags if tag not in nonces]
        if late:
            flushes, more = await self._late(face, late, proceed)
            if flushes is None or flushes != op.stamp.flushes:
                return None
            nonces |= more
        return Stamp(op.stamp.epoch, nonces)

    async def _late(
        self, face: Face, tags: list[str], proceed: Proceed
    ) -> tuple[bytes | None, dict[str, bytes]]:
        """Read the records of tags found while computing, and only then the last flush.

        In this order: a flush writes the other way round, so one that is not seen in the second
        read has not yet changed what was read first.
        """
        records = tuple(tag_record(tag) for tag in tags)
        together = (*records, FLUSHES) if self.orderly else records
        found = (await proceed(face, Operation("read", Kind.READ, together))).values
        whole = all(is_record(found.get(record)) for record in records)
        nonces = await self._nonces(face, tags, proceed, found)
        if not (self.orderly and whole):
            found = (await proceed(face, Operation("read", Kind.READ, (FLUSHES,)))).values
        return found.get(FLUSHES), nonces

    # Flushing

    async def _flush(self, face: Face, op: Operation, proceed: Proceed) -> None:
        if op.match not in ("any", "all", "soft"):
            raise NotSupported(f"a flush of tags cannot match {op.match!r}.")
        records = tuple(map(tag_record, op.tags))
        with self.copies.flushing(records):
            if op.match == "any":
                await self._renew(face, records, proceed)
            else:
                await self._change(face, records, op.match, proceed)

    async def _renew(self, face: Face, records: tuple[Record, ...], proceed: Proceed) -> None:
        """Write fresh records, after the number of the flush."""
        number: dict[Any, bytes] = {FLUSHES: part()}
        marks: dict[Any, bytes] = {record: fresh() for record in records}
        if self.orderly:
            await _write(face, number | marks, proceed)
            return
        try:
            await _write(face, number, proceed)
        finally:
            # Even if that cannot be reached, and is told: these may lie elsewhere.
            await _write(face, marks, proceed)

    async def _change(
        self, face: Face, records: tuple[Record, ...], match: str, proceed: Proceed
    ) -> None:
        """Change one part of each record, so that what else was flushed stays so."""
        await _write(face, {FLUSHES: part()}, proceed)
        joint, size = part(), len(records)
        for record in records:
            mark = Operation("mark", Kind.ADMIN, (record,), match=match, token=joint, by=size)
            await proceed(face, mark)


async def _write(face: Face, values: Mapping[Any, bytes], proceed: Proceed) -> None:
    """Write records for good."""
    failed = await proceed(face, Operation("write", Kind.ADMIN, tuple(values), values=values))
    if failed:
        # A store that refuses writes may still delete: a missing record kills entries too.
        await proceed(face, Operation("delete", Kind.ADMIN, tuple(failed)))


def _serves(value: Any, op: Operation, found: Mapping[Any, Any]) -> bool:
    """Tell whether a value may be served: it bears the tags named, and none was flushed.

    A stale one may only where that was asked for, and then says so.
    """
    if type(value) is not Entry:
        return not op.tags
    if any(tag not in value.stamps for tag in op.tags):
        return False
    judged = verdict(value.stamps, found)
    if judged is Verdict.STALE and op.soft:
        value.fresh = EXPIRED
        return True
    return judged is Verdict.LIVE and (op.soft or not value.over)


def _remember(guesses: Guesses, op: Operation) -> None:
    """Remember the tags of what is written: the next read asks for their records at once."""
    for key in op.keys:
        if isinstance(key, Record):
            continue
        if op.tags:
            guess(guesses, op.version, key, op.tags)
        elif len(guesses):
            guesses.drop((op.version, key))


def _seal(op: Operation, value: Any) -> Entry:
    """Put the value in an envelope; one that is in an envelope already keeps only its value."""
    now = clock.now()
    inner = value.value if type(value) is Entry else value
    limited = isinstance(op.ttl, (int, float)) and not over(op.ttl)
    return Entry(
        inner,
        now,
        now + op.ttl if limited else None,
        now + op.fresh if op.fresh is not None else None,
        dict(op.stamp.nonces) if op.stamp and op.tags else {},
        ends=now + op.ends if op.ends is not None else None,
        cost=op.cost,
    )


def _records_of(values: Iterable[Any]) -> set[Record]:
    return {tag_record(tag) for value in values if type(value) is Entry for tag in value.stamps}


async def _create(face: Face, proceed: Proceed, record: Record, made: bytes) -> bytes:
    """Make the record unless another did; return what stands."""
    add = Operation("add", Kind.ATOMIC, (record,), values={record: made})
    if await proceed(face, add):
        return made
    read = Operation("read", Kind.READ, (record,))
    current = (await proceed(face, read)).values.get(record)
    # Gone again already: the entry gets a stamp no record holds, which is a needless miss.
    return current if type(current) is bytes else made
