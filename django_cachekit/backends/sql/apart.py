"""A connection beside the one a thread has, for what must not wait for its transaction to end."""

from weakref import WeakKeyDictionary, finalize

from django.db.backends.base.base import BaseDatabaseWrapper

from .ears import Ear, another

_beside: WeakKeyDictionary[BaseDatabaseWrapper, Ear] = WeakKeyDictionary()


def committing(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a connection to the same database on which each statement is seen at once.

    It is the given one, unless that is in a transaction. SQLite has one writer, which would wait
    for itself there: its statements stay in the transaction.
    """
    if connection.vendor == "sqlite":
        return connection
    if not connection.in_atomic_block and connection.get_autocommit():
        return connection
    return beside(connection).wrapper


def beside(connection: BaseDatabaseWrapper) -> Ear:
    """Return the one that stands beside a connection, until that is closed."""
    found = _beside.get(connection)
    if found is None:
        found = _beside[connection] = Ear(another(connection))
        _close_together(connection, found)
    return found


def _close_together(connection: BaseDatabaseWrapper, ear: Ear) -> None:
    """Close the other one with the first, however Django, or a test, comes to do that.

    Or when it is dropped unclosed, as by a thread that ends.
    """
    close, other = connection.close, ear.wrapper

    def both() -> None:
        other.close()
        close()

    finalize(connection, ear.drop).atexit = False
    connection.close = both  # type: ignore[method-assign]  # a wrapper tells nobody that it closes
