"""A cache in a table of a real SQLite file, for the tests of the database store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit.backends.sql import bounds

from .helping import Look, config, database, tables


@pytest.fixture
def never_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no write look at the bounds by chance: queries are counted here."""
    monkeypatch.setattr(bounds.random, "random", lambda: 1.0)


@pytest.fixture
def look(tmp_path: Path, django_db_blocker: Any) -> Iterator[Look]:
    """Give a database file with no table in it, as the alias ``disk``."""
    with django_db_blocker.unblock(), database("disk", tmp_path / "disk.sqlite3"):
        yield Look(tmp_path / "disk.sqlite3")


@pytest.fixture
def cache(look: Look) -> Iterator[Any]:
    """Give a cache in a table of that file, as the alias ``default``."""
    with tables(default=config()):
        yield caches["default"]
