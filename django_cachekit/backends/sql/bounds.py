"""How large a table may grow, and who looks after it."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.settings import defaults
from .rows import to_ms
from .words import EPOCH, Sql

ENTRIES: int = defaults("database")["MAX_ENTRIES"]
OFTEN = 1000
"""At the latest after so many writes, on average, the bounds are looked at."""


class Bounds:
    """Keep one space to so many ``entries`` and bytes (``room``); None is no bound.

    Counting costs a walk along an index, so that it is done once in ``every`` writes on average:
    by dice, for processes have no count in common. Up to then the table may be over its bounds.
    """

    def __init__(self, entries: int | None = ENTRIES, room: int | None = None) -> None:
        self.entries = entries
        self.room = room
        self.every = min(max(1, (entries or ENTRIES) // 20), OFTEN)
        self.dice: Callable[[], float] = random.random

    def due(self, written: int) -> bool:
        """Tell whether it is time to look, now that so many rows were written."""
        return self.dice() * self.every < written

    def sweep(self, cursor: CursorWrapper, sql: Sql, space: str) -> int:
        """Delete what has expired, then what is too much, the soonest to expire first; count it."""
        cursor.execute(sql.drop_expired, [space, to_ms(clock.now())])
        gone = int(cursor.rowcount)
        entries, size = self._over(cursor, sql, space)
        while names := list(_enough(_victims(cursor, sql, space), entries, size)):
            cursor.execute(sql.drop(len(names)), [space, *names])
            gone += len(names)
            entries, size = self._over(cursor, sql, space)
        return gone

    def excess(self, cursor: CursorWrapper, sql: Sql, space: str) -> int:
        """Count what has expired, and what would then be too much; by entries, not by bytes."""
        cursor.execute(sql.count_expired, [space, to_ms(clock.now())])
        expired = int(cursor.fetchone()[0])
        entries, _ = self._over(cursor, sql, space)
        return expired + max(0, entries - expired)

    def _over(self, cursor: CursorWrapper, sql: Sql, space: str) -> tuple[int, int]:
        """Return by how many entries and bytes the space is over its bounds."""
        entries = size = 0
        if self.entries is not None:
            cursor.execute(sql.count, [space, EPOCH])
            entries = int(cursor.fetchone()[0]) - self.entries
        if self.room is not None:
            cursor.execute(sql.measure, [space, EPOCH])
            size = int(cursor.fetchone()[0] or 0) - self.room
        return entries, size


def _enough(rows: Iterator[Any], entries: int, size: int) -> Iterator[str]:
    """Take names until so many entries and bytes are gone."""
    while entries > 0 or size > 0:
        name, length = next(rows, (None, 0))
        if name is None:
            return
        yield name
        entries, size = entries - 1, size - length


def _victims(cursor: CursorWrapper, sql: Sql, space: str) -> Iterator[Any]:
    """Give some rows in the order in which they go: those that never expire come last."""
    for query in (sql.soonest, sql.lasting):
        cursor.execute(query, [space, EPOCH])
        if rows := cursor.fetchall():
            yield from rows
            return
