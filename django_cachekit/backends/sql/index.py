"""The index of tags in a cache table: a row for each tag of an entry, in a space of its own.

Its name is half of what stands for the tag and half of what stands for the entry, so that a range
of the primary key lists a tag. Its value is the member, its number the score. Being in another
space it is in no entry's way: it is not listed, counted, bounded, or sealed anew.
"""

import random
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any, TypeVar

from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.faces import Face
from ...layers.tagindex import FAR
from ..indexing import ROOT, Place
from .bounds import OFTEN
from .place import Work
from .rows import Stored, parts, to_ms
from .table import Table
from .words import EPOCH, WIDTH, Sql

T = TypeVar("T")

DROPS = 200
"""How many rows are dropped in one statement."""

HALF = 32
"""Hex digits of a name that stand for the tag, and as many for the entry."""


class Notes:
    """Keep members in rows."""

    rides = False

    def __init__(self, table: Table) -> None:
        self.table = table
        self.space = sha256(b"index\0" + table.space.encode()).hexdigest()[:HALF]

    async def note(self, face: Face, put: Sequence[Place], drop: Sequence[Place]) -> None:
        """Put and drop rows; what has expired goes once in a while."""
        now = FAR + to_ms(clock.now())
        roots = [Place(ROOT, label, now) for label in {place.label for place in put}]
        rows = {_name(place): self._row(place) for place in (*put, *roots)}
        # In one order everywhere, or two writers of the same rows could wait for each other.
        fresh = [rows[name] for name in sorted(rows)]
        stale = sorted((_name(place), place.score) for place in drop)

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            for part in parts(fresh, sql.limit // WIDTH):
                cursor.execute(sql.write(len(part)), [value for row in part for value in row])
            for some in parts(stale, DROPS):
                given = [value for row in some for value in row]
                cursor.execute(sql.drop_scored(len(some)), [self.space, *given])
            if random.random() * OFTEN < len(fresh):  # noqa: S311  # no secret
                cursor.execute(sql.drop_expired, [self.space, to_ms(clock.now())])

        self._run(work)

    async def walk(self, face: Face, label: bytes) -> AsyncIterator[list[Place]]:
        """Walk along the primary key."""
        last, end = label.hex(), label.hex() + "g"  # behind every hex digit

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            cursor.execute(sql.span, [self.space, last, end])
            return list(cursor.fetchall())

        while rows := self._run(work):
            yield [_place(label, *row[1:]) for row in rows]
            last = rows[-1][0]

    async def scores(self, face: Face, label: bytes, members: Sequence[bytes]) -> list[int | None]:
        """Return the scores of members, in one query or a few."""
        names = [_name(Place(label, member, 0)) for member in members]

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            rows: list[Any] = []
            for part in parts(names, sql.limit - 1):
                cursor.execute(sql.peek(len(part)), [self.space, *part])
                rows += cursor.fetchall()
            return rows

        found = {row[0]: row[2] for row in self._run(work)}
        return [found.get(name) for name in names]

    async def size(self, face: Face, label: bytes) -> int:
        """Return how many rows there are, expired ones included."""

        def work(cursor: CursorWrapper, sql: Sql) -> int:
            cursor.execute(sql.span_size, [self.space, label.hex(), label.hex() + "g"])
            return int(cursor.fetchone()[0])

        return self._run(work)

    async def sweep(self, face: Face) -> None:
        """Delete the rows that have expired."""

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            cursor.execute(sql.drop_expired, [self.space, to_ms(clock.now())])

        self._run(work)

    async def clear(self, face: Face) -> None:
        """Delete all rows."""

        def work(cursor: CursorWrapper, sql: Sql) -> None:
            cursor.execute(sql.empty, [self.space, EPOCH])

        self._run(work)

    def _run(self, work: Work[T]) -> T:
        place = self.table.place
        return place.run(place.writer(), work)

    def _row(self, place: Place) -> tuple[Any, ...]:
        expires = place.score if place.score < FAR else None
        return self.space, _name(place), place.member, expires, place.score


def _name(place: Place) -> str:
    return place.label.hex() + sha256(place.member).hexdigest()[:HALF]


def _place(label: bytes, value: Any, number: Any) -> Place:
    return Place(label, Stored(value).data, number if isinstance(number, int) else 0)
