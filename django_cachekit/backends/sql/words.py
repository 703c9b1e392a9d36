"""The statements on one cache table, in the words of each database that Django speaks to.

::

    space    varchar(32)   stands for STORE_ID and KEY_PREFIX  | primary key
    name     varchar(64)   stands for a key, or is EPOCH       |
    value    binary        a sealed or signed entry, or the number of the epoch
    expires  bigint        Unix ms; null for what never does   (index: space, expires)
"""
# ruff: noqa: S608  # built from quoted identifiers and placeholders only; values are parameters

import math
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import truncate_name
from django.db.models.constants import OnConflict

from ...errors import Misconfigured

EPOCH = "epoch"
"""The name of the row that holds a space's epoch; no key's name is like it, being 64 hex digits."""

KEY = ["space", "name"]
CONTENT = ["value", "expires"]
COLUMNS = {*KEY, *CONTENT}

_GUARDED = {"sqlite", "postgresql"}
_ROWS = 1000  # at most in one statement: its text has to be parsed, too
_LATEST = 2**63 - 1  # the largest number in a bigint


class Sql:
    """Word the statements on one table for one kind of database.

    It keeps no connection, so threads may share it. ``guarded``: whether one statement can write
    rows on the condition that the epoch is what it was.
    """

    def __init__(self, connection: BaseDatabaseWrapper, table: str) -> None:
        ops, features = connection.ops, connection.features
        if not features.supports_update_conflicts:
            raise Misconfigured(
                f"{connection.display_name} cannot insert or update a row in one statement, which "
                "DatabaseCache needs; it works on PostgreSQL, MySQL, MariaDB and SQLite."
            )
        self.guarded = connection.vendor in _GUARDED
        self.limit = min(_ROWS, getattr(features, "max_query_params", None) or _ROWS)
        self.lock = f" {ops.for_update_sql()}" if features.has_select_for_update else ""
        # A per cent sign in a name is doubled, for every statement is formatted with parameters.
        names = [ops.quote_name(name).replace("%", "%%") for name in (table, *KEY, *CONTENT)]
        self._table, self._space, self._name, self._value, self._expires = names
        # MySQL would take bytes for text; Django's own helper for it changed its shape in 6.1.
        self._binary = "_binary %s" if connection.vendor == "mysql" else "%s"
        # SQLite keeps what it is given: also text that is none, and cannot be fetched as such.
        loose = connection.vendor == "sqlite"
        self._data, self._raw_name = (
            f"CAST({name} AS BLOB)" if loose else name for name in (self._value, self._name)
        )
        self._beyond = f"{self._name} > {'CAST(%s AS TEXT)' if loose else '%s'}"
        self._writing(connection)
        self._finding()
        self._sweeping()

    def _writing(self, connection: BaseDatabaseWrapper) -> None:
        ops = connection.ops
        columns = f"({self._space}, {self._name}, {self._value}, {self._expires})"
        # The cast is for a NULL, which PostgreSQL takes for text in a list of values.
        whole = models.BigIntegerField().cast_db_type(connection)
        self._row = f"(%s, %s, {self._binary}, CAST(%s AS {whole}))"
        self._insert = f"{ops.insert_statement()} {self._table} {columns}"
        self._replace = ops.on_conflict_suffix_sql([], OnConflict.UPDATE, CONTENT, KEY)
        insert = ops.insert_statement(on_conflict=OnConflict.IGNORE)
        ignore = ops.on_conflict_suffix_sql([], OnConflict.IGNORE, [], KEY)
        self.create = f"{insert} {self._table} {columns} VALUES {self._row} {ignore}"

    def _finding(self) -> None:
        one = f"WHERE {self._space} = %s AND {self._name} = %s"
        same = f"{one} AND {self._data} = {self._binary}"
        self._live = f" AND ({self._expires} IS NULL OR {self._expires} > %s)"
        self._among = f"WHERE {self._space} = %s AND {self._name} IN "
        self._unmoved = f"EXISTS (SELECT 1 FROM {self._table} {same})"
        self._find = f"SELECT {self._name}, {self._data} FROM {self._table}"
        self._drop = f"DELETE FROM {self._table}"
        self.get = f"{self._find} {one}"
        self.drop_same = f"{self._drop} {same}"
        content = f"{self._value} = {self._binary}, {self._expires} = %s"
        self.swap = f"UPDATE {self._table} SET {content} {same}"

    def _sweeping(self) -> None:
        rows = f"FROM {self._table} WHERE {self._space} = %s AND {self._name} <> %s"
        self.empty = f"DELETE {rows}"
        self.count = f"SELECT COUNT(*) {rows}"
        self.measure = f"SELECT SUM(LENGTH({self._value})) {rows}"
        self.drop_expired = f"{self._drop} WHERE {self._space} = %s AND {self._expires} <= %s"
        victims = f"SELECT {self._name}, LENGTH({self._value}) {rows} AND {self._expires}"
        self.soonest = f"{victims} IS NOT NULL ORDER BY {self._expires} LIMIT {_ROWS // 2}"
        self.lasting = f"{victims} IS NULL ORDER BY {self._name} LIMIT {_ROWS // 2}"
        walk = f"SELECT {self._raw_name}, {self._data} {rows} AND {self._beyond}{self._live}"
        self.walk = f"{walk} ORDER BY {self._name} LIMIT 100"

    def read(self, names: int) -> str:
        """Return the query for so many live rows: space, names, now."""
        return f"{self._find} {self._among}({_marks(names)}){self._live}"

    def peek(self, names: int) -> str:
        """Return the query for so many rows, expired or not: space, names."""
        return f"{self._find} {self._among}({_marks(names)})"

    def drop(self, names: int) -> str:
        """Return the statement that removes so many rows: space, names."""
        return f"{self._drop} {self._among}({_marks(names)})"

    def write(self, rows: int) -> str:
        """Return the statement that writes so many rows: space, name, value, expires of each."""
        return f"{self._insert} VALUES {self._rows(rows)} {self._replace}"

    def write_if(self, rows: int) -> str:
        """Return one that writes if the epoch is unmoved: the rows, space, EPOCH, its bytes."""
        fresh = f"SELECT * FROM (VALUES {self._rows(rows)}) AS fresh"
        return f"{self._insert} {fresh} WHERE {self._unmoved} {self._replace}"

    def _rows(self, rows: int) -> str:
        return ", ".join([self._row] * rows)


def to_ms(seconds: float) -> int:
    """Return Unix milliseconds, rounded up: a row never goes before its entry has expired."""
    return min(math.ceil(seconds * 1000), _LATEST)


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)


def creation(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    """Return the statements that make the table and its index."""
    quote = connection.ops.quote_name
    fields: dict[str, models.Field[Any, Any]] = {
        "space": models.CharField(max_length=32),
        "name": models.CharField(max_length=64),
        "value": models.BinaryField(),
        "expires": models.BigIntegerField(null=True),
    }
    columns = [
        f"{quote(name)} {field.db_type(connection)} {'NULL' if field.null else 'NOT NULL'}"
        for name, field in fields.items()
    ]
    key = ", ".join(map(quote, KEY))
    index = truncate_name(f"{table}_expires", connection.ops.max_name_length())
    lines = ",\n    ".join([*columns, f"PRIMARY KEY ({key})"])
    return [
        f"CREATE TABLE {quote(table)} (\n    {lines}\n)",
        f"CREATE INDEX {quote(index)} ON {quote(table)} ({quote('space')}, {quote('expires')})",
    ]
