"""Stores of several kinds, in force as the default alias."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.placing import placed
from tests.stores import BY_NAME

STORES = ["array", "locmem", "file", "database", "redis", "postgresql"]


@pytest.fixture(params=STORES)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Have each of the stores as the default alias, empty; gives its name."""
    with placed(BY_NAME[request.param], request, tmp_path / "store"):
        yield request.param


@pytest.fixture
def array(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Have a memory as the default alias, empty."""
    with placed(BY_NAME["array"], request, tmp_path / "store"):
        yield
