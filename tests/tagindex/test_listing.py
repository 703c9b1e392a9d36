"""What a tag's keys are: of live entries only, on every store that can list."""

import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import CacheKeyWarning

from django_cachekit import cache
from django_cachekit.testing.faced import Faced
from tests.conftest import Clock

ODD = ["", "a b", "e\u0301", "x" * 700, "\0nul", "1:2:3", "{a}", "\ud800", "*", "ck:tag:t"]


def keys(store: Any, *tags: str) -> list[str]:
    """Return the keys that bear all tags, sorted."""
    return sorted(store.tags(*tags).keys())


@pytest.fixture
def unwarned() -> Iterator[None]:
    """Let keys be odd: Django warns of some, and they are what is asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheKeyWarning)
        yield


def test_keys_items_and_count(store: Faced) -> None:
    store.tags("a", "b").put("ab", {"n": 1}, 600)
    store.tags("a").put("a", None, 600)
    store.tags("b").forever("b", 3)
    store.put("none", 4, 600)
    assert keys(store, "a") == ["a", "ab"]
    assert keys(store, "b") == ["ab", "b"]
    assert keys(store, "a", "b") == ["ab"]
    assert keys(store, "c") == []
    assert dict(store.tags("a").items()) == {"ab": {"n": 1}, "a": None}
    assert store.tags("a").count() == 2
    assert store.tags("b", "a").count() == 1
    assert store.tags("nobody").count() == 0


def test_globs(store: Faced) -> None:
    store.tags("t").put_many({"user:1": 1, "user:2": 2, "page:1": 3}, 600)
    assert sorted(store.tags("t").keys("user:*")) == ["user:1", "user:2"]
    assert dict(store.tags("t").items("page:*")) == {"page:1": 3}


def test_odd_keys_come_back_as_they_were_given(store: Faced, unwarned: None) -> None:
    store.tags("t").put_many(dict.fromkeys(ODD, 1), 600)
    assert keys(store, "t") == sorted(ODD)
    assert store.forget_many(ODD) == len(ODD)
    assert keys(store, "t") == []


@pytest.mark.parametrize("tag", ["x" * 900, "a b", "{a}", "e\u0301", "\0", "a,b", "*"])
def test_odd_tags(store: Faced, tag: str) -> None:
    store.tags(tag).put("key", 1, 600)
    assert keys(store, tag) == ["key"]
    assert keys(store, tag + "x") == []
    store.forget("key")
    assert keys(store, tag) == []


def test_what_is_gone_is_not_listed(store: Faced, clock: Clock) -> None:
    scope = store.tags("t")
    for key in ("forgotten", "pulled", "plain", "other", "short", "left"):
        scope.put(key, 1, 50 if key == "short" else 600)
    assert scope.count() == 6
    store.forget("forgotten")
    store.pull("pulled")
    store.put("plain", 2, 600)
    store.tags("u").put("other", 2, 600)
    clock.advance(60)
    assert keys(store, "t") == ["left"]
    assert keys(store, "u") == ["other"]
    store.tags("t").flush()
    assert keys(store, "t") == []
    assert keys(store, "u") == ["other"]


def test_a_touched_entry_stays_listed(store: Faced, clock: Clock) -> None:
    store.tags("t").put("key", 1, 50)
    assert store.touch("key", 600) is True
    clock.advance(60)
    assert keys(store, "t") == ["key"]
    store.tags("t").put("new", 1, 600)  # lets go of what has expired
    assert keys(store, "t") == ["key", "new"]


def test_every_way_to_write(store: Faced) -> None:
    scope = store.tags("t")
    assert scope.add("added", 1, 600) is True
    assert scope.add("added", 2, 600) is False
    assert scope.increment("counted", 5) == 5
    assert scope.increment("counted") == 6
    assert scope.cas("changed", lambda _: 1) == 1
    assert store.cas("changed", lambda one: one + 1, ttl=600) == 2
    assert scope.remember("made", 600, lambda: 1) == 1
    assert scope.remember_many(["x", "y"], 600, lambda keys: dict.fromkeys(keys, 1))
    assert scope.get_or_set("got", 1, 600) == 1
    assert keys(store, "t") == ["added", "changed", "counted", "got", "made", "x", "y"]
    store.forget_many(["added", "changed", "counted", "made"])
    assert keys(store, "t") == ["got", "x", "y"]


def test_a_flush_of_the_alias_empties_it(store: Faced) -> None:
    store.tags("t").put("key", 1, 600)
    store.flush()
    assert keys(store, "t") == []
    store.tags("t").put("new", 1, 600)
    assert keys(store, "t") == ["new"]


def test_only_the_aliass_own_version(store: Faced) -> None:
    store.tags("t").set("key", 1, 600, version=7)
    assert keys(store, "t") == []
    store.tags("t").put("key", 2, 600)
    assert dict(store.tags("t").items()) == {"key": 2}
    store.forget("key")
    assert keys(store, "t") == []


def test_what_another_process_did_unseen(store: Faced) -> None:
    store.tags("t").put_many({"forgotten": 1, "plain": 1, "other": 1, "left": 1}, 600)
    backend: Any = caches["default"]
    book = backend.cachekit_driver.book
    if book is not None:
        book.clear()
    store.forget("forgotten")
    store.put("plain", 2, 600)
    store.tags("u").put("other", 2, 600)
    assert keys(store, "t") == ["left"]
    assert keys(store, "u") == ["other"]


def test_forget_pattern_in_a_scope(store: Faced) -> None:
    store.put("user:0", 0, 600)
    store.tags("t").put_many({"user:1": 1, "user:2": 2, "page:1": 3}, 600)
    assert store.tags("t").forget_pattern("user:*") == 2
    assert keys(store, "t") == ["page:1"]
    assert store.get("user:0") == 0


def test_a_pull_in_a_scope_leaves_what_does_not_bear_the_tag(store: Faced) -> None:
    store.tags("t").put("key", 1, 600)
    assert store.tags("u").pull("key") is None
    assert keys(store, "t") == ["key"]
    assert store.tags("t").pull("key") == 1
    assert keys(store, "t") == []


def test_a_memory_for_reads_hides_nothing(store: Faced, row: Any) -> None:
    if "threads" not in row.can:
        pytest.skip("what one thread writes here, another does not see")
    remembered = store.memo().tags("t")
    assert remembered.get("key") is None
    writing = ThreadPoolExecutor(1)  # whose writes this thread's memory does not see
    writing.submit(store.repository.tags("t").put, "key", 1, 600).result(10)
    assert keys(store, "t") == ["key"]
    assert list(remembered.keys()) == ["key"]


def test_more_than_one_batch(store: Faced) -> None:
    many = {f"key{number}": number for number in range(450)}
    assert store.tags("t", "u").put_many(many, 600) is True
    assert store.tags("t").count() == 450
    assert dict(store.tags("t", "u").items()) == many
    assert store.forget_many(list(many)[:449]) == 449
    assert keys(store, "t", "u") == ["key449"]


def test_listing_sends_no_signals_and_counts_no_hits(store: Faced, heard: Any) -> None:
    store.tags("t").put("key", 1, 600)
    heard.story()
    assert store.tags("t").count() == 1
    assert heard.story() == []
    assert store.tags("t").stats()["t"]["hits"] == 0


def test_stats(store: Faced, clock: Clock) -> None:
    counted = {"hits": 0, "misses": 0, "flushes": 0, "last_flush": None}
    assert store.tags("a").stats() == {"a": {"entries": 0, **counted}}
    store.tags("a", "b").put("key", 1, 600)
    store.tags("a").get("key")
    store.tags("a").many(["key", "nothing"])
    store.tags("a", "b").get("nothing")
    store.get("key")
    found = store.tags("b", "a").stats()
    assert found["a"] == {**counted, "entries": 1, "hits": 2, "misses": 2}
    assert found["b"] == {**counted, "entries": 1, "misses": 1}
    store.tags("a").flush()
    found = store.tags("a").stats()["a"]
    assert (found["entries"], found["flushes"]) == (0, 1)
    assert abs(found["last_flush"] - time.time()) < 60


def test_prune_leaves_what_lives(store: Faced, clock: Clock) -> None:
    store.tags("t").put_many({"a": 1, "b": 2}, 600)
    store.tags("u").put("c", 3, 600)
    store.tags("t").put("short", 1, 50)
    store.tags("u").flush()
    clock.advance(60)
    assert store.prune() >= 0
    assert keys(store, "t") == ["a", "b"]
    assert keys(store, "u") == []
    assert store.many(["a", "b", "c"]) == {"a": 1, "b": 2, "c": None}


def test_a_namespace_lists_its_own_keys(configured: Any) -> None:
    space = cache.tags("people", namespace=True)
    space.put("john", 1, 60)
    cache.tags("people").put("jane", 2, 60)
    assert list(space.keys()) == ["john"]
    assert dict(space.items()) == {"john": 1}
    assert space.count() == 1
    assert space.stats()["people"]["entries"] == 1
    assert space.forget_pattern("j*") == 1
    assert cache.get("jane") == 2
