"""The example site loads its data, passes its own tests, and proves what it promises."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .conftest import SITE, Manage, Start, address_of

FEW = ("--min-population", "15000")
PAGE = re.compile(r"^(/\S*)\s+([\d,.]+) ms\s+([\d,.]+) ms\s+[\d,]+ \S$", re.MULTILINE)


@pytest.fixture(scope="module")
def checked(manage: Manage) -> subprocess.CompletedProcess[str]:
    """Run the demo's check once, from an empty folder."""
    return manage("demo", "--check", *FEW)


def test_demo_check_ends_well(checked: subprocess.CompletedProcess[str]) -> None:
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert re.search(r"was renamed: ([1-9]) of \1 pages", checked.stdout), checked.stdout


def test_demo_check_measures_every_page(checked: subprocess.CompletedProcess[str]) -> None:
    times = {
        path: (_ms(without), _ms(with_)) for path, without, with_ in PAGE.findall(checked.stdout)
    }
    assert len(times) == 7, checked.stdout
    assert times["/records/"][0] > 5 * times["/records/"][1], checked.stdout
    ratio = re.search(r"Hit ratio ([\d.]+)%", checked.stdout)
    assert ratio is not None
    assert float(ratio[1]) > 50


@pytest.mark.usefixtures("checked")
def test_data_is_loaded_once(manage: Manage, var: Path) -> None:
    before = _cities(var)
    again = manage("load_places", *FEW)
    assert again.returncode == 0, again.stderr
    assert "0 cities" in again.stdout
    assert _cities(var) == before
    assert before > 20_000


@pytest.mark.usefixtures("checked")
def test_keys_are_for_their_owner_and_nothing_on_disk_can_be_read(var: Path) -> None:
    keys = sorted(var.glob("*.key"))
    assert len(keys) == 3
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}
    files = [path for path in (var / "cache").rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if b"Shanghai" in path.read_bytes()] == []


@pytest.mark.usefixtures("checked")
def test_demo_serves_until_it_is_interrupted(start: Start) -> None:
    with start("demo", *FEW) as process:
        try:
            address = address_of(process)
            assert b"city by city" in _fetch(address)
            assert b"--paper" in _fetch(f"{address}static/places/site.css")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    # Interrupted, the server leaves its socket to the end of the process, which may warn of it.
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_tests_of_the_site_pass(manage: Manage) -> None:
    run = manage("test", "--verbosity", "1")
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.search(r"Ran (\d+) tests", run.stderr)
    assert counted is not None
    assert int(counted[1]) > 40, run.stderr


def test_no_migration_is_missing_and_no_check_complains(manage: Manage) -> None:
    migrations = manage("makemigrations", "--check", "--dry-run")
    assert migrations.returncode == 0, migrations.stdout
    checks = manage("check", "--fail-level", "WARNING")
    assert checks.returncode == 0, checks.stderr


def test_what_the_site_writes_is_not_in_git() -> None:
    assert "var/" in (SITE / ".gitignore").read_text().split()


def _fetch(address: str) -> bytes:
    parts = urlsplit(address)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=30)) as connection:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        assert response.status == 200, address
        return response.read()


def _ms(text: str) -> float:
    return float(text.replace(",", ""))


def _cities(var: Path) -> int:
    with closing(sqlite3.connect(var / "meridian.sqlite3")) as database:
        count: int = database.execute("SELECT count(*) FROM places_city").fetchone()[0]
    return count
