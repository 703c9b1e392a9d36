"""Entries as the rows of a table."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.faces import Hop
from ...core.facts import Facts
from ...core.remedies import contended
from ...errors import StoreUnavailable
from .. import numbers
from ..engine import KEEP, Blob, Change, Found, Moved, new_epoch
from .bounds import Bounds
from .faults import ConnectionLost
from .place import Place
from .rows import Stored, content, epoch_of, loads, name_of, parts, to_ms
from .words import EPOCH, WIDTH, Sql

T = TypeVar("T")
Rows = dict[str, Stored]
log = logging.getLogger("django_cachekit")

TRIES = 1000
"""How often an update starts over because another writer was quicker; one of them always wins."""


class Table:
    """Be the engine over one space of a table: each entry a row.

    The epoch is a row as well: 64 random bits, made at the first use. Being random and no count,
    an epoch that was rolled back, damaged or lost is never come to again.
    """

    hop = Hop.DJANGO
    # Not orderly, though a statement is one step: two flushes within longer transactions would
    # wait for each other, did they not both begin with the same row.
    orderly = False

    def __init__(self, place: Place, space: str, bounds: Bounds) -> None:
        self.place = place
        self.space = space
        self.bounds = bounds
        self._guess = 0

    def unsure(self, error: Exception) -> bool:
        """Tell whether a statement may have been carried out although it failed."""
        return isinstance(error, ConnectionLost)

    def read(self, names: Sequence[bytes]) -> Found:
        """Return the epoch (0 if none has begun) and what has not expired, in one query."""
        now = to_ms(clock.now())

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            rows: list[Any] = []
            pieces: list[Any] = list(parts([name.hex() for name in names], sql.limit - 3))
            for part in pieces or [()]:
                cursor.execute(sql.read(len(part) + 1), [self.space, EPOCH, *part, now])
                rows.extend(cursor.fetchall())
            return rows

        rows = {row[0]: Stored(*row[1:]) for row in self.place.run(self.place.writer(), work)}
        self._guess = epoch_of(rows.pop(EPOCH, None))
        return self._guess, {bytes.fromhex(name): row.data for name, row in rows.items()}

    def epoch(self) -> int:
        """Return the epoch this process saw last; ``write`` finds out if it is past."""
        return self._guess or self.begin()

    def begin(self) -> int:
        """Return the epoch that stands, beginning one where its row is missing or damaged."""
        connection = self.place.writer()
        for _ in range(TRIES):
            rows = self._peek(connection, EPOCH)
            self._guess = epoch_of(rows.get(EPOCH))
            if self._guess:
                return self._guess
            self._swap(
                connection,
                EPOCH,
                rows.get(EPOCH),
                Blob(new_epoch(flushed=False).to_bytes(8, "big"), None),
            )
        raise StoreUnavailable(contended(self.place.alias, "no epoch could be begun"))

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all in one statement, or raise ``Moved`` if ``epoch`` is past."""
        # In one order everywhere, or two writers of the same rows could wait for each other.
        rows = [(self.space, name.hex(), *content(blobs[name])) for name in sorted(blobs)]
        known: list[Any] = [self.space, EPOCH, epoch.to_bytes(8, "big")]

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            for part in loads(rows, (sql.limit - len(known)) // WIDTH):
                values: list[Any] = [value for row in part for value in row]
                cursor.execute(sql.write_if(len(part)), [*values, *known])
                if cursor.rowcount < 1:
                    self._guess = 0
                    raise Moved

        self.place.run(self.place.writer(), work)
        self._look_after(len(rows))

    def create(self, name: bytes, blob: Blob, epoch: int) -> tuple[int, bytes | None]:
        """Store where nothing live is, in one statement; only a loser needs another, to look."""
        connection, row = self.place.writer(), name.hex()
        values: list[Any] = [
            self.space,
            row,
            *content(blob),
            self.space,
            EPOCH,
            epoch.to_bytes(8, "big"),
        ]

        def work(cursor: CursorWrapper, sql: Sql) -> bool:
            renewing = [to_ms(clock.now())] if sql.renews else []
            cursor.execute(sql.create_if, [*values, *renewing])
            return bool(cursor.rowcount > 0)

        if self.place.run(connection, work):
            self._look_after(1)
            return epoch, None
        rows = self._peek(connection, row)
        self._guess = epoch_of(rows.get(EPOCH))
        # No epoch where there is nothing any more: then the long way has to find out.
        return (self._guess, rows[row].data) if row in rows else (0, None)

    def count(self, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a live counter in one statement, where an UPDATE can tell what it made.

        Elsewhere ``update`` counts: what is read in a statement of its own may be of another entry
        than what was added to.
        """
        connection, row = self.place.writer(), name.hex()
        values: list[Any] = [by, self.space, row, *numbers.room(by), to_ms(clock.now())]

        def work(cursor: CursorWrapper, sql: Sql) -> tuple[Any, ...] | None:
            if not sql.counts:
                return None
            cursor.execute(sql.add, [*values, self.space, EPOCH])
            return cast(tuple[Any, ...] | None, cursor.fetchone())

        found = self.place.run(connection, work)
        if found is None:
            return 0, None
        return epoch_of(Stored(found[2])), Stored(*found[:2]).data

    def take(self, names: Sequence[bytes]) -> Found:
        """Read and remove, so that one caller alone has each row."""

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            rows: list[Any] = []
            for part in parts([name.hex() for name in names], sql.limit - 3):
                rows += self._take(cursor, sql, [self.space, *part])
            return rows

        rows = self.place.run(self.place.writer(), work)
        found = {bytes.fromhex(row[0]): Stored(*row[1:3]).data for row in rows}
        return (epoch_of(Stored(rows[0][3])) if rows else 0), found

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove the rows in one statement."""

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            for part in parts([name.hex() for name in names], sql.limit - 1):
                cursor.execute(sql.drop(len(part)), [self.space, *part])

        self.place.run(self.place.writer(), work)

    def update(self, name: bytes, change: Change[T]) -> T:
        """Compare and set until it wins: exact between processes, and needs no transaction."""
        connection, row = self.place.writer(), name.hex()
        for lost in range(TRIES):
            rows = self._peek(connection, row, lock=lost > 0)
            epoch, old = epoch_of(rows.get(EPOCH)), rows.get(row)
            wanted, result = change(old and old.data, epoch or self.begin())
            if wanted is KEEP or self._swap(connection, row, old, wanted):
                return result
        text = f"others changed the same key {TRIES} times in a row"
        raise StoreUnavailable(contended(self.place.alias, text))

    def updates(self, changes: Mapping[bytes, Change[T]]) -> Mapping[bytes, T]:
        """Read all the rows in one statement; where another comes between, that one by itself."""
        connection, names = self.place.writer(), sorted(changes)
        rows = self._peek_all(connection, [name.hex() for name in names])
        epoch, done = epoch_of(rows.get(EPOCH)) or self.begin(), dict[bytes, T]()
        for name in names:
            old = rows.get(name.hex())
            wanted, result = changes[name](old and old.data, epoch)
            if wanted is not KEEP and not self._swap(connection, name.hex(), old, wanted):
                result = self.update(name, changes[name])
            done[name] = result
        return done

    def clear(self) -> None:
        """Take a new epoch and delete the rows: both, or neither."""
        fresh = new_epoch(flushed=True)

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            with transaction.atomic(using=cursor.db.alias):
                row = [self.space, EPOCH, fresh.to_bytes(8, "big"), None, None]
                cursor.execute(sql.write(1), row)
                cursor.execute(sql.empty, [self.space, EPOCH])

        self.place.run(self.place.writer(), work)
        self._guess = fresh

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk over the live rows along the primary key, some at a time."""
        last: Any = ""
        while rows := self._walk(last):
            for text, data in rows:
                if name := name_of(text):
                    yield name, data
            last = rows[-1][0]

    def prune(self) -> int:
        """Delete what has expired or is over the bounds, and return how many went."""

        def work(cursor: CursorWrapper, sql: Sql) -> int:
            return self.bounds.sweep(cursor, sql, self.space)

        return self.place.run(self.place.writer(), work)

    def prunable(self) -> int:
        """Return how many rows ``prune`` would remove now, at least; a bound in bytes may add."""

        def work(cursor: CursorWrapper, sql: Sql) -> int:
            return self.bounds.excess(cursor, sql, self.space)

        return self.place.run(self.place.writer(), work)

    def facts(self) -> Facts:
        """Return how many rows and bytes of values there are, what has expired included."""

        def work(cursor: CursorWrapper, sql: Sql) -> tuple[int, int]:
            cursor.execute(sql.count, [self.space, EPOCH])
            entries = int(cursor.fetchone()[0])
            cursor.execute(sql.measure, [self.space, EPOCH])
            return entries, int(cursor.fetchone()[0] or 0)

        entries, size = self.place.run(self.place.writer(), work)
        return Facts(entries, size, self.bounds.entries, self.bounds.room)

    def _take(self, cursor: CursorWrapper, sql: Sql, named: list[Any]) -> list[Any]:
        """Return name, value, number and epoch of the rows that were removed."""
        size = len(named) - 1
        if sql.tells:
            known: list[Any] = [self.space, EPOCH] if sql.tells_epoch else []
            cursor.execute(sql.take(size), [*named, *known])
            rows = list(cursor.fetchall())
        else:
            with transaction.atomic(using=cursor.db.alias):
                cursor.execute(sql.peek(size) + sql.lock, named)
                rows = list(cursor.fetchall())
                cursor.execute(sql.drop(size), named)
        if not rows or sql.tells_epoch:
            return rows
        cursor.execute(sql.get, [self.space, EPOCH])
        epoch = next((row[1] for row in cursor.fetchall()), None)
        return [(*row, epoch) for row in rows]

    def _peek_all(self, connection: BaseDatabaseWrapper, names: Sequence[str]) -> Rows:
        """Return the epoch's row and others, expired or not."""

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            rows: list[Any] = []
            for part in parts(list(names), sql.limit - 2):
                cursor.execute(sql.peek(len(part) + 1), [self.space, EPOCH, *part])
                rows += cursor.fetchall()
            return rows

        return {row[0]: Stored(*row[1:]) for row in self.place.run(connection, work)}

    def _peek(self, connection: BaseDatabaseWrapper, name: str, lock: bool = False) -> Rows:
        """Return the epoch's row and another, expired or not.

        Who lost once inside a transaction locks the row: one that repeats its reads would be
        shown the old row for ever.
        """

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            if not (lock and sql.lock and connection.in_atomic_block):
                cursor.execute(sql.peek(2), [self.space, EPOCH, name])
                return list(cursor.fetchall())
            cursor.execute(sql.get + sql.lock, [self.space, name])
            rows = cursor.fetchall()
            cursor.execute(sql.get, [self.space, EPOCH])
            return [*rows, *cursor.fetchall()]

        return {row[0]: Stored(*row[1:]) for row in self.place.run(connection, work)}

    def _swap(
        self, connection: BaseDatabaseWrapper, name: str, old: Stored | None, wanted: Blob | None
    ) -> bool:
        """Put ``wanted`` in the place of ``old`` if that still stands, and tell whether it did."""
        if wanted is None and old is None:
            return True

        def work(cursor: CursorWrapper, sql: Sql) -> bool:
            if old is None:
                cursor.execute(sql.create, [self.space, name, *content(cast(Blob, wanted))])
            elif wanted is None:
                cursor.execute(sql.drop_same, [self.space, name, *old])
            else:
                cursor.execute(sql.swap, [*content(wanted), self.space, name, *old])
            return bool(cursor.rowcount > 0)

        won = self.place.run(connection, work)
        if won and old is None:
            self._look_after(1)
        return won

    def _walk(self, last: Any) -> list[Any]:
        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            cursor.execute(sql.walk, [self.space, EPOCH, last, to_ms(clock.now())])
            return [(row[0], Stored(*row[1:]).data) for row in cursor.fetchall()]

        return self.place.run(self.place.writer(), work)

    def _look_after(self, written: int) -> None:
        if not self.bounds.due(written):
            return
        try:
            self.prune()
        except DatabaseError as error:
            # What was to be written is written; one of the next writers will prune.
            log.warning("cache %r: pruning failed: %s", self.place.alias, type(error).__name__)
