"""Every test here runs over the whole table of stores, with the blocking and the awaited face."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings

from tests.stores import BY_NAME, ROWS, Row


@pytest.fixture(params=[row.name for row in ROWS])
def row(request: pytest.FixtureRequest) -> Row:
    return BY_NAME[request.param]


@pytest.fixture
def configured(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Row]:
    """Make the row's store the default alias, empty."""
    if row.needs:
        request.getfixturevalue("db")
    with override_settings(CACHES=row.caches(tmp_path)):
        if row.needs == "django table":
            call_command("createcachetable", verbosity=0)
        if row.needs == "table":
            call_command("cache_table", verbosity=0)
        yield row
