"""A hit on the straight line is told of as on the long way: once, and to whom it may be."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.dispatch import Signal
from django.test import override_settings

from django_cachekit import cache, signals
from django_cachekit.core.operation import MISSING, UNSURE
from tests.placing import placed
from tests.stores import BY_NAME

STORES = ["array", "locmem", "file", "database", "redis", "memcached", "memcached-pool"]
CARRIED = {"store", "tags", "key", "duration"}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Have a store of the table, with an entry."""
    with placed(BY_NAME[request.param], request, tmp_path):
        cache.put("key", 1, 600)
        yield request.param


@contextmanager
def hearing(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Collect what one signal carries, and the thread in which it was told."""
    told: list[dict[str, Any]] = []

    def hear(signal: Signal, sender: type, **named: Any) -> None:
        told.append({**named, "sender": sender, "thread": threading.get_ident()})

    signal.connect(hear)
    try:
        yield told
    finally:
        signal.disconnect(hear)


def quick(*more: Any) -> Any:
    """Read on the straight line of the alias's driver."""
    return cache._now.stack.quick("key", None, *more)


def test_who_listens_to_hits_hears_of_each_once(store: str) -> None:
    with hearing(signals.cache_hit) as told:
        assert (cache.get("key"), quick(), cache.get("nothing")) == (1, 1, None)
    assert [one["key"] for one in told] == ["key", "key"]
    straight, direct = ({**one, "duration": 0.0} for one in told)
    with hearing(signals.cache_hit) as told, hearing(signals.retrieving_key):
        assert cache.get("key") == 1
    assert straight == direct == {**told[0], "duration": 0.0}
    assert set(told[0]) == CARRIED | {"sender", "thread"}


def test_what_is_more_than_a_hit_goes_the_long_way(store: str) -> None:
    for signal in (signals.retrieving_key, signals.retrieving_many_keys):
        with hearing(signal):
            assert quick() is UNSURE
    with hearing(signals.cache_missed) as told:
        cache.forget("key")
        assert quick() is UNSURE
        assert told == []
        assert cache.get("key") is None
    assert [one["key"] for one in told] == ["key"]
    assert quick() in (MISSING, UNSURE)


def test_a_receiver_that_raises_changes_nothing(store: str) -> None:
    def broken(**named: Any) -> None:
        raise RuntimeError("broken")

    signals.cache_hit.connect(broken)
    try:
        assert cache.get("key") == 1
    finally:
        signals.cache_hit.disconnect(broken)


def test_a_value_travels_only_where_it_may(store: str) -> None:
    with (
        hearing(signals.cache_hit) as told,
        override_settings(CACHEKIT={"SIGNALS": {"values": True}}),
    ):
        assert cache.get("key") == 1
    assert told[0]["value"] == 1


def test_a_key_of_a_namespace_is_told_without_it(store: str) -> None:
    scope = cache.tags("a", namespace=True)
    scope.put("key", 2, 600)
    with hearing(signals.cache_hit) as told:
        assert scope.get("key") == 2
    assert [(one["key"], one["tags"]) for one in told] == [("key", ("a",))]


def test_the_tags_that_were_asked_for_are_told(store: str) -> None:
    cache.tags("a", "b").put("key", 2, 600)
    with hearing(signals.cache_hit) as told:
        assert cache.tags("a").get("key") == 2
    assert [one["tags"] for one in told] == [("a",)]


async def twice() -> tuple[Any, Any]:
    return await cache.aget("key"), await caches["default"].aget("key")


# SQLite in memory is another database in another thread, where awaited code asks it.
@pytest.mark.parametrize("store", [one for one in STORES if one != "database"], indirect=True)
def test_awaited_reads_call_no_receiver_in_the_loop(store: str) -> None:
    with hearing(signals.cache_hit) as told:
        assert asyncio.run(twice()) == (1, 1)
    heard_of = 1 if store == "locmem" else 2
    assert len(told) == heard_of
    assert threading.get_ident() not in {one["thread"] for one in told}
