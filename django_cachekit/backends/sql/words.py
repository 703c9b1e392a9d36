"""The statements on one cache table, in the words of each database that Django speaks to.

::

    space    varchar(32)   stands for STORE_ID and KEY_PREFIX  | primary key
    name     varchar(64)   stands for a key, or is EPOCH       |
    value    binary        a sealed or signed entry, or the number of the epoch
    expires  bigint        Unix ms; null for what never does   (an index: space, expires)
    number   bigint        of a counter, on which the database itself counts; null for a value
"""
# ruff: noqa: S608  # built from quoted identifiers and placeholders only; values are parameters

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import truncate_name

from ...errors import Misconfigured
from .lockwords import LockWords

EPOCH = "epoch"
"""The name of the row that holds a space's epoch; no key's name is like it, being 64 hex digits."""

KEY = ["space", "name"]
CONTENT = ["value", "expires", "number"]
WIDTH = len(KEY) + len(CONTENT)

FIELDS: dict[str, "models.Field[Any, Any]"] = {
    "space": models.CharField(max_length=32),
    "name": models.CharField(max_length=64),
    "value": models.BinaryField(),
    "expires": models.BigIntegerField(null=True),
    "number": models.BigIntegerField(null=True),
}
LATER = ["number"]
"""Columns that a table of an older version may lack; ``cache_table`` adds them."""

_SAME = {"postgresql": "IS NOT DISTINCT FROM", "mysql": "<=>", "sqlite": "IS"}
_ROWS = 1000  # at most in one statement: its text has to be parsed, too


class Sql:
    """Word the statements on one table for one kind of database.

    It keeps no connection, so threads may share it. ``counts``: an UPDATE tells what it made.
    ``tells``: a DELETE tells what it removed, and ``tells_epoch`` the epoch besides. ``renews``:
    what creates a row also takes the place of one that has expired. ``locks``: those on locks.
    """

    def __init__(self, connection: BaseDatabaseWrapper, table: str) -> None:
        ops, features = connection.ops, connection.features
        if not features.supports_update_conflicts or connection.vendor not in _SAME:
            raise Misconfigured(
                f"{connection.display_name} cannot insert or update a row in one statement, which "
                "DatabaseCache needs; it works on PostgreSQL, MySQL, MariaDB and SQLite."
            )
        self._vendor = connection.vendor
        mysql = self._vendor == "mysql"
        self.renews = not mysql
        # SQLite has RETURNING from 3.35 on; MariaDB has it for DELETE, but not for UPDATE.
        self.tells = bool(features.can_return_columns_from_insert)
        self.counts = self.tells_epoch = self.tells and not mysql
        self.limit = min(_ROWS, getattr(features, "max_query_params", None) or _ROWS)
        self.lock = f" {ops.for_update_sql()}" if features.has_select_for_update else ""
        # A per cent sign in a name is doubled, for every statement is formatted with parameters.
        names = [ops.quote_name(name).replace("%", "%%") for name in (table, *KEY, *CONTENT)]
        self._table, self._space, self._name, self._value, self._expires, self._number = names
        # MySQL would take bytes for text; Django's own helper for it changed its shape in 6.1.
        self._binary = "_binary %s" if mysql else "%s"
        # SQLite keeps what it is given: also text that is none, and cannot be fetched as such.
        # And it takes a quoted name that is no column for text, but not behind the table's name.
        loose = self._vendor == "sqlite"
        self._data, self._raw_name = (
            f"CAST({name} AS BLOB)" if loose else name for name in (self._value, self._name)
        )
        self._content = f"{self._data}, {self._table}.{self._number}"
        self._beyond = f"{self._name} > {'CAST(%s AS TEXT)' if loose else '%s'}"
        self._finding()
        self._writing(models.BigIntegerField().cast_db_type(connection))
        self._counting()
        self._sweeping()
        self.locks = LockWords(self._vendor, self.tells, names, self._binary)

    def _finding(self) -> None:
        self._one = f"WHERE {self._space} = %s AND {self._name} = %s"
        same = f"{self._number} {_SAME[self._vendor]} %s"
        self._same = f"{self._one} AND {self._data} = {self._binary} AND {same}"
        self._live = f" AND ({self._expires} IS NULL OR {self._expires} > %s)"
        self._among = f"WHERE {self._space} = %s AND {self._name} IN "
        self._find = f"SELECT {self._name}, {self._content} FROM {self._table}"
        self._drop = f"DELETE FROM {self._table}"
        self.get = f"{self._find} {self._one}"
        self.drop_same = f"{self._drop} {self._same}"

    def _writing(self, whole: str | None) -> None:
        columns = (self._space, self._name, self._value, self._expires, self._number)
        # The casts are for a NULL, which PostgreSQL takes for text in a list of values.
        row = ("%s", "%s", self._binary, f"CAST(%s AS {whole})", f"CAST(%s AS {whole})")
        if self._vendor == "mysql":
            named = ", ".join(
                f"{value} AS {name}" for value, name in zip(row, columns, strict=True)
            )
            self._before, self._row, self._between = "", f"SELECT {named}", " UNION ALL "
            fresh, conflict = "fresh", "ON DUPLICATE KEY UPDATE"
            self._create, ignore = "INSERT IGNORE INTO", ""
        else:
            self._before, self._row, self._between = "VALUES ", f"({', '.join(row)})", ", "
            key = f"({self._space}, {self._name})"
            fresh, conflict = "EXCLUDED", f"ON CONFLICT {key} DO UPDATE SET"
            self._create, ignore = "INSERT INTO", f"ON CONFLICT {key} DO NOTHING"
        replaced = ", ".join(f"{name} = {fresh}.{name}" for name in columns[2:])
        self._into = f"{self._table} ({', '.join(columns)})"
        self._replace = f"{conflict} {replaced}"
        epoch = f"{self._one} AND {self._data} = {self._binary}"
        self._unmoved = f"WHERE EXISTS (SELECT 1 FROM {self._table} {epoch})"
        expired = f"{self._replace} WHERE {self._table}.{self._expires} <= %s"
        self.create = f"{self._create} {self._into} {self._fresh(1)} WHERE 1 = 1 {ignore}"
        self.create_if = (
            f"{self._create} {self._into} {self._fresh(1)} {self._unmoved} "
            f"{expired if self.renews else ''}"
        )
        content = f"{self._value} = {self._binary}, {self._expires} = %s, {self._number} = %s"
        self.swap = f"UPDATE {self._table} SET {content} {self._same}"

    def _counting(self) -> None:
        """Word how to count, where that can be told: by, space, name, least, most, now, epoch."""
        self._epoch = f"(SELECT {self._data} FROM {self._table} AS was {self._one})"
        self.add = (
            f"UPDATE {self._table} SET {self._number} = {self._number} + %s "
            f"{self._one} AND {self._number} BETWEEN %s AND %s{self._live} "
            f"RETURNING {self._content}, {self._epoch}"
        )

    def _sweeping(self) -> None:
        rows = f"FROM {self._table} WHERE {self._space} = %s AND {self._name} <> %s"
        self.empty = f"DELETE {rows}"
        self.count = f"SELECT COUNT(*) {rows}"
        self.measure = f"SELECT SUM(LENGTH({self._value})) {rows}"
        expired = f"FROM {self._table} WHERE {self._space} = %s AND {self._expires} <= %s"
        self.drop_expired = f"DELETE {expired}"
        self.count_expired = f"SELECT COUNT(*) {expired}"
        victims = f"SELECT {self._name}, LENGTH({self._value}) {rows} AND {self._expires}"
        self.soonest = f"{victims} IS NOT NULL ORDER BY {self._expires} LIMIT {_ROWS // 2}"
        self.lasting = f"{victims} IS NULL ORDER BY {self._name} LIMIT {_ROWS // 2}"
        walk = f"SELECT {self._raw_name}, {self._content} {rows} AND {self._beyond}{self._live}"
        self.walk = f"{walk} ORDER BY {self._name} LIMIT 100"
        span = f"FROM {self._table} WHERE {self._space} = %s AND {self._beyond}"
        span = f"{span} AND {self._name} < %s"
        self.span_size = f"SELECT COUNT(*) {span}"
        span = f"{span} ORDER BY {self._name} LIMIT {_ROWS // 2}"
        self.span = f"SELECT {self._raw_name}, {self._content} {span}"

    def read(self, names: int) -> str:
        """Return the query for so many live rows: space, names, now."""
        return f"{self._find} {self._among}({_marks(names)}){self._live}"

    def peek(self, names: int) -> str:
        """Return the query for so many rows, expired or not: space, names."""
        return f"{self._find} {self._among}({_marks(names)})"

    def drop(self, names: int) -> str:
        """Return the statement that removes so many rows: space, names.

        PostgreSQL deletes in the order in which rows lie there; so it is told to lock them in the
        order in which they are written, or a writer and a remover could wait for each other.
        """
        found = f"{self._among}({_marks(names)})"
        if self._vendor != "postgresql" or names == 1:
            return f"{self._drop} {found}"
        key = f"{self._space}, {self._name}"
        ordered = f"SELECT {key} FROM {self._table} {found} ORDER BY {self._name}{self.lock}"
        return f"{self._drop} WHERE ({key}) IN ({ordered})"

    def drop_scored(self, rows: int) -> str:
        """Return one that removes rows whose number still is what it was: space, name and number.

        One comparison for each, for the three databases agree on no other way to write it.
        """
        same = " OR ".join([f"({self._name} = %s AND {self._number} = %s)"] * rows)
        return f"{self._drop} WHERE {self._space} = %s AND ({same})"

    def take(self, names: int) -> str:
        """Return one that also tells what it removed: space, names; space, EPOCH if it tells it."""
        epoch = f", {self._epoch}" if self.tells_epoch else ""
        content = f"{self._name}, {self._content}{epoch}"
        return f"{self.drop(names)} RETURNING {content}"

    def write(self, rows: int) -> str:
        """Return the statement that writes so many rows: space, name and content of each."""
        return f"INSERT INTO {self._into} {self._fresh(rows)} WHERE 1 = 1 {self._replace}"

    def write_if(self, rows: int) -> str:
        """Return one that writes if the epoch is unmoved: the rows, space, EPOCH, its bytes."""
        return f"INSERT INTO {self._into} {self._fresh(rows)} {self._unmoved} {self._replace}"

    def _fresh(self, rows: int) -> str:
        return f"SELECT * FROM ({self._before}{self._between.join([self._row] * rows)}) AS fresh"


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)


def creation(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return the statements that make the table and its index."""
    longest = connection.ops.max_name_length()
    if longest and len(table.encode()) > longest:
        raise Misconfigured(
            f"{connection.display_name} takes names of at most {longest} bytes; "
            f"{table!r} is longer."
        )
    quote = connection.ops.quote_name
    columns = [_column(connection, name) for name in FIELDS]
    key = ", ".join(map(quote, KEY))
    index = truncate_name(f"{table}_expires", longest)
    lines = ",\n    ".join([*columns, f"PRIMARY KEY ({key})"])
    # PostgreSQL, as long as it knows little of a new table, would look for names by an index that
    # begins with the space; SQLite would not use one that does not.
    order = ["expires", "space"] if connection.vendor == "postgresql" else ["space", "expires"]
    return [
        f"CREATE TABLE {quote(table)} (\n    {lines}\n)",
        f"CREATE INDEX {quote(index)} ON {quote(table)} ({', '.join(map(quote, order))})",
    ]


def addition(connection: BaseDatabaseWrapper, table: str, missing: list[str]) -> list[str]:
    """Return the statements that add columns to a table of an older version."""
    quoted = connection.ops.quote_name(table)
    return [f"ALTER TABLE {quoted} ADD COLUMN {_column(connection, name)}" for name in missing]


def _column(connection: BaseDatabaseWrapper, name: str) -> str:
    field = FIELDS[name]
    null = "NULL" if field.null else "NOT NULL"
    return f"{connection.ops.quote_name(name)} {field.db_type(connection)} {null}"
