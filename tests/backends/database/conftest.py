"""A cache in a table of a real database of each kind, for the tests of the database store."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit.backends.sql import bounds

from .helping import PROCESSES, Look, config, disk, sqlite, tables, workers


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
    with django_db_blocker.unblock(), disk(settings, path) as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def together(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Any]:
    """Let eight processes do a job at once on the cache that is the default here, too."""
    path = tmp_path_factory.mktemp("shared") / "disk.sqlite3"
    settings = _settings(request, path)
    with (
        django_db_blocker.unblock(),
        disk(settings, path),
        tables(default=config()),
        workers(settings, PROCESSES) as ask,
    ):
        yield ask


@pytest.fixture
def cache(look: Look) -> Iterator[Any]:
    """Give a cache in a table of that database, as the alias ``default``."""
    with tables(default=config()):
        yield caches["default"]
