"""The database store between processes: real ones, on a real database."""

from typing import Any

from django.core.cache import caches

from .helping import PROCESSES


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
