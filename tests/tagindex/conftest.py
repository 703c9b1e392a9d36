"""Stores that were asked to keep an index of their tags."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.testing.faced import Faced
from django_cachekit.testing.heard import Heard, listening
from tests.placing import placed
from tests.stores import BY_NAME, ROWS, Row

LISTING = [row.name for row in ROWS if "list" in row.can]
"""The rows that can list what they hold, and so can say which keys bear a tag."""


def indexed(row: Row, **options: Any) -> Row:
    """Return the row with an index of its tags."""

    def config(root: Path) -> dict[str, Any]:
        given = dict(row.config(root))
        return {**given, "OPTIONS": {**given.get("OPTIONS", {}), "TAG_INDEX": True, **options}}

    return replace(row, config=config)


@pytest.fixture(params=LISTING)
def row(request: pytest.FixtureRequest) -> Row:
    """Return one store that lists, with an index."""
    return indexed(BY_NAME[request.param])


@pytest.fixture
def configured(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Row]:
    """Make the row's store the default alias, empty."""
    with placed(row, request, tmp_path):
        cache.flush()
        yield row


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Hear every signal of a call on keys."""
    with listening() as heard:
        yield heard


@pytest.fixture(params=["sync", "async"])
def store(configured: Row, request: pytest.FixtureRequest) -> Faced:
    """Return the facade over the row's store, by one face."""
    return Faced(cache, request.param)
