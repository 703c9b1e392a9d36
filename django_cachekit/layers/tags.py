"""The tag protocol: stamp before you compute, check when you read.

An entry carries, for each of its tags, the nonce that was current before its value was computed; it
is served only while every one of them equals the tag's record. A flush writes a fresh nonce. No
clock is asked, and a record that is lost makes entries miss, never live again.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face
from ..core.operation import MISSING, Kind, Operation, Record, Reply, Stamp, tag_record
from ..core.ttl import over
from ..errors import NotSupported
from .base import Driver, Guesses, Proceed, guess


def nonce() -> bytes:
    """Return 64 random bits: what a tag's record holds."""
    return os.urandom(8)


def alive(entry: Any, records: Mapping[Any, Any]) -> bool:
    """Tell whether every nonce the entry carries is still the record; a missing one is not."""
    if type(entry) is not Entry:
        return True
    return all(records.get(tag_record(tag)) == value for tag, value in entry.stamps.items())


class Tags:
    """Check what is read against the records, and stamp what is written."""

    def __init__(self, driver: Driver) -> None:
        self.guesses = driver.guesses

    def idle(self, op: Operation) -> bool:
        """Tell whether tags have no part in it: a write without any, or a verb of another kind."""
        if op.verb == "read" or op.verb == "flush":
            return False
        if op.verb in ("write", "add", "incr"):
            return not op.tags and op.fresh is None and not self.guesses
        return True

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.verb == "read":
            return await self._read(face, op, proceed)
        if op.verb == "flush":
            return await self._flush(face, op, proceed)
        return await self._write(face, op, proceed)

    async def _read(self, face: Face, op: Operation, proceed: Proceed) -> Reply:
        records = {tag_record(tag) for tag in self._guess(op)}
        asked = op._replace(keys=(*op.keys, *records)) if records else op
        reply: Reply = await proceed(face, asked)
        found = reply.values
        wrong = _records_of(found.values()) - records
        if wrong:
            more = await proceed(face, op._replace(keys=tuple(wrong), snapshot=False))
            found = {**found, **more.values}
        values = {}
        for key in op.keys:
            value = found.get(key, MISSING)
            if value is not MISSING and self._counts(key, value, op, found):
                values[key] = value
        if not op.snapshot:
            return Reply(values)
        epoch = reply.stamp.epoch if reply.stamp else None
        return Reply(values, Stamp(epoch, await self._nonces(face, op, proceed, found)))

    def _guess(self, op: Operation) -> set[str]:
        tags = set(op.tags)
        if self.guesses is not None and len(self.guesses):
            for key in op.keys:
                tags.update(self.guesses.get((op.version, key)) or ())
        return tags

    def _counts(self, key: Any, value: Any, op: Operation, found: Mapping[Any, Any]) -> bool:
        """Tell whether the value may be served: it bears the tags named, and none was flushed."""
        if isinstance(key, Record):
            return True
        stamps = value.stamps if type(value) is Entry else {}
        if stamps and self.guesses is not None:
            guess(self.guesses, op.version, key, tuple(stamps))
        return all(tag in stamps for tag in op.tags) and alive(value, found)

    async def _nonces(
        self, face: Face, op: Operation, proceed: Proceed, found: Mapping[Any, Any]
    ) -> dict[str, bytes]:
        """Return the current nonce of each declared tag, making those that have none."""
        nonces = {}
        for tag in op.tags:
            current = found.get(tag_record(tag), MISSING)
            if type(current) is not bytes:
                current = await _create(face, proceed, tag_record(tag), nonce())
            nonces[tag] = current
        return nonces

    async def _write(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.tags and op.stamp is None:
            records = tuple(map(tag_record, op.tags))
            ask = Operation("read", Kind.READ, records, tags=op.tags)
            found = (await proceed(face, ask)).values
            op = op._replace(stamp=Stamp(None, await self._nonces(face, op, proceed, found)))
        if self.guesses is not None:
            _learn(self.guesses, op)
        if op.verb != "incr" and (op.tags or op.fresh is not None):
            op = op._replace(values={key: _seal(op, value) for key, value in op.values.items()})
        return await proceed(face, op)

    async def _flush(self, face: Face, op: Operation, proceed: Proceed) -> None:
        if op.match != "any":
            raise NotSupported(f"a flush of {op.match!r} is not supported yet.")
        values = {tag_record(tag): nonce() for tag in op.tags}
        write = Operation("write", Kind.ADMIN, tuple(values), values=values)
        failed = await proceed(face, write)
        if failed:
            # A store that refuses writes may still delete: a missing record kills entries too.
            await proceed(face, Operation("delete", Kind.ADMIN, tuple(failed)))


def _learn(guesses: Guesses, op: Operation) -> None:
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
        dict(op.stamp.nonces) if op.stamp else {},
    )


def _records_of(values: Iterable[Any]) -> set[Record]:
    return {tag_record(tag) for value in values if type(value) is Entry for tag in value.stamps}


async def _create(face: Face, proceed: Proceed, record: Record, fresh: bytes) -> bytes:
    """Make the record unless another did; return the nonce that stands."""
    add = Operation("add", Kind.ATOMIC, (record,), values={record: fresh})
    if await proceed(face, add):
        return fresh
    read = Operation("read", Kind.READ, (record,))
    current = (await proceed(face, read)).values.get(record)
    # Gone again already: the entry gets a nonce no record holds, which is a needless miss.
    return current if type(current) is bytes else fresh
