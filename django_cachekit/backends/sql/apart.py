"""A connection beside the one a thread has, for what must not wait for its transaction to end."""

from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper

_beside: WeakKeyDictionary[BaseDatabaseWrapper, BaseDatabaseWrapper] = WeakKeyDictionary()


def committing(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a connection to the same database on which each statement is seen at once.

    It is the given one, unless that is in a transaction; then one of its own stands beside it, at
    most one for each, until that is closed. SQLite has one writer, which would wait for itself
    there: its statements stay in the transaction.
    """
    if connection.vendor == "sqlite":
        return connection
    if not connection.in_atomic_block and connection.get_autocommit():
        return connection
    found = _beside.get(connection)
    if found is None:
        found = _beside[connection] = another(connection)
        _close_together(connection, found)
    return found


def another(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return what opens a second connection to where this one goes, a test's database too."""
    made = connection.copy()
    made.settings_dict["AUTOCOMMIT"] = True
    # One of a pool may never come: those who have the others wait for this one.
    made.settings_dict.get("OPTIONS", {}).pop("pool", None)
    return made


def _close_together(connection: BaseDatabaseWrapper, other: BaseDatabaseWrapper) -> None:
    """Close the other one with the first, however Django, or a test, comes to do that."""
    close = connection.close

    def both() -> None:
        other.close()
        close()

    connection.close = both  # type: ignore[method-assign]  # a wrapper tells nobody that it closes
