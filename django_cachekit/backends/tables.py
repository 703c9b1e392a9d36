"""Making the tables that stores need, for every alias whose store needs one."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError

from .. import conf
from ..errors import CacheKitError, NotSupported
from ..layers.ground import driver_of


class Made(NamedTuple):
    """Tell what became of one table.

    ``state`` is ``created``, ``altered`` (it was of an older version), ``exists``, ``planned`` (a
    dry run: ``statements`` are what would be run) or ``elsewhere`` (the settings want it in
    another database than this).
    """

    table: str
    database: str
    state: str
    statements: tuple[str, ...] = ()


Maker = Callable[[str | None, bool], Made]
FAULTS = (CacheKitError, ImproperlyConfigured, ImportError, OSError, DatabaseError)


def maker_of(alias: str) -> Maker | None:
    """Return the driver's ``create_table(database, dry_run)``, or None if its store needs none."""
    return getattr(driver_of(alias), "create_table", None)


def create_tables(
    aliases: Iterable[str] = (), database: str | None = None, dry_run: bool = False
) -> dict[str, Made | Exception]:
    """Make the tables that are not there, and tell for each alias what became of its own.

    Without ``aliases``, those of every alias whose store needs one; an alias that is named and
    needs none is a ``NotSupported``. An error stands in the answer and does not stop the others.
    """
    named = list(aliases)
    made: dict[str, Made | Exception] = {}
    for alias in named or conf.caches():
        result = _try(alias, database, dry_run, wanted=bool(named))
        if isinstance(result, Made) and result.state == "planned" and result in made.values():
            result = result._replace(state="exists", statements=())
        if result is not None:
            made[alias] = result
    return made


def _try(alias: str, database: str | None, dry_run: bool, wanted: bool) -> Made | Exception | None:
    try:
        make = maker_of(alias)
        if make is None and wanted:
            raise NotSupported(f"CACHES[{alias!r}]: this store needs no table.")
        return make(database, dry_run) if make is not None else None
    except FAULTS as error:
        return error
