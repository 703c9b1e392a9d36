"""The table of Django's own DatabaseCache, as far as its entries have to be taken over from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from ...codecs import Unreadable
from ...codecs.legacy import Legacy
from ...core.faces import Face
from ...errors import Misconfigured
from ..legacy import Left
from .place import Place
from .rows import parts
from .words import Sql


class OldTable:
    """Reach the rows of a table that ``createcachetable`` made, in the database of a ``place``."""

    def __init__(self, place: Place, table: str, legacy: Legacy) -> None:
        self.place = place
        self.table = table
        self.legacy = legacy
        self._is_there = False

    async def find(self, face: Face, texts: Sequence[str]) -> Mapping[str, Left]:
        """Return what lies under these keys, in one query."""
        connection = self.place.writer()
        self._expect(connection)

        def work(cursor: CursorWrapper, sql: Sql) -> list[Any]:
            rows: list[Any] = []
            for part in parts(texts, sql.limit // 2):
                where, values = _among(connection, part)
                cursor.execute(
                    f"SELECT cache_key, value, expires FROM {self._name(connection)} WHERE {where}",  # noqa: S608  # a quoted name and placeholders
                    values,
                )
                rows += cursor.fetchall()
            return rows

        return {
            text: Left(self._value(value), _left(connection, expires), value)
            for text, value, expires in self.place.run(connection, work)
        }

    async def claim(self, face: Face, text: str, token: Any) -> bool:
        """Delete a row if it is still the one that was found."""
        return self._delete([text], " AND value = %s", token) == 1

    async def drop(self, face: Face, texts: Sequence[str]) -> None:
        """Delete the rows of these keys."""
        self._delete(texts)

    def _delete(self, texts: Sequence[str], more: str = "", *token: Any) -> int:
        connection = self.place.writer()
        self._expect(connection)

        def work(cursor: CursorWrapper, sql: Sql) -> int:
            gone = 0
            for part in parts(texts, sql.limit // 2):
                where, values = _among(connection, part)
                cursor.execute(
                    f"DELETE FROM {self._name(connection)} WHERE {where}{more}",  # noqa: S608  # as above
                    [*values, *token],
                )
                gone += cursor.rowcount
            return gone

        return self.place.run(connection, work)

    def _name(self, connection: BaseDatabaseWrapper) -> str:
        return str(connection.ops.quote_name(self.table)).replace("%", "%%")

    def _value(self, text: str) -> Any:
        try:
            return self.legacy.database(text)
        except Unreadable as unreadable:
            return unreadable

    def _expect(self, connection: BaseDatabaseWrapper) -> None:
        """Raise a message to the developer if there is no such table; asked once."""
        if self._is_there:
            return

        def work(cursor: CursorWrapper, sql: Sql) -> list[str]:
            return connection.introspection.table_names(cursor)

        if self.table not in self.place.run(connection, work):
            raise Misconfigured(
                f"CACHES[{self.place.alias!r}]: READ_LEGACY names a table {self.table!r}, which is "
                f"not in the database {connection.alias!r}."
            )
        self._is_there = True


def _among(connection: BaseDatabaseWrapper, texts: Sequence[str]) -> tuple[str, list[str]]:
    """Return the condition for rows of exactly these keys, and its values.

    MySQL compares text as its collation does, by default without regard to case.
    """
    marks = ", ".join(["%s"] * len(texts))
    where = f"cache_key IN ({marks})"
    if connection.vendor != "mysql":
        return where, list(texts)
    exact = ", ".join(["CAST(%s AS BINARY)"] * len(texts))
    return f"{where} AND CAST(cache_key AS BINARY) IN ({exact})", [*texts, *texts]


def _left(connection: BaseDatabaseWrapper, expires: Any) -> float | None:
    """Return the seconds a row has left, read as Django itself reads it; None for ever."""
    field = models.DateTimeField()
    expression: Any = models.Expression(output_field=field)
    for convert in [
        *connection.ops.get_db_converters(expression),
        *expression.get_db_converters(connection),
    ]:
        expires = convert(expires, expression, connection)
    if expires.year >= 9999:
        return None
    now = timezone.now()
    if timezone.is_naive(expires):
        now = timezone.make_naive(now)
    return float((expires - now).total_seconds())
