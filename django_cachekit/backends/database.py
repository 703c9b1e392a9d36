"""A table in one of the project's own databases, through Django's connections."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import connections

from .. import conf
from ..codecs import Chain, build, classes
from ..codecs.legacy import Legacy, wanted
from ..core.faces import Face
from ..core.operation import Operation, Record
from ..core.remedies import by
from ..errors import Misconfigured
from ..layers.base import Driver
from .base import Names, StoreCache, record_text
from .bytestore import Bytes
from .indexing import Rack
from .legacy import Adoption
from .sql.bounds import ENTRIES, Bounds
from .sql.faults import Undone
from .sql.index import Notes
from .sql.legacy import OldTable
from .sql.locks import RowLocks
from .sql.place import Place
from .sql.table import Table
from .tables import Made


class Rows(Bytes):
    """Drive a table."""

    far = True
    locks: RowLocks

    def __init__(self, alias: str, sender: type, names: Names, table: Table, chain: Chain) -> None:
        super().__init__(alias, sender, names, table, chain)
        self.table = table
        space = chain.name(record_text(Record("locks", names.prefix))).hex()[:32]
        self.locks = RowLocks(table.place, space)

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value, MISSING or UNSURE; or raise what undid the caller's transaction."""
        try:
            return super().quick(key, version, tags, told)
        except Undone as undone:
            raise undone.error from None

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation; what undid the caller's transaction comes as it is.

        No answer in its place would do: the caller's own work is lost, and has to be done again.
        """
        try:
            return await super().perform(face, op)
        except Undone as undone:
            raise undone.error from None

    async def do_prune(self, face: Face, op: Operation) -> int:
        """Remove what is too old or too much, and locks that nobody has had for long, uncounted."""
        await self.locks.sweep(face)
        return await super().do_prune(face, op)

    def make_rack(self) -> Rack:
        """Return the rows that tell which keys bear a tag."""
        return Notes(self.table)

    @property
    def shared(self) -> bool:  # type: ignore[override]  # elsewhere it is fixed
        """Tell whether other processes see what is written now: not before a transaction ends."""
        return not self.table.place.writer().in_atomic_block

    @property
    def transactional(self) -> str:
        """Return the alias in ``DATABASES`` whose transactions take along what is written here."""
        return self.table.place.home()

    def create_table(self, database: str | None = None, dry_run: bool = False) -> Made:
        """Make the table unless it is there; ``manage.py cache_table`` calls this."""
        return self.table.place.create(database, dry_run)


class DatabaseCache(StoreCache):
    """Keep entries in a table: SQLite, PostgreSQL, MySQL or MariaDB.

    ``LOCATION`` names the table; ``manage.py cache_table`` makes it. Aliases that differ in
    ``STORE_ID`` or ``KEY_PREFIX`` may share one, and are flushed apart. ``OPTIONS``: ``DATABASE``,
    those of the codecs, ``MAX_ENTRIES`` (100,000) and ``MAX_BYTES`` (None: no bound). On average
    once in 1,000 writes, or in ``MAX_ENTRIES`` / 20 if that is less, the bounds are looked at.

    The database is the one that ``DATABASE_ROUTERS`` choose for the app ``django_cache``, as with
    Django's own backend for writing, unless ``DATABASE`` names one. Reads go there too, never to a
    replica, which would serve what was flushed until it has caught up.

    **Transactions.** A cache in the database that the application writes to takes part in its
    transactions: what is set, counted, removed or flushed inside ``transaction.atomic()`` is seen
    by others when that ends, and undone, a flush too, when it rolls back. Where that is not wanted,
    give the cache a connection of its own: an alias of ``DATABASES``, named by ``DATABASE``. On
    SQLite, which has one writer at a time, that must be another file. An error of the cache
    leaves the transaction around it usable. What undoes that transaction (a lost connection; on
    MySQL and MariaDB a deadlock too) is raised as Django's own error, by every verb.
    """

    @staticmethod
    def cachekit_table(
        alias: str, location: str, options: Mapping[str, Any], databases: Collection[str]
    ) -> str | None:
        """Say what is wrong with the table, if its database may be asked; a system check does."""
        place = Place(alias, location, options.get("DATABASE"))
        return place.trouble() if place.home() in databases else None

    def connect(self, alias: str) -> Driver:
        """Return the driver over this configuration's table."""
        chain = build(self.options, store_id=alias, secret_keys=conf.secret_keys())
        place = Place(alias, _table(alias, self.location), _database(alias, self.options))
        bounds = Bounds(
            _bound(alias, self.options, "MAX_ENTRIES", ENTRIES),
            _bound(alias, self.options, "MAX_BYTES", None),
        )
        # Made like a key's name, so that the table tells neither prefix nor STORE_ID.
        space = chain.name(record_text(Record("space", self.key_prefix))).hex()[:32]
        driver = Rows(alias, type(self), Names(self), Table(place, space, bounds), chain)
        driver.legacy = _legacy(alias, self.options, place)
        return driver


def _legacy(alias: str, options: Mapping[str, Any], place: Place) -> Adoption | None:
    names = wanted(alias, options)
    if not names:
        return None
    _, colon, table = names[0].partition(":")
    if len(names) > 1 or not colon or not table:
        raise Misconfigured(
            f"CACHES[{alias!r}]: READ_LEGACY is ['django:TABLE'] here: the one table that "
            "Django's own DatabaseCache kept."
        )
    return Adoption(alias, OldTable(place, table, Legacy(classes(options))))


def _table(alias: str, location: Any) -> str:
    if not isinstance(location, str) or not location:
        raise Misconfigured(
            f"CACHES[{alias!r}]: DatabaseCache needs a table's name in LOCATION; write one, and "
            f"make it by: {by(f'cache_table {alias}')}"
        )
    if any(char in location for char in '"`\0'):
        raise Misconfigured(
            f"CACHES[{alias!r}]: LOCATION is a table's name; it cannot hold \", ` or NUL."
        )
    return location


def _database(alias: str, options: Mapping[str, Any]) -> str | None:
    database = options.get("DATABASE")
    if database is not None and database not in connections:
        raise Misconfigured(
            f"CACHES[{alias!r}]: DATABASE names {database!r}, which is not in DATABASES: "
            f"{', '.join(map(repr, connections))}."
        )
    return None if database is None else str(database)


def _bound(alias: str, options: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = options.get(name, default)
    if value is not None and (type(value) is not int or value < 1):
        raise Misconfigured(f"CACHES[{alias!r}]: {name} is a whole number from 1, not {value!r}.")
    return value
