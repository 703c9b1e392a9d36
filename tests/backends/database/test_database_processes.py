"""The database store between processes: real ones, on a real file."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from .helping import config, database, tables, workers


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Any]:
    """Let four processes do a job at once on the cache that is the default here, too."""
    path = tmp_path_factory.mktemp("shared") / "disk.sqlite3"
    with (
        django_db_blocker.unblock(),
        database("disk", path),
        tables(default=config()),
        workers(path) as ask,
    ):
        yield ask


def test_they_count_exactly(together: Any) -> None:
    caches["default"].set("n", 0)

    assert together("count") == ["done"] * 4
    assert caches["default"].get("n") == 4 * 200


def test_add_has_one_winner(together: Any) -> None:
    won = " ".join(together("win")).split()

    assert sorted(map(int, won)) == list(range(50))


def test_pull_has_one_winner(together: Any) -> None:
    caches["default"].set_many({f"prize{race}": race for race in range(50)})

    won = " ".join(together("pull")).split()

    assert sorted(map(int, won)) == list(range(50))
