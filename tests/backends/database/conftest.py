"""A cache in a table of a real database of each kind, for the tests of the database store."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymysql
import pytest
from django.core.cache import caches
from django.db import connections

from django_cachekit.backends.sql import bounds

from .helping import Look, config, entry, sqlite, tables

pymysql.install_as_MySQLdb()


@pytest.fixture
def never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no write look at the bounds by chance: queries are counted here."""
    monkeypatch.setattr(bounds.random, "random", lambda: 1.0)


def _settings(request: pytest.FixtureRequest, path: Path) -> dict[str, Any]:
    if request.param == "sqlite":
        return sqlite(path)
    found: dict[str, Any] = request.getfixturevalue(request.param).settings
    return found


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def look(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> Iterator[Look]:
    """Give a database with no table in it, as the alias ``disk``."""
    path = tmp_path / "disk.sqlite3"
    settings = _settings(request, path)
    with ExitStack() as stack:
        stack.enter_context(django_db_blocker.unblock())
        stack.enter_context(entry("look", **settings))
        stack.enter_context(entry("disk", **settings))
        found = Look(path)
        yield found
        connections["disk"].close()
        found.drop()


@pytest.fixture
def cache(look: Look) -> Iterator[Any]:
    """Give a cache in a table of that database, as the alias ``default``."""
    with tables(default=config()):
        yield caches["default"]
