"""A process that is killed between the commit and the flush: what the outbox is for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from django_cachekit import cache
from tests.stores import OURS

from .conftest import file

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.parametrize(
    ("disk", "shared"), [("sqlite", "file"), ("postgresql", "redis")], indirect=True
)


@pytest.fixture
def shared(
    request: pytest.FixtureRequest, disk: dict[str, Any], tmp_path: Path
) -> Iterator[dict[str, Any]]:
    """Have a row, and what was computed from it in a store that processes share."""
    config = file(tmp_path)
    if request.param == "redis":
        server = request.getfixturevalue("redis")
        config = {
            "BACKEND": OURS + "redis.RedisCache",
            "LOCATION": server.location,
            "OPTIONS": {"STORE_ID": str(tmp_path)},
        }
    with override_settings(CACHES={"default": config}, CACHEKIT={"OUTBOX": "disk"}):
        call_command("migrate", "django_cachekit", database="disk", verbosity=0)
        with connections["disk"].cursor() as cursor:
            cursor.execute("CREATE TABLE facts (said varchar(10))")
            cursor.execute("INSERT INTO facts VALUES ('old')")
        assert page() == "old"
        yield {"CACHES": {"default": config}, "DATABASES": {"default": disk}}


def said() -> str:
    """Return what the row says."""
    with connections["disk"].cursor() as cursor:
        cursor.execute("SELECT said FROM facts")
        return str(cursor.fetchone()[0])


def page() -> str:
    """Return what the site serves: it is computed from the row, and kept."""
    return str(cache.tags("facts").remember("page", 600, said))


def run(settings: dict[str, Any], moment: str, outbox: bool) -> int:
    """Have another process change the row and flush, and return how it ended."""
    given = {**settings, "CACHEKIT": {"OUTBOX": outbox}}
    command = [sys.executable, "-m", "tests.transactions.dying", json.dumps(given), moment]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=env, timeout=120, check=False).returncode


def outbox_run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command, and return what it did."""
    capsys.readouterr()
    call_command("cache_outbox", format="json")
    return json.loads(capsys.readouterr().out)


def test_killed_between_commit_and_flush(
    shared: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shared, "between", outbox=True) == -signal.SIGKILL
    assert (said(), page()) == ("new", "old")

    (done,) = outbox_run(capsys)
    assert (done["store"], done["state"], done["rows"]) == ("default", "flushed", 1)
    assert page() == "new"
    assert page() == "new"
    assert outbox_run(capsys) == []


def test_without_an_outbox_the_old_would_be_served_for_ever(
    shared: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same again, so that the test above is seen to be able to fail."""
    assert run(shared, "between", outbox=False) == -signal.SIGKILL

    assert outbox_run(capsys) == []
    assert (said(), page()) == ("new", "old")


def test_killed_before_the_commit(
    shared: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shared, "before", outbox=True) == -signal.SIGKILL

    assert outbox_run(capsys) == []
    assert (said(), page()) == ("old", "old")


def test_killed_after_the_flush(shared: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shared, "after", outbox=True) == -signal.SIGKILL
    assert (said(), page()) == ("new", "new")

    (done,) = outbox_run(capsys)
    assert (done["state"], done["rows"]) == ("flushed", 1)
    assert (page(), outbox_run(capsys)) == ("new", [])


def test_not_killed_at_all(shared: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(shared, "never", outbox=True) == 0

    assert (page(), outbox_run(capsys)) == ("new", [])
