"""Every store of the table as the default alias, for views to keep their responses in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory, override_settings

from django_cachekit import cache
from tests.placing import placed
from tests.stores import BY_NAME, ROWS

ARRAY = "django_cachekit.backends.array.ArrayCache"


@pytest.fixture(params=[row.name for row in ROWS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over each store in turn."""
    with placed(BY_NAME[request.param], request, tmp_path):
        yield cache


@pytest.fixture
def array(tmp_path: Path) -> Iterator[Any]:
    """Give the facade over two stores in memory: ``default`` and ``other``."""
    caches = {
        "default": {"BACKEND": ARRAY, "LOCATION": str(tmp_path)},
        "other": {"BACKEND": ARRAY, "LOCATION": str(tmp_path / "other")},
    }
    with override_settings(CACHES=caches):
        yield cache


@pytest.fixture
def rf() -> RequestFactory:
    """Make requests."""
    return RequestFactory()


class Counter:
    """Count how often a view has run."""

    def __init__(self) -> None:
        self.number = 0

    def next(self) -> str:
        self.number += 1
        return str(self.number)
