"""SQL servers as entries of Django's ``DATABASES``, added while tests run."""

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pymysql
from django.db import connections

# It comes as a wheel, which Django's own choice, mysqlclient, does not; and it speaks the same.
pymysql.install_as_MySQLdb()


lock = threading.Lock()


@contextmanager
def entry(alias: str, **settings: Any) -> Iterator[None]:
    """Have one more entry in ``DATABASES``."""
    connections.settings[alias] = {**copy.deepcopy(connections.settings["default"]), **settings}
    try:
        with closed_in_the_end():
            yield
    finally:
        with suppress(AttributeError):  # this thread never asked for it
            del connections[alias]
        del connections.settings[alias]


@contextmanager
def closed_in_the_end() -> Iterator[None]:
    """Close also those connections that threads opened and left open when they ended."""
    made: list[tuple[threading.Thread, Any]] = []
    create = connections.create_connection

    def close(which: Callable[[threading.Thread], bool]) -> None:
        for pair in [pair for pair in made if which(pair[0])]:
            made.remove(pair)
            if pair[1].connection is not None:
                # Not by Django's wrapper, which may only be used in its own thread, and no loop.
                pair[1].connection.close()
                pair[1].connection = None

    def creating(alias: str) -> Any:
        connection = create(alias)
        with lock:
            close(lambda thread: not thread.is_alive())
            made.append((threading.current_thread(), connection))
        return connection

    connections.create_connection = creating  # type: ignore[method-assign]  # until the end
    try:
        yield
    finally:
        connections.create_connection = create  # type: ignore[method-assign]  # as it was
        close(lambda thread: True)


def drop_tables(alias: str) -> None:
    """Drop all tables of a database."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name).replace('%', '%%')}", [])


@contextmanager
def database(alias: str, settings: dict[str, Any]) -> Iterator[None]:
    """Have a server's database as an entry, without tables when it ends."""
    with entry(alias, **settings):
        yield
        drop_tables(alias)
