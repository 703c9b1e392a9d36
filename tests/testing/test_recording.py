"""What caches were asked, and failures that tell it."""

import asyncio
import re
import threading
import unittest
from enum import Enum
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings

from django_cachekit import cache, cached, cached_view, signals
from django_cachekit.flows.compute_many import Batch
from django_cachekit.flows.jobs import Job
from django_cachekit.layers.ground.call import Call
from django_cachekit.testing import (
    CacheAssertions,
    assert_cache,
    override_cache,
    record_cache,
    record_round_trips,
)
from django_cachekit.testing.foreign import VERBS
from tests.stores import DJANGO, OURS

from .failing import failure


def test_what_the_facade_is_asked(stored: str) -> None:
    with record_cache() as record:
        cache.remember("tea", 60, lambda: "Assam")
        cache.remember("tea", 60, lambda: "Assam")
        cache.put("coffee", "Kenya")
        cache.tags("beans").put("roast", "dark")
        cache.touch("coffee", 60)
        cache.forget("coffee")
        cache.forget("coffee")
        cache.tags("beans").flush()
        cache.many(["roast", "tea"])
        cache.flush()
    assert str(record) == (
        "  1. default: miss 'tea'\n"
        "  2. default: compute 'tea'\n"
        "  3. default: write 'tea'\n"
        "  4. default: hit 'tea'\n"
        "  5. default: write 'coffee'\n"
        "  6. default: write 'roast' (tags beans)\n"
        "  7. default: touch 'coffee'\n"
        "  8. default: forget 'coffee'\n"
        "  9. default: failed forget 'coffee'\n"
        "  10. default: flush of tags (tags beans)\n"
        "  11. default: miss 'roast'\n"
        "  12. default: hit 'tea'\n"
        "  13. default: flush"
    )
    assert (record.hits, record.misses) == (["tea", "tea"], ["tea", "roast"])
    assert (record.writes, record.computed) == (["tea", "coffee", "roast"], ["tea"])
    assert (record.forgets, record.keys("failed forget")) == (["coffee"], ["coffee"])
    assert (record.touches, record.increments) == (["coffee"], [])
    assert (record.flushes, record.flushed_tags) == (["default"], ["beans"])
    assert record.of(key="coffee").writes == ["coffee"]
    assert record.of(key="coffee").hits == record.of(store="other").hits == []
    record.clear()
    assert str(record) == "  nothing"


def test_what_plain_django_asks(stored: str) -> None:
    plain = caches["default"]
    with record_cache() as record:
        assert plain.get("tea") is None
        assert plain.get("tea", "none") == "none"
        assert plain.get("tea", default=3) == 3
        plain.set("tea", None)
        assert plain.get("tea", "none") is None
        assert "tea" in plain
        assert plain.set_many({"a": 1, "b": 2}) == []
        assert plain.get_many(iter(["a", "c"])) == {"a": 1}
        assert plain.add("a", 3) is False
        assert plain.add("d", 4) is True
        assert plain.incr("d") == 5
        assert plain.touch("d") is True
        assert plain.delete("d") is True
        assert plain.delete("d") is False
        plain.delete_many(["a", "b"])
        assert (plain.get_many([]), plain.set_many({})) == ({}, [])
        plain.delete_many(())
        plain.clear()
    assert [(event.what, event.key) for event in record.events] == [
        ("miss", "tea"),
        ("miss", "tea"),
        ("miss", "tea"),
        ("write", "tea"),
        ("hit", "tea"),
        ("hit", "tea"),
        ("write", "a"),
        ("write", "b"),
        ("hit", "a"),
        ("miss", "c"),
        ("failed write", "a"),
        ("write", "d"),
        ("increment", "d"),
        ("touch", "d"),
        ("forget", "d"),
        ("failed forget", "d"),
        ("forget", "a"),
        ("forget", "b"),
        ("flush", None),
    ]
    assert {event.store for event in record.events} == {"default"}


@pytest.mark.parametrize(
    "stored", ["array", "locmem", "file", "redis", "postgresql"], indirect=True
)
def test_coroutines(stored: str) -> None:
    async def main() -> None:
        await cache.aremember("tea", 60, lambda: "Assam")
        await cache.aget("tea")
        await caches["default"].aget("nothing")
        await caches["default"].aset("nothing", 1)

    with record_cache() as record:
        asyncio.run(main())
    assert [(event.what, event.key) for event in record.events] == [
        ("miss", "tea"),
        ("compute", "tea"),
        ("write", "tea"),
        ("hit", "tea"),
        ("miss", "nothing"),
        ("write", "nothing"),
    ]


@pytest.mark.parametrize("stored", ["array", "locmem", "redis", "postgresql"], indirect=True)
def test_threads(stored: str) -> None:
    with record_cache() as record:
        thread = threading.Thread(target=lambda: caches["default"].get("tea"))
        thread.start()
        thread.join()
    assert record.misses == ["tea"]


@pytest.mark.parametrize("stored", ["array", "locmem"], indirect=True)
def test_an_object_of_another_thread(stored: str) -> None:
    made = list[Any]()
    thread = threading.Thread(target=lambda: made.append(caches["default"]))
    thread.start()
    thread.join()
    with record_cache("default") as record, record_round_trips("default") as trips:
        made[0].get("tea")
    assert (record.misses, len(trips)) == (["tea"], 1)


def test_pages(array: None) -> None:
    @cached_view(60, tags=["pages"])
    def page(request: HttpRequest) -> HttpResponse:
        return HttpResponse("tea")

    with record_cache() as record:
        for _ in range(2):
            page(RequestFactory().get("/tea"))
    assert [event.what for event in record.events] == ["miss"] * 2 + ["write"] * 2 + ["hit"] * 2
    assert all("cache_" in str(event.key) for event in record.events), "and nothing of our own"


def test_an_alias_that_cannot_be_used_is_in_nobodys_way() -> None:
    array = {"BACKEND": OURS + "array.ArrayCache"}
    stores = {"default": array, "other": {"BACKEND": "no.such.Cache"}}
    one, other = record_cache(), record_round_trips()
    with override_settings(CACHES=stores), one as record, other as trips:
        cache.get("tea")
    assert (record.misses, len(trips)) == (["tea"], 1)


def test_computations(array: None) -> None:
    calls = list[int]()

    @cached(60, key="tea:{number}")
    def tea(number: int) -> int:
        calls.append(number)
        return number

    with record_cache() as record:
        tea(1)
        tea(1)
        tea.refresh(1)
        cache.remember_many(["a", "b"], 60, lambda keys: dict.fromkeys(keys, 1))
        cache.remember_many(["a", "b"], 60, lambda keys: dict.fromkeys(keys, 1))
        cache.get_or_set("c", lambda: 1)
        cache.remember("outer", 60, lambda: cache.remember("inner", 60, lambda: 1))
    assert calls == [1, 1]
    assert record.computed == ["tea:1", "tea:1", "a", "b", "c", "outer", "inner"]


class Later(LocMemCache):
    """Be a cache whose coroutines are its own, as those of some packages are."""

    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self.get(key, default, version)

    async def aset(self, key: Any, value: Any, *args: Any, **named: Any) -> None:
        self.set(key, value, *args, **named)


def test_a_call_that_is_several_is_heard_once() -> None:
    async def main(plain: Any) -> Any:
        await plain.aset("tea", 1)
        await cache.aget("facade")
        return await plain.aget("tea"), await plain.aget("none", 2), await plain.aget_many(["tea"])

    config = {"BACKEND": f"{__name__}.Later", "LOCATION": "later"}
    one, other = record_cache(), record_cache()
    with override_settings(CACHES={"default": config}), one as outer, other as inner:
        assert asyncio.run(main(caches["default"])) == (1, 2, {"tea": 1})
        cache.put("coffee", 2)
        assert cache.get("coffee") == 2
    told = [("write", "tea"), ("miss", "facade"), ("hit", "tea"), ("miss", "none"), ("hit", "tea")]
    told += [("write", "coffee"), ("hit", "coffee")]
    for record in (outer, inner):
        assert [(event.what, event.key) for event in record.events] == told
    assert "get" not in vars(Later), "all is as it was"


def test_one_alias_of_several() -> None:
    array = {"BACKEND": OURS + "array.ArrayCache"}
    stores = {"default": array, "pages": {**array, "LOCATION": "pages"}}
    stores["local"] = {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": "local"}
    with override_settings(CACHES=stores), record_cache() as record, record_cache("local") as local:
        for alias in stores:
            cache.store(alias).get("a")
            caches[alias].get("b")
    assert [event.store for event in record.events] == [n for n in stores for _ in "ab"]
    assert local.misses == record.of(store="local").misses == ["a", "b"]


def test_all_is_as_it_was(stored: str) -> None:
    heard = [signal for signal in vars(signals).values() if isinstance(signal, Signal)]

    def there() -> list[Any]:
        made = [Job.compute, Batch._make, Call.say, *(vars(LocMemCache).get(v) for v in VERBS)]
        return [[len(signal.receivers) for signal in heard], made]

    before = there()
    with record_cache():
        assert there()[0] != before[0]
        cache.get("tea")
    assert there() == before


# What is asserted


class Tea(Enum):
    ASSAM = "assam"


def test_what_is_as_expected_passes(stored: str) -> None:
    with assert_cache(
        hits=1, misses=["assam", "a"], writes=2, forgets=0, computed=["assam"]
    ) as record:
        cache.remember(Tea.ASSAM, 60, lambda: 1)
        cache.get("assam")
        cache.get("a")
        cache.tags("t").put("b", 1)
        cache.tags("t").flush()
    assert record.flushed_tags == ["t"]
    with assert_cache(hits=[Tea.ASSAM], store="default"), assert_cache(hits=0, store="other"):
        cache.get("assam")
    with assert_cache(flushes=["default"], flushed_tags=[], touches=0, increments=()):
        cache.flush()
    with assert_cache():
        cache.get("a")


WRONG: dict[str, tuple[Any, str]] = {
    "hits": (0, "hits: expected 0, found 1 ['tea']"),
    "misses": (["tea"], "misses: expected ['tea'], found 1 ['a']"),
    "writes": (["tea", "tea"], "writes: expected ['tea', 'tea'], found 1 ['tea']"),
    "forgets": (0, "forgets: expected 0, found 1 ['tea']"),
    "touches": (2, "touches: expected 2, found 1 ['tea']"),
    "computed": (["tea"], "computed: expected ['tea'], found 0 []"),
    "flushes": ([], "flushes: expected [], found 1 ['default']"),
    "flushed_tags": (["a"], "flushed_tags: expected ['a'], found 1 ['b']"),
    "increments": (1, "increments: expected 1, found 0 []"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_failure_tells_what_was_asked(name: str, stored: str) -> None:
    expected, said = WRONG[name]

    def work() -> None:
        cache.put("tea", 1)
        cache.get("tea")
        cache.get("a")
        cache.touch("tea", 60)
        cache.forget("tea")
        cache.tags("b").flush()
        cache.flush()

    assert failure(assert_cache(**{name: expected}), work) == (
        "The cache was not asked what was expected.\n"
        f"{said}\n"
        "What it was asked, in order:\n"
        "  1. default: write 'tea'\n"
        "  2. default: hit 'tea'\n"
        "  3. default: miss 'a'\n"
        "  4. default: touch 'tea'\n"
        "  5. default: forget 'tea'\n"
        "  6. default: flush of tags (tags b)\n"
        "  7. default: flush"
    )


def test_all_that_is_wrong_is_told(array: None) -> None:
    said = failure(assert_cache(hits=1, misses=0, writes=["a"]))
    assert re.search(r"(?s)hits: .*writes: .*in order:\n  nothing$", said)


def test_an_error_inside_is_told_before(array: None) -> None:
    with pytest.raises(ZeroDivisionError), assert_cache(hits=1):
        raise ZeroDivisionError


def test_an_alias_that_is_silent_is_told() -> None:
    config = {"BACKEND": OURS + "array.ArrayCache", "OPTIONS": {"SIGNALS": False}}
    with override_settings(CACHES={"default": config}):
        said = failure(assert_cache(hits=1), lambda: cache.get("tea"))
    assert said.endswith("Nothing is heard of those with SIGNALS: False: default.")


def test_text_is_no_list_of_keys() -> None:
    with pytest.raises(TypeError, match=r"not the text 'tea'"):
        assert_cache(hits="tea")


def test_functions(array: None) -> None:
    @assert_cache(misses=["tea"])
    def work(key: str) -> None:
        cache.get(key)

    @assert_cache(misses=["tea"])
    async def awaited(key: str) -> None:
        await cache.aget(key)

    work("tea")
    asyncio.run(awaited("tea"))
    with pytest.raises(AssertionError, match=r"found 1 \['coffee'\]"):
        work("coffee")
    with pytest.raises(AssertionError, match=r"found 1 \['coffee'\]"):
        asyncio.run(awaited("coffee"))


def test_cases() -> None:
    @override_cache()
    class Cases(CacheAssertions, unittest.TestCase):
        def test_passes(self) -> None:
            with self.assertCache(misses=["tea"], hits=0) as record:
                cache.get("tea")
            assert record.misses == ["tea"]
            with self.assertRoundTrips(1), self.assertRoundTrips(0, store="other"):
                cache.get("tea")

        def test_fails(self) -> None:
            with self.assertCache(misses=0):
                cache.get("tea")

        def test_goes_too_often(self) -> None:
            with self.assertRoundTrips(2):
                cache.get("tea")

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Cases).run(result)
    failed = {case.id().rpartition(".")[2]: text for case, text in result.failures}
    assert (result.testsRun, result.errors, sorted(failed)) == (
        3,
        [],
        ["test_fails", "test_goes_too_often"],
    )
    assert re.search(r"misses: expected 0, found 1 \['tea'\]", failed["test_fails"])
    assert "2 round trips expected, 1 made" in failed["test_goes_too_often"]
