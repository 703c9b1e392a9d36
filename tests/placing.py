"""Having the store of a row: its server started, its database there, its table made."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from django.core.management import call_command
from django.test import override_settings

from tests.servers.databases import database
from tests.stores import Row

SQL = {"postgresql", "mariadb"}
"""Servers that a row reaches by an alias of ``DATABASES`` with the same name."""


@contextmanager
def placed(row: Row, request: pytest.FixtureRequest, root: Path) -> Iterator[Row]:
    """Have the row's store as the default alias, empty."""
    server = request.getfixturevalue(row.server) if row.server else None
    with ExitStack() as clean:
        if row.server in SQL:
            # Not the fixture "db": what threads write has to be there for others.
            clean.enter_context(request.getfixturevalue("django_db_blocker").unblock())
            clean.enter_context(database(row.server, server.settings))
        elif row.needs:
            request.getfixturevalue("db")
        clean.enter_context(mock.patch.dict(os.environ, getattr(server, "environment", {})))
        clean.enter_context(override_settings(CACHES=row.caches(root, server)))
        make_tables(row)
        yield row


def make_tables(row: Row) -> None:
    """Make the tables that the configured store needs."""
    if row.needs == "django table":
        call_command("createcachetable", verbosity=0)
    if row.needs == "table":
        call_command("cache_table", verbosity=0)
