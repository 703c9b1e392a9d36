"""The index of tags in a Redis: what it costs, where it lies, and what it tells."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends.redisdb.index import PARTS
from django_cachekit.errors import StoreUnavailable
from tests.conftest import Clock

from .helping import SEALED, alone, config, driver_of

COSTS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "put under tags": (0, lambda cache: cache.tags("t", "u").put("new", 1, 60)),
    "put over other tags": (1, lambda cache: cache.tags("u").put("tagged", 1, 60)),
    "put_many under tags": (0, lambda cache: cache.tags("t").put_many({"x": 1, "y": 2}, 60)),
    "add under tags": (1, lambda cache: cache.tags("t").add("new", 1, 60)),
    "plain put over tags": (1, lambda cache: cache.put("tagged", 1, 60)),
    "forget what bears tags": (1, lambda cache: cache.forget("tagged")),
    "pull what bears tags": (1, lambda cache: cache.pull("tagged")),
    "touch what bears tags": (1, lambda cache: cache.touch("tagged", 90)),
    "put": (0, lambda cache: cache.put("plain", 1, 60)),
    "put_many": (0, lambda cache: cache.put_many({"x": 1, "y": 2}, 60)),
    "add": (0, lambda cache: cache.add("new", 1, 60)),
    "forget": (0, lambda cache: cache.forget("plain")),
    "pull": (0, lambda cache: cache.pull("plain")),
    "touch": (0, lambda cache: cache.touch("plain", 60)),
    "increment": (0, lambda cache: cache.increment("n")),
    "get": (0, lambda cache: cache.get("plain")),
    "get under tags": (0, lambda cache: cache.tags("t").get("tagged")),
    "flush of a tag": (0, lambda cache: cache.tags("t").flush()),
}
"""How many trips more than without an index."""

PUT = 2
"""Trips of a put under tags, with an index as without: for their records, and for the value."""


def trips(proxy: Any, verb: Callable[[Any], Any], **options: Any) -> int:
    """Return how many trips a verb takes, scripts loaded and epoch known."""
    patient = {"SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}  # no read is tried twice
    with alone(proxy.url, **patient, **options) as cache:
        for _ in range(2):  # the first time around, scripts are sent
            cache.flush()
            cache.put("plain", 1, 600)
            cache.increment("n")
            cache.tags("t", "u").put("tagged", 1, 600)
            cache.tags("t", "u").put("gone", 1, 600)
            for undo in (cache.forget, cache.pull):
                cache.tags("t", "u").put("gone", 1, 600)
                undo("gone")
            cache.add("gone", 1, 600)
            cache.touch("gone", 60)
            cache.tags("t").remember("again", 60, lambda: 1)
        with proxy.counting() as counts:
            verb(cache)
        return int(counts.round_trips)


@pytest.mark.parametrize("verb", COSTS)
def test_what_the_index_costs(verb: str, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    more, call = COSTS[verb]
    without = trips(proxy, call)
    assert trips(proxy, call, TAG_INDEX=True) == without + more


def test_a_computation_takes_one_more_at_most(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)

    def call(cache: Any) -> Any:
        return cache.tags("t").remember("new", 60, lambda: 1)

    without = trips(proxy, call)
    assert without <= trips(proxy, call, TAG_INDEX=True) <= without + 1


def test_a_put_under_tags_takes_two_trips(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    for options in ({}, SEALED):
        call = COSTS["put under tags"][1]
        assert trips(proxy, call, **options) == PUT
        assert trips(proxy, call, TAG_INDEX=True, **options) == PUT


def test_in_a_cluster_no_write_hangs_on_the_servers_of_the_index(redis_cluster: Any) -> None:
    with alone(redis_cluster.location, TAG_INDEX=True, CLUSTER=True) as cache:
        cache.flush()
        driver = driver_of()
        assert driver.book.rides is False
        cache.tags("t").put("key", 1, 60)
        driver.rack.lead = b"ck:elsewhere#"
        assert list(cache.tags("t").keys()) == []
        assert cache.get("key") == 1


def test_listing_takes_the_same_trips_for_one_key_and_a_hundred(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url, TAG_INDEX=True) as cache:
        seen = []
        for number in (1, 100):
            cache.flush()
            cache.tags("t").put_many(dict.fromkeys(map(str, range(number)), 1), 60)
            with proxy.counting() as counts:
                assert cache.tags("t").count() == number
            seen.append(counts.round_trips)
        # The epoch, the members, the entries; a long answer may come in more than one piece.
        assert seen[0] == 3
        assert seen[1] <= 4


def index_keys(raw: Any) -> list[bytes]:
    """Return the server's keys that belong to an index."""
    return sorted(key for key in raw.scan_iter() if raw.type(key) == b"zset")


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_nobody_else_is_disturbed(options: Any, empty: Any, raw: Any) -> None:
    caches = {
        "default": config(empty.url, TAG_INDEX=True, STORE_ID="one", **options),
        "other": config(empty.url, TAG_INDEX=True, STORE_ID="two", **options),
        "prefix": config(empty.url, STORE_ID="one", KEY_PREFIX="p", **options),
    }
    with override_settings(CACHES=caches):
        other = cache.store("other")
        for store in (cache, other, cache.store("prefix")):
            store.put("plain", 1, 600)
            store.tags("t").put("key", 1, 600)
        for store in (cache, other):
            assert sorted(store.keys()) == ["key", "plain"]
            assert store.prune() == 0
            assert store.tags("t").count() == 1
        cache.flush()
        assert cache.tags("t").count() == 0
        assert list(other.tags("t").keys()) == ["key"]
        assert sorted(cache.store("prefix").keys()) == ["key", "plain"]
        other.flush()
        assert index_keys(raw) == []


def test_a_sealed_index_tells_nothing(empty: Any, raw: Any) -> None:
    with alone(empty.url, TAG_INDEX=True, **SEALED) as cache:
        cache.tags("secret-tag").put("secret-key", 1, 600)
        told = b"".join(index_keys(raw))
        for key in index_keys(raw):
            told += b"".join(member for member, _ in raw.zscan_iter(key))
        assert index_keys(raw)
        assert b"secret" not in told
        assert b"secret".hex().encode() not in told
        assert list(cache.tags("secret-tag").keys()) == ["secret-key"]


def test_a_tag_is_spread_over_parts_none_of_which_holds_much(empty: Any, raw: Any) -> None:
    with alone(empty.url, TAG_INDEX=True) as cache:
        for at in range(0, 4000, 500):
            some = {f"key{number}": 1 for number in range(at, at + 500)}
            cache.tags("t").put_many(some, 600)
        sizes = sorted(raw.zcard(key) for key in index_keys(raw))[-PARTS:]
        assert len(sizes) == PARTS
        assert sum(sizes) == 4000
        assert sizes[-1] < 2 * 4000 / PARTS


def test_what_has_expired_goes_with_the_next_note(empty: Any, raw: Any, clock: Clock) -> None:
    with alone(empty.url, TAG_INDEX=True) as cache:
        cache.tags("t").put_many(dict.fromkeys(map(str, range(2000)), 1), 60)
        clock.advance(61)
        cache.tags("t").put_many(dict.fromkeys(map(str, range(2000, 2200)), 1), 60)
        # Of the 200, some fall in each of the parts; and the tag itself is one member.
        assert sum(raw.zcard(key) for key in index_keys(raw)) == 201


def test_a_flush_by_another_process_is_seen_by_who_lists(empty: Any, raw: Any) -> None:
    with alone(empty.url, TAG_INDEX=True) as cache:
        cache.tags("t").put("old", 1, 600)
        engine = driver_of().engine
        stale = engine.known
        cache.flush()
        cache.tags("t").put("new", 1, 600)
        engine.known = stale
        assert list(cache.tags("t").keys()) == ["new"]
        cache.tags("t").put("newer", 1, 600)
        assert sorted(cache.tags("t").keys()) == ["new", "newer"]


def test_pruning_removes_what_an_interrupted_flush_left(empty: Any, raw: Any) -> None:
    with alone(empty.url, TAG_INDEX=True) as cache:
        cache.tags("t").put("old", 1, 600)
        left = index_keys(raw)
        raw.set(driver_of().engine.naming.epoch, b"12345678")  # advanced, and no further
        assert cache.tags("t").count() == 0
        assert index_keys(raw) == left
        cache.prune()
        assert index_keys(raw) == []


@contextmanager
def overtaken(driver: Any, hook: str, doing: Callable[[], Any]) -> Any:
    """Have something done by another right before a hook of the index is called."""
    real = getattr(driver.rack, hook)

    async def late(*args: Any) -> Any:
        setattr(driver.rack, hook, real)
        doing()
        return await real(*args)

    setattr(driver.rack, hook, late)
    yield


@pytest.mark.parametrize("ttl", [600, None])
@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_who_takes_out_never_takes_what_was_written_meanwhile(
    options: Any, ttl: Any, empty: Any, clock: Clock
) -> None:
    with alone(empty.url, TAG_INDEX=True, **options) as cache:
        scope, driver = cache.tags("t"), driver_of()

        def again() -> None:
            clock.advance(0.01)
            scope.put("key", 2, ttl)

        calls = {
            "forget": lambda: cache.forget("key"),
            "pull": lambda: cache.pull("key"),
            "put": lambda: cache.put("key", 3, ttl),
            "listing": lambda: list(scope.keys()),
            "prune": cache.prune,
        }
        for name, call in calls.items():
            scope.put("key", 1, ttl)
            if name in ("listing", "prune"):
                scope.flush()
            with overtaken(driver, "note", again):
                call()
            assert list(scope.keys()) == ["key"], name


def test_an_index_that_cannot_be_told_fails_no_write(
    empty: Any, raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with alone(empty.url, TAG_INDEX=True) as cache:
        cache.tags("t").put("first", 1, 600)
        for key in index_keys(raw):
            raw.set(key, b"no sorted set")
        with caplog.at_level(logging.WARNING, "django_cachekit"):
            assert cache.tags("t").put("first", 2, 600) is True
            assert cache.forget("first") is True
        assert "the index of tags was not told" in caplog.text
        with pytest.raises(StoreUnavailable):
            list(cache.tags("t").keys())


def test_a_store_that_is_down_has_no_empty_tags(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url, TAG_INDEX=True) as cache:
        cache.tags("t").put("key", 1, 600)
        listed = cache.tags("t").items()
        proxy.refuse()
        with pytest.raises(StoreUnavailable):
            list(listed)
        with pytest.raises(StoreUnavailable):
            cache.tags("t").count()
        proxy.healthy()
        assert cache.tags("t").count() == 1


def test_the_awaited_face_takes_as_many_trips(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)

    async def counted(cache: Any) -> int:
        await cache.tags("t").aput("first", 1, 60)
        with proxy.counting() as counts:
            await cache.tags("t").aput("key", 1, 60)
        return int(counts.round_trips)

    with alone(proxy.url, TAG_INDEX=True) as cache:
        assert asyncio.run(counted(cache)) == PUT
