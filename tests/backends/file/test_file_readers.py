"""Readers never meet an error or half a value, whatever writers do."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import CacheKeyWarning, caches
from django.dispatch import Signal

from django_cachekit import cache as facade
from django_cachekit import signals
from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.core import clock as package_clock
from django_cachekit.core.entry import Entry
from django_cachekit.core.operation import UNSURE
from tests.conftest import Clock

from .stores import KEYS, driver_of
from .workers import Workers

SECONDS = 2.0
SIZE = 304_000


def test_a_reader_among_writers(
    cache: EncryptedFileCache, location: Path, workers: Workers
) -> None:
    jobs = [
        workers.start("churn", location, SECONDS, verbs, SIZE)
        for verbs in (["set", "set", "delete"], ["touch", "set", "prune"], ["set"] * 7 + ["clear"])
    ]
    end, found = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        for value in cache.get_many(["key-0", "key-1"]).values():
            assert len(value) == SIZE
            assert value == value[:16] * (SIZE // 16), "a value made of two"
            found += 1
        cache.get("key-0")
    assert min(workers.results(jobs)) > 3
    assert found > 10


def test_the_awaiting_face(cache: EncryptedFileCache) -> None:
    async def story() -> list[object]:
        await cache.aset("k", 1)
        counts = await asyncio.gather(*(cache.aincr("k") for _ in range(20)))
        assert sorted(counts) == list(range(2, 22))
        found = [await cache.aget("k"), await cache.aadd("k", 5), await cache.adelete("k")]
        await cache.aset_many({"a": 1, "b": 2})
        found.append(await cache.aget_many(["a", "b", "c"]))
        await cache.aclear()
        return [*found, await cache.aget("a", "gone")]

    assert asyncio.run(story()) == [21, False, True, {"a": 1, "b": 2}, "gone"]


def test_the_straight_line_is_taken(cache: EncryptedFileCache) -> None:
    cache.set("k", None)
    quick = driver_of(cache).quick
    assert quick("k", None) is None
    assert quick("missing", None) is not UNSURE
    assert [quick(*odd) for odd in (("k", 1), ("a b", None), ("x" * 250, None), (1, None))] == (
        [UNSURE] * 4
    )


def test_the_straight_line_gives_what_the_long_way_gives(
    cache: EncryptedFileCache, clock: Clock
) -> None:
    driver = driver_of(cache)
    cache.set("k", [1], 10)
    assert cache.get("k", "d") == [1]
    assert cache.get("missing", "d") == "d"
    cache.set("k", None, 10)
    assert cache.get("k", "d") is None
    stale = Entry("old", package_clock.now(), None, package_clock.now() - 5)
    name = driver.chain.name(cache.make_key("stale"))
    driver.engine.write({name: driver.entries.blob(name, "stale", stale, 0)}, 0)
    assert cache.get("stale") == "old"
    clock.advance(11)
    assert cache.get("k", "d") == "d"


def test_a_tagged_entry_takes_the_long_way(location: Path, settings: Any) -> None:
    from .stores import KEYS

    backend = "django_cachekit.backends.file.EncryptedFileCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": location, "OPTIONS": KEYS}}
    facade.tags("t").put("k", 1)
    assert caches["default"].get("k") == 1
    facade.tags("t").flush()
    assert caches["default"].get("k") is None


def test_signals_are_sent_for_plain_reads(
    opened: Callable[..., EncryptedFileCache],
) -> None:
    heard: list[str] = []

    def hear(signal: Signal, key: str, **_: object) -> None:
        heard.append(key)

    loud, silent = opened(), opened(SIGNALS=False)
    loud.set("k", 1)
    signals.cache_hit.connect(hear)
    signals.cache_missed.connect(hear)
    try:
        assert loud.get("k") == 1
        assert loud.get("missing") is None
        assert silent.get("k") == 1
    finally:
        signals.cache_hit.disconnect(hear)
        signals.cache_missed.disconnect(hear)
    assert heard == ["k", "missing"]


def test_odd_keys_warn_on_plain_reads(cache: EncryptedFileCache) -> None:
    for key in ("with space", "x" * 251):
        with pytest.warns(CacheKeyWarning):
            assert cache.get(key) is None


def test_other_key_functions_are_asked(location: Path) -> None:
    def function(key: str, prefix: str, version: int) -> str:
        return f"{version}-{key.lower()}"

    cache = EncryptedFileCache(str(location), {"KEY_FUNCTION": function, "OPTIONS": KEYS})
    cache.set("KEY", 1)
    assert cache.get("key") == 1
    assert cache.get("key", version=2) is None
