"""The statements on the rows of locks, in the words of each database.

::

    name     as a key's       made of the lock's name
    value    24 bytes         the owner and what tells this attempt from others; empty: given back
    expires  Unix ms          its end, by the clock of the database
    number                    the fence

A lock is held until its end, whatever its value: who writes other bytes there frees nobody. Each
attempt is told from others by bytes of its own, so that a row that is read afterwards says whose it
is; its own owner is refused like any other.
"""
# ruff: noqa: S608  # built from quoted identifiers and placeholders only; values are parameters

from collections.abc import Sequence
from typing import Any

from ...core.held import OWNER

MARK = 8
"""Bytes that tell an attempt from others of the same owner."""

MOST = 2**53 - 1
"""The largest fence: one that is larger was written by somebody else, and is not counted on."""

CHANNEL = "cachekit_"
DIGITS = 40
"""So many digits of a name are in that of its channel, which PostgreSQL has 63 bytes for."""

NOW = {
    # Not now(), which stands still in a transaction.
    "postgresql": "CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS bigint)",
    "sqlite": "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)",
    # UTC, which has no hour twice; of the statement's begin, so that it is never late.
    "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)",
}
"""The clock of each database, in Unix milliseconds."""


class LockWords:
    """Word the statements on locks: ``take``, ``look``, ``renew``, ``free``, ``wipe``, ``forget``.

    ``one`` is what finds a row by space and name, ``binary`` how bytes are given.
    """

    def __init__(self, vendor: str, tells: bool, columns: Sequence[str], binary: str) -> None:
        self._vendor = vendor
        self._tells = tells
        self.table, self._space, self._name, self._value, self._expires, self._number = columns
        self._binary = binary
        self._now = NOW[vendor]
        # On SQLite text may stand where a number belongs.
        loose = vendor == "sqlite"
        number = f"typeof({self.table}.{self._expires}) = 'integer' AND " if loose else ""
        self._held = f"({number}{self.table}.{self._expires} > {self._now})"
        self._one = f"WHERE {self._space} = %s AND {self._name} = %s"
        self._finding()
        self._giving()
        self.take = self._mysql() if vendor == "mysql" else self._upsert()

    def taking(self, space: str, name: str, value: bytes, ttl: int) -> list[Any]:
        """Return what ``take`` is given."""
        given: list[Any] = [space, name, value, ttl]
        if self._vendor == "mysql":
            return [*given, value, ttl]
        return [*given, space, name] if self._vendor == "postgresql" else given

    def _finding(self) -> None:
        self._stands = self._standing(self.table)
        self.look = f"SELECT {self._stands} FROM {self.table} {self._one}"
        old = f"{self._expires} <= {self._now} - %s"
        self.forget = f"DELETE FROM {self.table} WHERE {self._space} = %s AND {old}"

    def _standing(self, table: str) -> str:
        """Name what is read of a row: value, number, and the milliseconds left.

        Behind the table's name, for SQLite takes a quoted name that is no column for text.
        """
        value, number, expires = (
            f"{table}.{name}" for name in (self._value, self._number, self._expires)
        )
        value = f"CAST({value} AS BLOB)" if self._vendor == "sqlite" else value
        return f"{value}, {number}, {expires} - {self._now}"

    def listen(self, space: str, names: Sequence[str]) -> str:
        """Return what listens for so many locks of PostgreSQL's, then counts how many are held.

        It asks only when it is heard what is given back from then on; all in one trip, which no
        parameters can go along with. Spaces and names are hex digits.
        """
        channels = "".join(f"LISTEN {CHANNEL}{name[:DIGITS]}; " for name in names)
        among = ", ".join(f"'{name}'" for name in names)
        rows = f"{self._space} = '{space}' AND {self._name} IN ({among}) AND {self._held}"
        table = self.table.replace("%%", "%")
        return f"BEGIN; {channels}COMMIT; SELECT COUNT(*) FROM {table} WHERE {rows}"

    def _giving(self) -> None:
        """Word what only the owner does; ``free_any`` and ``wipe`` ask for none."""
        owner = f"SUBSTR({self._value}, 1, {OWNER}) = {self._binary}"
        update = f"UPDATE {self.table} SET"
        self.renew = (
            f"{update} {self._expires} = {self._now} + %s {self._one} AND {owner} AND {self._held}"
        )
        empty = {"postgresql": "''", "sqlite": "x''", "mysql": "_binary ''"}[self._vendor]
        given = f"{update} {self._value} = {empty}, {self._expires} = {self._now}"
        self.free = self._told(f"{given} {self._one} AND {owner} AND {self._held}")
        self.free_any = self._told(f"{given} {self._one} AND {self._held}")
        self.wipe = self._told(f"{given} WHERE {self._space} = %s AND {self._held}")

    def _told(self, update: str) -> str:
        """Have PostgreSQL tell those who wait, in the same statement."""
        if self._vendor != "postgresql":
            return update
        channel = f"'{CHANNEL}' || SUBSTR({self._name}, 1, {DIGITS})"
        return (
            f"WITH freed AS ({update} RETURNING {self._name}) "
            f"SELECT pg_notify({channel}, '') FROM freed"
        )

    def _next(self, first: str) -> str:
        """Word the next fence; one that is none begins anew."""
        number = f"{self.table}.{self._number}"
        return f"CASE WHEN {number} BETWEEN 1 AND {MOST - 1} THEN {number} + 1 ELSE {first} END"

    def _insert(self) -> str:
        columns = (self._space, self._name, self._value, self._expires, self._number)
        row = f"%s, %s, {self._binary}, {self._now} + %s, {self._now}"
        return f"INSERT INTO {self.table} ({', '.join(columns)}) VALUES ({row})"

    def _upsert(self) -> str:
        """Word it where an upsert has a condition, and tells nothing where that does not hold."""
        update = (
            f"{self._insert()} ON CONFLICT ({self._space}, {self._name}) DO UPDATE SET "
            f"{self._value} = EXCLUDED.{self._value}, {self._expires} = EXCLUDED.{self._expires}, "
            f"{self._number} = {self._next(f'EXCLUDED.{self._number}')} "
            f"WHERE {self._held} IS NOT TRUE"
        )
        if not self._tells:
            return update
        if self._vendor == "sqlite":
            return f"{update} RETURNING {self._stands}"
        took = f"WITH took AS ({update} RETURNING {self._value}, {self._number}, {self._expires})"
        other = f"{self.look} AND NOT EXISTS (SELECT 1 FROM took)"
        return f"{took} SELECT {self._standing('took')} FROM took UNION ALL {other}"

    def _mysql(self) -> str:
        """Word it where it has none: each column stays as it is, and it may tell the row.

        The end comes last, as the others look at it.
        """
        kept = [
            f"{self._number} = IF({self._held}, {self._number}, {self._next(self._now)})",
            f"{self._value} = IF({self._held}, {self._value}, {self._binary})",
            f"{self._expires} = IF({self._held}, {self._expires}, {self._now} + %s)",
        ]
        told = f" RETURNING {self._stands}" if self._tells else ""
        return f"{self._insert()} ON DUPLICATE KEY UPDATE {', '.join(kept)}{told}"
