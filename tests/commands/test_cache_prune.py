"""``cache_prune``: what goes, what is said, and with what it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings

from tests.conftest import Clock

from .conftest import TABLELESS, Run, file

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
ARRAY = {"BACKEND": "django_cachekit.backends.array.ArrayCache"}


def table(**options: Any) -> dict[str, Any]:
    """Return the entry of a table, in which nothing is pruned by chance."""
    backend = "django_cachekit.backends.database.DatabaseCache"
    return {"BACKEND": backend, "LOCATION": "prune_test", "OPTIONS": options}


@pytest.fixture
def filled(db: None, tmp_path: Path, clock: Clock) -> Iterator[None]:
    """Have three entries of which one expired in a table, and more than its bound in another."""
    aliases = {
        "default": table(),
        "small": table(MAX_ENTRIES=3),
        "disk": file(tmp_path),
        "memory": LOCMEM,
        "array": ARRAY,
    }
    with override_settings(CACHES=aliases):
        call_command("cache_table", verbosity=0)
        for alias in ("default", "small"):
            caches[alias].cachekit_driver.table.bounds.dice = lambda: float("inf")
        for alias in ("default", "disk"):
            caches[alias].set("old", 1, 5)
            caches[alias].set_many({"a": 1, "b": 2}, 600)
        caches["small"].set_many({str(number): 1 for number in range(10)}, 600)
        clock.advance(6)
        yield


def entries(alias: str) -> int:
    return sum(1 for _ in caches[alias].cachekit_driver.engine.scan())


def rows() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM prune_test WHERE name <> 'epoch'")
        return int(cursor.fetchone()[0])


@pytest.mark.usefixtures("filled")
def test_it_prunes_every_alias_that_needs_it(run: Run) -> None:
    assert rows() == 13
    ended = run("cache_prune", "--format", "json")

    assert (ended.code, ended.err) == (0, "")
    assert {fact["alias"]: fact["entries"] for fact in ended.json} == {
        "default": 1,
        "small": 7,
        "disk": 1,
    }
    assert {fact["state"] for fact in ended.json} == {"pruned"}
    assert rows() == 5
    again = run("cache_prune", "--format", "json")
    assert {fact["entries"] for fact in again.json} == {0}


@pytest.mark.usefixtures("filled")
def test_it_is_a_table_for_people(run: Run) -> None:
    ended = run("cache_prune", "small", "default")

    assert [line.split() for line in ended.lines] == [
        ["alias", "state", "entries"],
        ["small", "pruned", "7"],
        ["default", "pruned", "1"],
    ]
    assert run("cache_prune", "--verbosity", "0").out == ""


@pytest.mark.usefixtures("filled")
def test_a_dry_run_tells_and_leaves_all(run: Run) -> None:
    ended = run("cache_prune", "--dry-run", "--format", "json")

    assert ended.code == 0
    assert {fact["alias"]: fact["entries"] for fact in ended.json} == {
        "default": 1,
        "small": 7,
        "disk": None,  # it would have to walk all files
    }
    assert {fact["state"] for fact in ended.json} == {"planned"}
    assert rows() == 13
    assert entries("disk") == 3


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("alias", ["memory", "nowhere"])
def test_wrong_use_ends_with_2(run: Run, alias: str) -> None:
    ended = run("cache_prune", alias)

    assert ended.code == 2
    assert alias in ended.err
    assert rows() == 13


@pytest.mark.usefixtures("filled")
def test_an_alias_in_the_memory_of_a_process_only_when_named(run: Run) -> None:
    ended = run("cache_prune", "array", "--format", "json")

    assert ended.code == 0
    assert "in the memory of one process" in ended.err


def test_one_failure_ends_with_1_and_does_not_stop_the_others(run: Run, filled: None) -> None:
    aliases = {"broken": {**table(), "LOCATION": "no_such"}, "default": table()}
    with override_settings(CACHES=aliases):
        ended = run("cache_prune", "--format", "json")

        assert ended.code == 1
        assert "cache_table broken" in ended.err
        assert [(fact["alias"], fact["state"]) for fact in ended.json] == [
            ("broken", "failed"),
            ("default", "pruned"),
        ]
        assert rows() == 12


def test_nothing_to_do_is_said(run: Run) -> None:
    with override_settings(CACHES={"default": LOCMEM, "table": TABLELESS}):
        ended = run("cache_prune")

    assert (ended.code, ended.err) == (0, "")
    assert "No alias in CACHES needs to be pruned." in ended.out
