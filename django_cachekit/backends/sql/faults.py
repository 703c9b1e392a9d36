"""What an error of a database means: for the connection, for the transaction, for the next try.

PostgreSQL says what happened by an SQLSTATE, which its client leaves out where the connection
broke; MySQL and MariaDB by a number, of which those from 2000 on are the client's; SQLite by words.
"""

from typing import Any

from django.db import Error, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

_NO_NAME = {
    "sqlite": ("no such table", "no such column", "has no column"),
    "postgresql": ("42P01", "42703"),
    "mysql": (1146, 1054),
}
"""How a database says that it does not know a table or a column."""

_AGAIN = {"40001", "40P01"}  # a serialization failure, a deadlock
_DEADLOCK = 1213
_CHANGED = 1020  # MariaDB's serialization failure
_SHUT = ("08", "57P0")  # a connection broke; the server goes down or has ended this connection
_CLIENT = range(2000, 3000)
_TOO_LONG = {1153, 1159, 1161}  # a packet too large, or late: MySQL then closes the connection


class ConnectionLost(OperationalError):
    """The connection broke when something had been asked: perhaps it was done, perhaps not."""


class Undone(Exception):
    """The database has rolled back the transaction around the call: ``error`` says why.

    It is no error of the database's, so that nothing between takes it for a store that is down.
    """

    def __init__(self, error: Error) -> None:
        super().__init__(type(error).__name__)
        self.error = error


def is_about_a_name(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Tell whether the database does not know a table or a column."""
    known = _NO_NAME[connection.vendor]
    if connection.vendor == "sqlite":
        return any(str(said) in str(error) for said in known)
    return _number(error) in known or _state(error) in known


def is_lost(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Tell whether the error is that of a connection which is no more."""
    if connection.vendor == "postgresql":
        state = _state(error)
        if state is not None:
            return state.startswith(_SHUT)
        return isinstance(error, (InterfaceError, OperationalError))
    if connection.vendor == "mysql":
        number = _number(error)
        # PyMySQL says 0 of a connection that it has closed itself.
        return number in _CLIENT or number in _TOO_LONG or isinstance(error, InterfaceError)
    return False


def is_passing(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Tell whether the same may go well at once: nothing of it was done, others were in the way."""
    if connection.vendor == "postgresql":
        return _state(error) in _AGAIN
    if connection.vendor == "mysql":
        return _number(error) in (_DEADLOCK, _CHANGED)
    return "locked" in str(error)


def settle(connection: BaseDatabaseWrapper, error: Error) -> None:
    """Leave no broken connection behind, and let no transaction go on that is undone already.

    Such a one would end as if nothing had happened, without what the caller did in it: ``Undone``.
    """
    if connection.in_atomic_block:
        if _is_undone(connection, error):
            connection.needs_rollback = True
            raise Undone(error) from error
    elif is_lost(connection, error):
        connection.close()


def _is_undone(connection: BaseDatabaseWrapper, error: Error) -> bool:
    """Tell whether the database has rolled the whole transaction back by itself."""
    if connection.vendor == "sqlite":
        # A full disk does so, for one.
        return not getattr(connection.connection, "in_transaction", True)
    deadlock = connection.vendor == "mysql" and _number(error) == _DEADLOCK
    return deadlock or is_lost(connection, error)


def _state(error: Error) -> str | None:
    cause: Any = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _number(error: Error) -> int | None:
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else None
