"""The example site loads its data, passes its own tests, and proves what it promises."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from .conftest import SITE, Manage

FEW = ("--min-population", "15000")
PAGE = re.compile(r"^(/\S*)\s+([\d,.]+) ms\s+([\d,.]+) ms\s+[\d,]+ \S$", re.MULTILINE)


def test_the_tests_of_the_site_pass(manage: Manage) -> None:
    run = manage("test", "--verbosity", "1")
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.search(r"Ran (\d+) tests", run.stderr)
    assert counted is not None
    assert int(counted[1]) > 40, run.stderr


def test_no_migration_is_missing_and_no_check_complains(manage: Manage) -> None:
    for command in (
        ("makemigrations", "--check", "--dry-run"),
        ("check", "--fail-level", "WARNING"),
    ):
        run = manage(*command)
        assert run.returncode == 0, run.stdout + run.stderr


def test_demo_check_proves_the_site(manage: Manage, var: Path) -> None:
    run = manage("demo", "--check", *FEW)
    assert run.returncode == 0, run.stdout + run.stderr
    times = {
        path: (_ms(without), _ms(cached)) for path, without, cached in PAGE.findall(run.stdout)
    }
    assert len(times) == 7, run.stdout
    assert times["/records/"][0] > 5 * times["/records/"][1], run.stdout
    ratio = re.search(r"Hit ratio ([\d.]+)%", run.stdout)
    assert ratio is not None
    assert float(ratio[1]) > 50
    assert re.search(r"was renamed: ([1-9]) of \1 pages", run.stdout), run.stdout
    assert _cities(var) > 20_000


def test_demo_runs_again_and_loads_nothing_twice(manage: Manage, var: Path) -> None:
    for command in (("migrate", "--verbosity", "0"), ("load_places", *FEW)):
        manage(*command)
    before = _cities(var)
    run = manage("load_places", *FEW)
    assert run.returncode == 0, run.stderr
    assert "0 cities" in run.stdout
    assert _cities(var) == before > 20_000


def test_what_the_site_writes_lies_in_a_folder_git_ignores(manage: Manage) -> None:
    assert manage("check").returncode == 0
    assert "var/" in (SITE / ".gitignore").read_text().split()


def test_keys_are_for_their_owner_and_no_plain_value_is_on_disk(manage: Manage, var: Path) -> None:
    assert manage("demo", "--check", *FEW).returncode == 0
    keys = sorted(var.glob("*.key"))
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}
    assert len(keys) == 3
    files = [path for path in (var / "cache").rglob("*") if path.is_file()]
    assert files
    readable = [path for path in files if b"Shanghai" in path.read_bytes()]
    assert readable == []


def _ms(text: str) -> float:
    return float(text.replace(",", ""))


def _cities(var: Path) -> int:
    with closing(sqlite3.connect(var / "meridian.sqlite3")) as database:
        count: int = database.execute("SELECT count(*) FROM places_city").fetchone()[0]
    return count
