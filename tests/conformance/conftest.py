"""Every test here runs over the whole table of stores, with the blocking and the awaited face."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.placing import placed
from tests.stores import BY_NAME, ROWS, Row


@pytest.fixture(params=[row.name for row in ROWS])
def row(request: pytest.FixtureRequest) -> Row:
    return BY_NAME[request.param]


@pytest.fixture
def configured(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Row]:
    """Make the row's store the default alias, empty."""
    with placed(row, request, tmp_path):
        yield row
