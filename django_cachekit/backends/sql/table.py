"""Entries as the rows of a table."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.faces import Hop
from ...errors import StoreUnavailable
from ..engine import KEEP, Blob, Change, Moved
from .bounds import Bounds
from .place import Place
from .words import EPOCH, Sql, to_ms

T = TypeVar("T")
log = logging.getLogger("django_cachekit")

_NAME = re.compile("[0-9a-f]{64}").fullmatch

TRIES = 1000
"""How often an update starts over because another writer was quicker; one of them always wins."""


class Table:
    """Be the engine over one space of a table: each entry a row.

    The epoch is a row as well: 64 random bits, made at the first use. Being random and no count,
    an epoch that was rolled back, damaged or lost is never come to again.
    """

    hop = Hop.DJANGO

    def __init__(self, place: Place, space: str, bounds: Bounds) -> None:
        self.place = place
        self.space = space
        self.bounds = bounds
        self._guess = 0

    def read(self, names: Sequence[bytes]) -> tuple[int, dict[bytes, bytes]]:
        """Return the epoch (0 if none has begun) and what has not expired, in one query."""
        now = to_ms(clock.now())

        def work(cursor: CursorWrapper, sql: Sql) -> dict[str, Any]:
            rows: dict[str, Any] = {}
            for part in _parts([name.hex() for name in names], sql.limit - 3) or [[]]:
                cursor.execute(sql.read(len(part) + 1), [self.space, EPOCH, *part, now])
                rows.update(cursor.fetchall())
            return rows

        rows = self.place.run(self.place.writer(), work)
        self._guess = _epoch(rows.pop(EPOCH, None))
        return self._guess, {bytes.fromhex(name): _bytes(data) for name, data in rows.items()}

    def epoch(self) -> int:
        """Return the epoch this process saw last; ``write`` finds out if it is past."""
        return self._guess or self.begin()

    def begin(self) -> int:
        """Return the epoch that stands, beginning one where its row is missing or damaged."""
        connection = self.place.writer()
        for _ in range(TRIES):
            rows = self._peek(connection, EPOCH)
            self._guess = _epoch(rows.get(EPOCH))
            if self._guess:
                return self._guess
            self._swap(connection, EPOCH, rows.get(EPOCH), Blob(os.urandom(8), None))
        raise StoreUnavailable(f"alias {self.place.alias!r}: no epoch could be begun")

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all in one statement, or raise ``Moved`` if ``epoch`` is past."""
        # In one order everywhere, or two writers of the same rows could wait for each other.
        rows = [(self.space, name.hex(), *_content(blobs[name])) for name in sorted(blobs)]

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            for part in _parts(rows, (sql.limit - 3) // 4):
                self._write(cursor, sql, part, epoch)

        self.place.run(self.place.writer(), work)
        self._look_after(len(rows))

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove the rows in one statement."""

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            for part in _parts([name.hex() for name in names], sql.limit - 1):
                cursor.execute(sql.drop(len(part)), [self.space, *part])

        self.place.run(self.place.writer(), work)

    def update(self, name: bytes, change: Change[T]) -> T:
        """Compare and set until it wins: exact between processes, and needs no transaction."""
        connection, row = self.place.writer(), name.hex()
        for lost in range(TRIES):
            rows = self._peek(connection, row, lock=lost > 0)
            epoch, old = _epoch(rows.get(EPOCH)), rows.get(row)
            wanted, result = change(old, epoch or self.begin())
            if wanted is KEEP or self._swap(connection, row, old, wanted):
                return result
        raise StoreUnavailable(
            f"alias {self.place.alias!r}: others changed the same key {TRIES} times in a row"
        )

    def clear(self) -> None:
        """Take a new epoch and delete the rows: both, or neither."""
        fresh = os.urandom(8)

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            with transaction.atomic(using=cursor.db.alias):
                cursor.execute(sql.write(1), [self.space, EPOCH, fresh, None])
                cursor.execute(sql.empty, [self.space, EPOCH])

        self.place.run(self.place.writer(), work)
        self._guess = int.from_bytes(fresh, "big")

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk over the live rows along the primary key, some at a time."""
        last: Any = ""
        while rows := self._walk(last):
            for text, data in rows:
                if name := _name(text):
                    yield name, _bytes(data)
            last = rows[-1][0]

    def prune(self) -> int:
        """Delete what has expired or is over the bounds, and return how many went."""

        def work(cursor: CursorWrapper, sql: Sql) -> int:
            return self.bounds.sweep(cursor, sql, self.space)

        return self.place.run(self.place.writer(), work)

    def _write(self, cursor: CursorWrapper, sql: Sql, rows: Sequence[Any], epoch: int) -> None:
        values = [value for row in rows for value in row]
        if sql.guarded:
            known = epoch.to_bytes(8, "big")
            cursor.execute(sql.write_if(len(rows)), [*values, self.space, EPOCH, known])
            self._expect(cursor.rowcount > 0)
            return
        cursor.execute(sql.get, [self.space, EPOCH])
        self._expect(epoch == _epoch(dict(cursor.fetchall()).get(EPOCH)))
        cursor.execute(sql.write(len(rows)), values)

    def _expect(self, unmoved: bool) -> None:
        if not unmoved:
            self._guess = 0
            raise Moved

    def _peek(
        self, connection: BaseDatabaseWrapper, name: str, lock: bool = False
    ) -> dict[str, Any]:
        """Return the epoch's row and another, expired or not.

        Who lost once inside a transaction locks the row: one that repeats its reads would be
        shown the old row for ever.
        """

        def work(cursor: CursorWrapper, sql: Sql) -> dict[str, Any]:
            if not (lock and sql.lock and connection.in_atomic_block):
                cursor.execute(sql.peek(2), [self.space, EPOCH, name])
                return dict(cursor.fetchall())
            cursor.execute(sql.get + sql.lock, [self.space, name])
            rows = cursor.fetchall()
            cursor.execute(sql.get, [self.space, EPOCH])
            return dict([*rows, *cursor.fetchall()])

        rows = self.place.run(connection, work)
        return {text: _bytes(data) for text, data in rows.items()}

    def _swap(
        self, connection: BaseDatabaseWrapper, name: str, old: Any, wanted: Blob | None
    ) -> bool:
        """Put ``wanted`` in the place of ``old`` if that still stands, and tell whether it did."""
        if wanted is None and old is None:
            return True

        def work(cursor: CursorWrapper, sql: Sql) -> bool:
            if wanted is None:
                cursor.execute(sql.drop_same, [self.space, name, old])
            elif old is None:
                cursor.execute(sql.create, [self.space, name, *_content(wanted)])
            else:
                cursor.execute(sql.swap, [*_content(wanted), self.space, name, old])
            return bool(cursor.rowcount > 0)

        won = self.place.run(connection, work)
        if won and old is None:
            self._look_after(1)
        return won

    def _walk(self, last: Any) -> list[Any]:
        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            cursor.execute(sql.walk, [self.space, EPOCH, last, to_ms(clock.now())])
            return list(cursor.fetchall())

        return self.place.run(self.place.writer(), work)

    def _look_after(self, written: int) -> None:
        if not self.bounds.due(written):
            return
        try:
            self.prune()
        except DatabaseError as error:
            # What was to be written is written; one of the next writers will prune.
            log.warning("cache %r: pruning failed: %s", self.place.alias, type(error).__name__)


def _content(blob: Blob) -> tuple[bytes, int | None]:
    return blob.data, None if blob.expires is None else to_ms(blob.expires)


def _parts(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _bytes(data: Any) -> Any:
    """Return as bytes what the database's client may hand out as a view of them."""
    return bytes(data) if isinstance(data, memoryview) else data


def _epoch(data: Any) -> int:
    """Return the number in the epoch's row; 0 if the row is missing, or not as it was made."""
    data = _bytes(data)
    fit = isinstance(data, bytes) and len(data) == 8
    return int.from_bytes(data, "big") if fit else 0


def _name(text: Any) -> bytes | None:
    """Return the name a row stands for; None for a row that somebody else put there."""
    plain = text if isinstance(text, str) else text.decode("ascii", "replace")
    return bytes.fromhex(plain) if _NAME(plain) else None
