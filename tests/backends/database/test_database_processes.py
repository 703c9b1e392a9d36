"""The database store between processes: real ones, on a real database."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connections

from .helping import Look, config, tables, workers

PROCESSES = 8


@pytest.fixture
def together(look: Look) -> Iterator[Any]:
    """Let eight processes do a job at once on the cache that is the default here, too."""
    disk = connections.settings["disk"]
    settings = {name: disk.get(name, "") for name in ("ENGINE", "NAME", "USER", "HOST", "PORT")}
    settings["OPTIONS"] = disk["OPTIONS"]
    with tables(default=config()), workers(settings, PROCESSES) as ask:
        yield ask


def test_they_count_exactly(together: Any) -> None:
    caches["default"].set("n", 0)

    assert together("count") == ["done"] * PROCESSES
    assert caches["default"].get("n") == PROCESSES * 200


def test_add_has_one_winner(together: Any) -> None:
    won = " ".join(together("win")).split()

    assert sorted(map(int, won)) == list(range(50))


def test_pull_has_one_winner(together: Any) -> None:
    caches["default"].set_many({f"prize{race}": race for race in range(50)})

    won = " ".join(together("pull")).split()

    assert sorted(map(int, won)) == list(range(50))


def test_writers_of_the_same_many_do_not_lock_each_other_out(together: Any) -> None:
    assert together("overlap") == ["0"] * PROCESSES
