"""Every test here runs over the whole table of stores, with the blocking and the awaited face."""

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings

from django_cachekit import cache
from tests.stores import BY_NAME, ROWS, Row


class Faced:
    """Call a repository by one of its faces, so that a test is written once."""

    def __init__(self, repository: Any, face: str) -> None:
        self.repository = repository
        self.face = face

    def __getattr__(self, verb: str) -> Any:
        if self.face == "sync" or verb in ("alias", "version", "make_key"):
            return getattr(self.repository, verb)
        awaited = getattr(self.repository, "a" + verb)
        if inspect.isasyncgenfunction(awaited):
            return lambda *args: async_to_sync(_gathered)(awaited, *args)
        return async_to_sync(awaited)

    def callback(self, work: Any) -> Any:
        """Return what is to be computed as this face takes it: a coroutine function if awaited."""
        if self.face == "sync":
            return work

        async def awaited(*args: Any) -> Any:
            return await sync_to_async(work)(*args)

        return awaited

    def __contains__(self, key: Any) -> bool:
        return key in self.repository

    def tags(self, *names: Any) -> "Faced":
        return Faced(self.repository.tags(*names), self.face)

    def memo(self) -> "Faced":
        return Faced(self.repository.memo(), self.face)


async def _gathered(generator: Any, *args: Any) -> list[Any]:
    return [item async for item in generator(*args)]


@pytest.fixture(params=[row.name for row in ROWS])
def row(request: pytest.FixtureRequest) -> Row:
    return BY_NAME[request.param]


@pytest.fixture
def configured(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Row]:
    """Make the row's store the default alias, empty."""
    if row.needs:
        request.getfixturevalue("db")
    server = request.getfixturevalue(row.server) if row.server else None
    with override_settings(CACHES=row.caches(tmp_path, server)):
        if row.needs == "django table":
            call_command("createcachetable", verbosity=0)
        if row.needs == "table":
            call_command("cache_table", verbosity=0)
        yield row


@pytest.fixture(params=["sync", "async"])
def store(configured: Row, request: pytest.FixtureRequest) -> Faced:
    """Return the facade over the row's store, by one face."""
    return Faced(cache, request.param)


@pytest.fixture
def plain(configured: Row) -> Any:
    """Return the same store as plain Django sees it."""
    return caches["default"]


@pytest.fixture
def able(row: Row) -> Any:
    """Skip what a store says it cannot do; that it says so is a test of its own."""

    def check(*abilities: str) -> None:
        lacking = [ability for ability in abilities if ability not in row.can]
        if lacking:
            pytest.skip(f"{row.name} cannot: {', '.join(lacking)}")

    return check
