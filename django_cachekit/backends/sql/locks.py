"""Locks as rows of the cache's own table, in a space of their own: each step is one statement.

Its clock is that of the database. What a transaction around the call does is no part of it: on
PostgreSQL, MySQL and MariaDB the lock is taken by a connection beside that one.
"""

import logging
import math
import random
import secrets
from collections.abc import Callable, Sequence
from threading import BoundedSemaphore
from typing import Any, TypeVar

from django.db import Error as DatabaseError
from django.db.backends.utils import CursorWrapper

from ...core.faces import Face
from ...core.held import FREE, OWNER, Held, Taken
from ..locking import LINGER
from .apart import beside, committing
from .bounds import OFTEN
from .ears import Ear, Ears
from .lockwords import MARK
from .place import Place, Work
from .words import Sql

T = TypeVar("T")
log = logging.getLogger("django_cachekit")

WAITING = 10
"""How many may listen at once in a process, for one alias; the others ask now and then."""

UNKNOWN = bytes(OWNER)
"""The owner of a row that says nothing of one, but is held: somebody else wrote there."""


class RowLocks:
    """Keep locks in rows; ``dice`` says when those are forgotten that nobody wants any more."""

    def __init__(self, place: Place, space: str) -> None:
        self.place = place
        self.space = space
        self.dice = random.random
        self.ears = Ears()
        self._waiting = BoundedSemaphore(WAITING)

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take it by one upsert; where that tells nothing, or of nothing, another looks."""
        mine = owner + secrets.token_bytes(MARK)
        row = name.hex()

        def work(cursor: CursorWrapper, sql: Sql) -> Any:
            words = sql.locks
            if self.dice() * OFTEN < 1:
                self._forget(cursor, sql)
            cursor.execute(words.take, words.taking(self.space, row, mine, _ms(ttl)))
            found = cursor.fetchone() if sql.tells else None
            if found is None:
                cursor.execute(words.look, [self.space, row])
                found = cursor.fetchone()
            return found

        value, fence, left = _read(self._run(work))
        return Taken(fence) if value == mine else Taken(0, left)

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Move its end, if it is the owner's still."""
        given = [_ms(ttl), self.space, name.hex(), owner]
        return self._changed(lambda sql: (sql.locks.renew, given)) > 0

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Let it end now, if it is the owner's still."""
        given: list[Any] = [self.space, name.hex()]
        if owner is None:
            return self._changed(lambda sql: (sql.locks.free_any, given)) > 0
        return self._changed(lambda sql: (sql.locks.free, [*given, owner])) > 0

    async def look(self, face: Face, name: bytes) -> Held:
        """Read the row."""

        def work(cursor: CursorWrapper, sql: Sql) -> Any:
            cursor.execute(sql.locks.look, [self.space, name.hex()])
            return cursor.fetchone()

        value, fence, left = _read(self._run(work))
        return Held(value[:OWNER] or UNKNOWN, left, fence) if left > 0 else FREE

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Wait for PostgreSQL's word by a connection of its own, if not too many do already."""
        connection = self.place.writer()
        if connection.vendor != "postgresql" or not self._waiting.acquire(blocking=False):
            return False
        try:
            if not face.awaiting:
                return await self._heard(face, beside(connection), names, seconds)
            ear = await self.ears.lend(connection)
            told = await self._heard(face, ear, names, seconds)
            if told:
                await self.ears.take_back(ear)
            return told
        finally:
            self._waiting.release()

    async def _heard(self, face: Face, ear: Ear, names: Sequence[bytes], seconds: float) -> bool:
        """Wait by it; one that was left in the midst of it is of no more use."""
        rows = sorted({name.hex() for name in names})
        text = self.place.worded(ear.wrapper).locks.listen(self.space, rows)
        done = False
        try:
            await ear.wait(face, text, len(rows), seconds)
            done = True
        except (DatabaseError, NotImplementedError) as error:  # the latter by some event loops
            log.debug("cache %r: no word of locks: %s", self.place.alias, type(error).__name__)
        finally:
            if not done:
                ear.drop()
        return done

    async def wipe(self, face: Face) -> int:
        """Let all end now that are held; their fences stay."""
        return self._changed(lambda sql: (sql.locks.wipe, [self.space]))

    async def sweep(self, face: Face) -> None:
        """Delete those whose end is so long ago that a new fence is larger than theirs."""
        self._run(self._forget)

    def _forget(self, cursor: CursorWrapper, sql: Sql) -> None:
        cursor.execute(sql.locks.forget, [self.space, LINGER * 1000])

    def _changed(self, worded: Callable[[Sql], tuple[str, list[Any]]]) -> int:
        def work(cursor: CursorWrapper, sql: Sql) -> int:
            cursor.execute(*worded(sql))
            return int(cursor.rowcount)

        return self._run(work)

    def _run(self, work: Work[T]) -> T:
        return self.place.run(committing(self.place.writer()), work)


def _ms(seconds: float) -> int:
    return math.ceil(seconds * 1000)


def _read(row: Any) -> tuple[bytes, int, float]:
    """Return value, fence and seconds left of a row, which may be missing or hold anything."""
    if row is None:
        return b"", 0, 0.0
    value, fence, left = row
    whole = fence if isinstance(fence, int) else 0
    return bytes(value or b""), whole, max(0.0, left / 1000) if isinstance(left, int) else 0.0
