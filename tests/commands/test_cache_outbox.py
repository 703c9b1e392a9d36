"""``cache_outbox``: what it flushes, what it says, and with what it ends."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from django_cachekit import cache
from django_cachekit.models import PendingFlush

from .conftest import Run, file


def broken(root: Path) -> dict[str, Any]:
    """Return the entry of a store that is down: a file is where its directory should be."""
    (root / "no directory").write_text("")
    return file(root / "no directory")


@pytest.fixture
def queued(db: None, tmp_path: Path) -> Iterator[None]:
    """Have flushes for a store, and an entry that the first of them takes."""
    aliases = {"default": file(tmp_path), "down": broken(tmp_path)}
    with override_settings(CACHES=aliases, CACHEKIT={"OUTBOX": True}):
        cache.tags("a").put("k", 1)
        PendingFlush.of("default", "any", ["a", "b"]).save()
        PendingFlush.of("default", "any", ["b"]).save()
        yield


pytestmark = pytest.mark.usefixtures("queued")


def test_it_flushes_and_empties(run: Run) -> None:
    ended = run("cache_outbox")

    assert (ended.code, ended.err) == (0, "")
    assert [line.split() for line in ended.lines] == [
        ["store", "match", "state", "rows", "tags"],
        ["default", "any", "flushed", "2", "2"],
    ]
    assert cache.get("k") is None
    assert run("cache_outbox").out == "The outbox is empty.\n"
    assert run("cache_outbox", "--format", "json").json == []


def test_a_dry_run_leaves_all(run: Run) -> None:
    ended = run("cache_outbox", "--dry-run", "--format", "json")

    assert ended.code == 0
    assert [(fact["state"], fact["rows"]) for fact in ended.json] == [("planned", 2)]
    assert (cache.get("k"), PendingFlush.objects.count()) == (1, 2)


def test_one_that_fails_ends_with_1_and_stops_no_other(run: Run) -> None:
    PendingFlush.of("down", "any", ["a"]).save()
    PendingFlush.of("a gone one", "any", ["a"]).save()
    ended = run("cache_outbox", "--format", "json")

    assert ended.code == 1
    assert [(fact["store"], fact["state"]) for fact in ended.json] == [
        ("a gone one", "unknown"),
        ("default", "flushed"),
        ("down", "failed"),
    ]
    assert "CACHES has no alias 'a gone one'" in ended.err
    assert "down: Misconfigured" in ended.err
    assert "2 parts of the outbox are left" in ended.err
    assert cache.get("k") is None
    assert PendingFlush.objects.count() == 2


def test_rows_for_what_is_gone_are_dropped_when_it_is_said(run: Run) -> None:
    PendingFlush.of("a gone one", "any", ["a"]).save()
    ended = run("cache_outbox", "--drop-unknown", "--format", "json")

    assert ended.code == 0
    assert [fact["state"] for fact in ended.json] == ["dropped", "flushed"]
    assert PendingFlush.objects.count() == 0


def test_only_one_store_and_what_is_old(run: Run) -> None:
    PendingFlush.objects.update(created=timezone.now() - timedelta(seconds=10))
    assert run("cache_outbox", "--older-than", "20", "--format", "json").json == []
    assert run("cache_outbox", "--store", "down", "--format", "json").json == []
    ended = run("cache_outbox", "--store", "default", "--older-than", "5", "--format", "json")
    assert [fact["rows"] for fact in ended.json] == [2]


def test_wrong_use_ends_with_2(run: Run) -> None:
    ended = run("cache_outbox", "--store", "nowhere")
    assert ended.code == 2
    assert "nowhere" in ended.err
    assert run("cache_outbox", "--older-than", "soon").code == 2


def test_a_missing_table_ends_with_1(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {PendingFlush._meta.db_table}")
    ended = run("cache_outbox")
    assert ended.code == 1
    assert "pendingflush" in ended.err
