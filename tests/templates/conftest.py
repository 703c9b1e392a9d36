"""Every store of the table as the default alias, for templates to keep fragments in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from django_cachekit import cache
from tests.stores import BY_NAME, ROWS


@pytest.fixture(params=[row.name for row in ROWS])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over each store in turn."""
    row = BY_NAME[request.param]
    if row.needs:
        request.getfixturevalue("db")
    server = request.getfixturevalue(row.server) if row.server else None
    with override_settings(CACHES=row.caches(tmp_path, server)):
        if row.needs == "django table":
            call_command("createcachetable", verbosity=0)
        if row.needs == "table":
            call_command("cache_table", verbosity=0)
        yield cache


ARRAY = "django_cachekit.backends.array.ArrayCache"


@pytest.fixture
def array(tmp_path: Path) -> Iterator[Any]:
    """Give the facade over two stores in memory: ``default`` and ``other``."""
    caches = {
        "default": {"BACKEND": ARRAY, "LOCATION": str(tmp_path)},
        "other": {"BACKEND": ARRAY, "LOCATION": str(tmp_path / "other")},
    }
    with override_settings(CACHES=caches):
        yield cache
