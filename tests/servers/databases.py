"""SQL servers as entries of Django's ``DATABASES``, added while tests run."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymysql
from django.db import connections

# It comes as a wheel, which Django's own choice, mysqlclient, does not; and it speaks the same.
pymysql.install_as_MySQLdb()


@contextmanager
def entry(alias: str, **settings: Any) -> Iterator[None]:
    """Have one more entry in ``DATABASES``."""
    connections.settings[alias] = {**copy.deepcopy(connections.settings["default"]), **settings}
    try:
        yield
    finally:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


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
