"""What ``remember`` asks of a store: one trip for a hit, and so many for a miss.

A miss reads twice (the value, and then, as the one who computes, the records as they are before),
lays a claim, and writes where that lies.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_cachekit import cache

from .counting import CLUSTER, Counting, counted

PLAIN = {
    "redis": 5,
    "memcached": 5,
    "postgresql": 5,
    "mariadb": 5,
    "database": 5,
    "dynamodb": 5,
}


def computed(*tags: str) -> None:
    """Compute a value that is not there."""
    scope = cache.tags(*tags) if tags else cache
    assert scope.remember("computed", 600, lambda: 2) == 2


@pytest.fixture
def ready(asked: Counting) -> Counting:
    """Have the epoch, the scripts and the tags' records there, and the value gone."""
    prepare()
    return asked


def prepare() -> None:
    computed("a", "b")
    cache.forget("computed")


def test_a_miss(ready: Counting, name: str) -> None:
    assert ready(computed).trips == PLAIN[name.partition("-")[0]]


def test_a_miss_within_tags_takes_no_more(ready: Counting, name: str) -> None:
    said = ready(lambda: computed("a", "b"))
    assert said.trips == PLAIN[name.partition("-")[0]]


def test_records_that_are_made_take_one_each(ready: Counting, name: str) -> None:
    said = ready(lambda: computed("new", "newer"))
    assert said.trips == PLAIN[name.partition("-")[0]] + 2


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counting]:
    with counted(CLUSTER, request, tmp_path) as counting:
        prepare()
        yield counting


def test_in_a_cluster(cluster: Counting) -> None:
    assert cluster(lambda: computed("a", "b")).trips == 5


MANY = {
    "redis": 6,
    "memcached": 6,
    "postgresql": 24,
    "mariadb": 24,
    "database": 24,
    "dynamodb": 42,
}
"""Two reads, ten claims, ten writes where these lie: each ten in two trips where that can be."""


def test_many_keys(ready: Counting, name: str) -> None:
    keys = [f"key{number}" for number in range(10)]

    def many() -> None:
        assert len(cache.remember_many(keys, 600, lambda keys: dict.fromkeys(keys, 1))) == 10

    assert ready(many).trips == MANY[name.partition("-")[0]]
