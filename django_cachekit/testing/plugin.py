"""Fixtures for pytest: name this module in ``pytest_plugins`` of your ``conftest.py``."""

from collections.abc import Iterator

import pytest

from ..repository import Repository
from .clock import Time, frozen_time
from .overriding import override_cache
from .recording import CacheRecord, record_cache
from .trips import RoundTrips, record_round_trips


@pytest.fixture
def empty_cache() -> Iterator[Repository]:
    """Have an empty memory in place of every alias; gives the default one's repository."""
    with override_cache() as cache:
        yield cache


@pytest.fixture
def no_cache() -> Iterator[Repository]:
    """Have every alias keep nothing."""
    with override_cache(off=True) as cache:
        yield cache


@pytest.fixture
def frozen_cache_time() -> Iterator[Time]:
    """Have time stand still, until it is moved: ``frozen_cache_time.advance(60)``."""
    with frozen_time() as time:
        yield time


@pytest.fixture
def cache_record() -> Iterator[CacheRecord]:
    """Write down what caches are asked: ``cache_record.misses == ["tea"]``."""
    with record_cache() as record:
        yield record


@pytest.fixture
def cache_round_trips() -> Iterator[RoundTrips]:
    """Write down each trip to a store: ``len(cache_round_trips) == 1``."""
    with record_round_trips() as trips:
        yield trips
