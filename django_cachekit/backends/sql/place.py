"""Where a cache table lies, and how statements are run there without harm to anyone."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from django.core.cache.backends.db import Options
from django.db import DatabaseError, Error, connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.faces import BLOCKING, run_now
from ...core.remedies import by
from ...errors import Misconfigured
from ..tables import Made
from .faults import ConnectionLost, is_about_a_name, is_lost, is_passing, settle
from .words import FIELDS, LATER, Sql, addition, creation

T = TypeVar("T")
Work = Callable[[CursorWrapper, Sql], T]

PATIENCE = {"sqlite": 1.0, "postgresql": 5.0, "mysql": 5.0}
"""Seconds in which a statement that another one was in the way of is tried again.

SQLite has waited before it says so, as long as ``timeout`` in its OPTIONS; PostgreSQL takes a
second to see a deadlock.
"""

PAUSE = 0.005
"""Seconds between two such tries, on average."""

UNHARMED = {"sqlite", "mysql"}
"""The databases in which a statement that failed leaves the transaction around it usable."""


class Place:
    """Find the database of one table as Django's own DatabaseCache does, and run statements there.

    That is, the routers are asked about a model ``CacheEntry`` of the app ``django_cache``, unless
    ``database`` names an alias of ``DATABASES``. ``alias`` is the cache's, for messages.
    """

    def __init__(self, alias: str, table: str, database: str | None = None) -> None:
        self.alias = alias
        self.table = table
        self.database = database
        self.model: Any = type("CacheEntry", (), {"_meta": Options(table)})
        self._sql: dict[str, Sql] = {}

    def writer(self) -> BaseDatabaseWrapper:
        """Return this thread's connection; for reads too, since a replica is late with a flush."""
        return connections[self.home()]

    def home(self) -> str:
        """Return the alias of the database in which the table lies."""
        found: str = self.database or router.db_for_write(self.model)
        return found

    def run(self, connection: BaseDatabaseWrapper, work: Work[T]) -> T:
        """Return ``work(cursor, sql)``; inside a caller's transaction an error leaves that usable.

        ``work`` may be run again where a deadlock, or SQLite's lock, undid it. A table that is not
        there, or not one of ours, is a ``Misconfigured`` that says what to do. A connection that
        breaks is closed, so that the next call gets another.
        """
        started = clock.monotonic()
        while True:
            asked = False
            try:
                with _savepoint(connection), connection.cursor() as cursor:
                    sql, asked = self.worded(connection), True
                    return work(cursor, sql)
            except Error as error:
                settle(connection, error)
                late = clock.monotonic() - started >= PATIENCE[connection.vendor]
                # In a transaction, what is in the way will not go before that transaction ends.
                if late or connection.in_atomic_block or not is_passing(connection, error):
                    self._explain(connection, error)
                    if asked and is_lost(connection, error):
                        raise ConnectionLost(type(error).__name__) from error
                    raise
            run_now(BLOCKING.sleep(PAUSE * (0.5 + random.random())))  # noqa: S311  # no secret

    def create(self, database: str | None, dry_run: bool) -> Made:
        """Make the table unless it is there, where the settings and routers want it."""
        chosen: str = database or self.database or router.db_for_write(self.model)
        if chosen not in connections:
            there = ", ".join(map(repr, connections))
            text = f"there is no database {chosen!r}; DATABASES has {there}."
            raise Misconfigured(f"CACHES[{self.alias!r}]: {text}")
        allowed = router.allow_migrate_model(chosen, self.model)
        if not allowed or (self.database or chosen) != chosen:
            return Made(self.table, chosen, "elsewhere")
        connection = connections[chosen]
        missing = self._missing(connection)
        if missing == []:
            return Made(self.table, chosen, "exists")
        if missing is None:
            state, statements = "created", creation(connection, self.table)
        else:
            state, statements = "altered", addition(connection, self.table, missing)
        if dry_run:
            return Made(self.table, chosen, "planned", tuple(statements))
        if not self._change(connection, statements):
            return Made(self.table, chosen, "exists")
        return Made(self.table, chosen, state, tuple(statements))

    def _change(self, connection: BaseDatabaseWrapper, statements: Sequence[str]) -> bool:
        """Run the statements; False if another process has done so in the meantime."""
        savepoint = connection.features.can_rollback_ddl
        try:
            with (
                transaction.atomic(using=connection.alias, savepoint=savepoint),
                connection.cursor() as cursor,
            ):
                for statement in statements:
                    cursor.execute(statement)
        except DatabaseError:
            if self._missing(connection) != []:
                raise
            return False
        return True

    def worded(self, connection: BaseDatabaseWrapper) -> Sql:
        """Return the statements in the words of a database."""
        sql = self._sql.get(connection.alias)
        if sql is None:
            sql = self._sql[connection.alias] = Sql(connection, self.table)
        return sql

    def _missing(self, connection: BaseDatabaseWrapper) -> list[str] | None:
        """Return the columns that an older table lacks, or None if there is no table.

        A table with other columns than ours is an error.
        """
        with connection.cursor() as cursor:
            if self.table not in connection.introspection.table_names(cursor):
                return None
            found = connection.introspection.get_table_description(cursor, self.table)
        missing = [name for name in FIELDS if name not in {column.name for column in found}]
        if not set(missing) <= set(LATER):
            raise Misconfigured(
                f"CACHES[{self.alias!r}]: the table {self.table!r} has other columns than "
                "cache_table makes; name another one in LOCATION, and run: manage.py cache_table"
            )
        return missing

    def trouble(self) -> str | None:
        """Say what is wrong with the table, or return None; also where that cannot be asked."""
        try:
            missing = self._missing(self.writer())
        except Misconfigured as wrong:
            return str(wrong).partition(": ")[2]
        except Error:
            return None
        if missing is None:
            return f"there is no table {self.table!r} in the database {self.home()!r}."
        return f"its table {self.table!r} lacks {', '.join(missing)}." if missing else None

    def _explain(self, connection: BaseDatabaseWrapper, error: Error) -> None:
        """Raise a message to the developer if the table is what is wrong."""
        if not is_about_a_name(connection, error):
            return
        try:
            missing = self._missing(connection)
        except Error:
            # The database cannot even be asked: the first error says more than this one.
            return
        where = f"the database {connection.alias!r}"
        remedy = by(f"cache_table {self.alias}")
        if missing is None:
            raise Misconfigured(
                f"CACHES[{self.alias!r}]: there is no table {self.table!r} in {where}; "
                f"make it by: {remedy}"
            ) from error
        if missing:
            raise Misconfigured(
                f"CACHES[{self.alias!r}]: the table {self.table!r} in {where} was made by an older "
                f"version, and lacks {', '.join(missing)}; add what is missing by: {remedy}"
            ) from error


def _savepoint(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    if connection.in_atomic_block and connection.vendor not in UNHARMED:
        return transaction.atomic(using=connection.alias)
    return nullcontext()
