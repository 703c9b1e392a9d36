"""Warmers of a test's own, and stores for them to fill."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from django_cachekit import cache, warming
from tests.stores import BY_NAME, ROWS, Row


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Start without warmers."""
    known: dict[str, Any] = {}
    monkeypatch.setattr(warming, "_registry", known)
    return known


def configured(row: Row, request: pytest.FixtureRequest, root: Path) -> Iterator[Any]:
    """Make a row's store the default alias."""
    if row.needs:
        request.getfixturevalue("db")
    server = request.getfixturevalue(row.server) if row.server else None
    with override_settings(CACHES=row.caches(root, server)):
        if row.needs == "django table":
            call_command("createcachetable", verbosity=0)
        if row.needs == "table":
            call_command("cache_table", verbosity=0)
        yield cache


@pytest.fixture(params=[row.name for row in ROWS])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over each store of the table in turn."""
    yield from configured(BY_NAME[request.param], request, tmp_path)


@pytest.fixture(params=["array", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over a store in memory, and over one that processes share."""
    yield from configured(BY_NAME[request.param], request, tmp_path)


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over a store that processes share."""
    yield from configured(BY_NAME["file"], request, tmp_path)
