"""A flush of tags is one command for each, whatever the number of entries."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_cachekit import cache

from .counting import CLUSTER, Asked, Counting, counted

THREE = ("a", "b", "c")

# The number of the flush and the tags' records, and the epoch under which they are written.
ONE_TAG: dict[str, Asked] = {
    "redis": Asked(1, {"MSET": 1, "GET": 1}),
    "memcached": Asked(1, {"set": 2, "get": 1}),
    # In tables the number is written by a statement of its own: see ``Table.orderly``.
    "postgresql": Asked(2, {"INSERT": 2}),
    "mariadb": Asked(2, {"INSERT": 2}),
    "database": Asked(2, {"INSERT": 2}),
    "dynamodb": Asked(2, {"PutItem": 2}),
}
THREE_TAGS: dict[str, Asked] = {
    **ONE_TAG,
    "memcached": Asked(1, {"set": 4, "get": 1}),
    "dynamodb": Asked(2, {"PutItem": 1, "BatchWriteItem": 1}),
}


def bearing(count: int) -> None:
    """Store so many entries that bear the tags."""
    for start in range(0, count, 100):
        keys = [f"key{number}" for number in range(start, min(start + 100, count))]
        cache.tags(*THREE).put_many(dict.fromkeys(keys, 1), 600)


@pytest.mark.parametrize("count", [1, 1000])
def test_one_tag(asked: Counting, name: str, count: int) -> None:
    bearing(count)
    assert asked(cache.tags("a").flush) == ONE_TAG[name.partition("-")[0]]
    assert not any(cache.many([f"key{number}" for number in range(count)]).values())


@pytest.mark.parametrize("count", [1, 1000])
def test_three_tags(asked: Counting, name: str, count: int) -> None:
    bearing(count)
    assert asked(cache.tags(*THREE).flush) == THREE_TAGS[name.partition("-")[0]]
    assert cache.get("key0") is None


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counting]:
    with counted(CLUSTER, request, tmp_path) as counting:
        yield counting


@pytest.mark.parametrize("count", [1, 1000])
def test_in_a_cluster(cluster: Counting, count: int) -> None:
    """The number goes first, for each server answers for itself; then all records in one trip."""
    bearing(count)
    assert cluster(cache.tags("a").flush) == Asked(2, {"SET": 2, "GET": 2})
    assert cluster(cache.tags(*THREE).flush) == Asked(2, {"SET": 4, "GET": 2})
