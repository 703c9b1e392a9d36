"""Where a cache table lies, and how statements are run there without harm to anyone."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from django.core.cache.backends.db import Options
from django.db import (
    DatabaseError,
    OperationalError,
    ProgrammingError,
    connections,
    router,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ...core import clock
from ...core.faces import BLOCKING, run_now
from ...errors import Misconfigured
from ..tables import Made
from .words import COLUMNS, Sql, creation

T = TypeVar("T")
Work = Callable[[CursorWrapper, Sql], T]

PATIENCE = 1.0
"""Seconds in which a lock that SQLite tells of at once, without waiting, is tried again."""

PAUSE = 0.005
"""Seconds between two such tries."""

UNHARMED = {"sqlite", "mysql"}
"""The databases in which a statement that failed leaves the transaction around it usable."""

NO_NAME = ("no such table", "no such column", "has no column", "1054")
"""What SQLite says of a name it does not know, and MySQL's number for a column.

Other databases, and MySQL for tables, raise a ProgrammingError.
"""


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
        return connections[self.database or router.db_for_write(self.model)]

    def run(self, connection: BaseDatabaseWrapper, work: Work[T]) -> T:
        """Return ``work(cursor, sql)``; inside a caller's transaction an error leaves that usable.

        ``work`` may be run again where SQLite refused to wait for a lock. A table that is not
        there, or not one of ours, is a ``Misconfigured`` that says what to do.
        """
        started = clock.monotonic()
        while True:
            try:
                with _savepoint(connection), connection.cursor() as cursor:
                    return work(cursor, self._worded(connection))
            except (OperationalError, ProgrammingError) as error:
                late = clock.monotonic() - started >= PATIENCE
                if late or not _is_worth_a_retry(connection, error):
                    self._explain(connection, error)
                    raise
            run_now(BLOCKING.sleep(PAUSE))

    def create(self, database: str | None, dry_run: bool) -> Made:
        """Make the table unless it is there, where the settings and routers want it."""
        chosen: str = database or self.database or router.db_for_write(self.model)
        if chosen not in connections:
            raise Misconfigured(f"CACHES[{self.alias!r}]: there is no database {chosen!r}.")
        allowed = router.allow_migrate_model(chosen, self.model)
        if not allowed or (self.database or chosen) != chosen:
            return Made(self.table, chosen, "elsewhere")
        connection = connections[chosen]
        if self._is_there(connection):
            return Made(self.table, chosen, "exists")
        statements = tuple(creation(connection, self.table))
        if dry_run:
            return Made(self.table, chosen, "planned", statements)
        return Made(self.table, chosen, self._create(connection, statements), statements)

    def _create(self, connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> str:
        savepoint = connection.features.can_rollback_ddl
        try:
            with (
                transaction.atomic(using=connection.alias, savepoint=savepoint),
                connection.cursor() as cursor,
            ):
                for statement in statements:
                    cursor.execute(statement)
        except DatabaseError:
            # Another process may have made it in the meantime, which is as good.
            if not self._is_there(connection):
                raise
            return "exists"
        return "created"

    def _worded(self, connection: BaseDatabaseWrapper) -> Sql:
        sql = self._sql.get(connection.alias)
        if sql is None:
            sql = self._sql[connection.alias] = Sql(connection, self.table)
        return sql

    def _is_there(self, connection: BaseDatabaseWrapper) -> bool:
        """Tell whether the table exists; one with other columns than ours is an error."""
        with connection.cursor() as cursor:
            if self.table not in connection.introspection.table_names(cursor):
                return False
            found = connection.introspection.get_table_description(cursor, self.table)
        if not {column.name for column in found} >= COLUMNS:
            raise Misconfigured(
                f"CACHES[{self.alias!r}]: the table {self.table!r} has other columns than "
                "cache_table makes; name another one in LOCATION, and run: manage.py cache_table"
            )
        return True

    def _explain(self, connection: BaseDatabaseWrapper, error: DatabaseError) -> None:
        """Raise a message to the developer if the table is what is wrong."""
        if not _is_about_a_name(error):
            return
        try:
            there = self._is_there(connection)
        except DatabaseError:
            # The database cannot even be asked: the first error says more than this one.
            return
        if not there:
            raise Misconfigured(
                f"CACHES[{self.alias!r}]: there is no table {self.table!r} in the database "
                f"{connection.alias!r}; make it by: manage.py cache_table {self.alias}"
            ) from error


def _savepoint(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    if connection.in_atomic_block and connection.vendor not in UNHARMED:
        return transaction.atomic(using=connection.alias)
    return nullcontext()


def _is_worth_a_retry(connection: BaseDatabaseWrapper, error: DatabaseError) -> bool:
    # In a transaction the lock will not come free before that transaction ends.
    locked = connection.vendor == "sqlite" and "locked" in str(error)
    return locked and not connection.in_atomic_block


def _is_about_a_name(error: DatabaseError) -> bool:
    unknown = any(said in str(error) for said in NO_NAME)
    return unknown or isinstance(error, ProgrammingError)
