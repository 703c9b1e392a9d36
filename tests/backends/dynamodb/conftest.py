"""A table on each engine, with an endpoint before it that notes and rewrites."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from .helping import Look, config, configured, unique
from .rewriting import Endpoint


@pytest.fixture(params=["dynamodb", "dynalite"])
def server(request: pytest.FixtureRequest) -> Any:
    """Give each engine in turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def table() -> str:
    """Give a name that no other test has."""
    return unique()


@pytest.fixture
def options() -> dict[str, Any]:
    """Give more of the default alias; a test module may have its own."""
    return {}


@pytest.fixture
def cache(server: Any, table: str, options: dict[str, Any]) -> Iterator[Any]:
    """Give a cache in a table of its own, straight on the engine."""
    with configured(default=config(server.url, table, **options)):
        yield caches["default"]


@pytest.fixture
def endpoint(dynamodb: Any) -> Iterator[Endpoint]:
    """Give an endpoint before roto."""
    with Endpoint(dynamodb.url) as made:
        yield made


@pytest.fixture
def watched(endpoint: Endpoint, table: str, options: dict[str, Any]) -> Iterator[Any]:
    """Give a cache in a table of its own, behind the endpoint."""
    with configured(default=config(endpoint.url, table, **options)):
        yield caches["default"]


@pytest.fixture
def look(server: Any, table: str) -> Look:
    """Look into the table of ``cache``."""
    return Look(server.url, table)


@pytest.fixture
def look_behind(dynamodb: Any, table: str) -> Look:
    """Look into the table of ``watched``."""
    return Look(dynamodb.url, table)
