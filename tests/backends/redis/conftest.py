"""A Redis with nothing in it, and an alias on it."""

from collections.abc import Iterator
from typing import Any

import pytest

from .helping import SEALED, alone, client


@pytest.fixture
def empty(redis: Any) -> Any:
    """Give the server, with nothing in it."""
    with client(redis) as raw:
        raw.config_set("maxmemory", 0)
        raw.flushall()
        raw.script_flush()
    return redis


@pytest.fixture(params=["signed", "sealed"])
def store(request: pytest.FixtureRequest, empty: Any) -> Iterator[Any]:
    """Give the facade over an alias that signs, and over one that seals."""
    with alone(empty.url, **(SEALED if request.param == "sealed" else {})) as cache:
        yield cache


@pytest.fixture
def raw(redis: Any) -> Iterator[Any]:
    """Give redis-py's own client of the server."""
    with client(redis) as connected:
        yield connected
