"""The rows of the outbox: written with the data they follow from, removed when they are done.

They lie in one database: the one that ``DATABASE_ROUTERS`` write to, or that ``CACHEKIT["OUTBOX"]``
names.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import OperationalError, ProgrammingError, connections, router
from django.db.backends.base.base import BaseDatabaseWrapper

from .. import conf
from ..errors import Misconfigured, StoreUnavailable
from ..layers.pending import in_transaction

log = logging.getLogger("django_cachekit")

queued: list[Callable[[], Any]] = []
"""What is to be called when a flush was queued that nobody is going to carry out by himself."""


def model() -> Any:
    """Return the model of its rows; without the app there is none, which is Misconfigured."""
    try:
        return apps.get_model("django_cachekit", "PendingFlush")
    except LookupError as error:
        raise Misconfigured(
            'CACHEKIT["OUTBOX"] needs "django_cachekit" in INSTALLED_APPS, and: manage.py migrate'
        ) from error


def database() -> str | None:
    """Return the alias of the database it lies in, or None where there is no outbox."""
    wanted = conf.get("OUTBOX")
    if not wanted:
        return None
    if wanted is True:
        return router.db_for_write(model())
    if wanted not in connections:
        raise Misconfigured(f'CACHEKIT["OUTBOX"] names {wanted!r}, which is not in DATABASES.')
    return str(wanted)


def note(
    connection: BaseDatabaseWrapper, alias: str, match: str, tags: Sequence[str]
) -> tuple[Any, ...]:
    """Write down, in the transaction of ``connection``, what is to be flushed when it commits.

    Nothing is where it has no outbox, or is to be rolled back. Returns the rows' keys.
    """
    if database() != connection.alias or connection.needs_rollback:
        return ()
    return (_written(connection.alias, alias, match, tags),)


def done(rows: Iterable[Any]) -> None:
    """Remove the rows of what was carried out; one that stays is carried out once more, later."""
    keys, where = list(rows), database()
    if not keys or where is None:
        return
    try:
        model()._base_manager.using(where).filter(pk__in=keys).delete()
    except DatabaseError as error:
        log.warning("cache outbox: done, but not removed: %s", type(error).__name__)


def keep(alias: str, match: str, tags: Sequence[str], error: StoreUnavailable) -> None:
    """Queue what could not be carried out now, or raise ``error`` where that is not certain."""
    where = database()
    if where is None:
        raise error
    connection = connections[where]
    if connection.in_atomic_block and in_transaction(connection):
        # That may yet be rolled back, and would take the row along.
        raise error
    try:
        _written(where, alias, match, tags)
    except (DatabaseError, Misconfigured) as trouble:
        raise error from trouble
    left(alias, error)


def left(alias: str, error: StoreUnavailable) -> None:
    """Say that a flush is left to the outbox."""
    log.warning("cache %r: a flush of tags is left to the outbox: %s", alias, error)
    for call in queued:
        call()


def _written(database: str, alias: str, match: str, tags: Sequence[str]) -> Any:
    row = model().of(alias, match, tags)
    try:
        # In bulk, since a save would be heard by every receiver of the project's.
        model()._base_manager.using(database).bulk_create([row])
    except (OperationalError, ProgrammingError) as error:
        # Whether it is there cannot be asked any more, in a transaction that has failed.
        if model()._meta.db_table in str(error):
            raise Misconfigured(
                f'CACHEKIT["OUTBOX"]: the table in the database {database!r} is not there, or of '
                f"another version; run: manage.py migrate django_cachekit --database {database}"
            ) from error
        raise
    return row.pk
