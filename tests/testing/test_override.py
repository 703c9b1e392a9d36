"""A store in place of the project's own: empty, apart, and gone afterwards."""

import asyncio
import contextvars
import threading
import unittest
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends import locmem
from django.test import SimpleTestCase, override_settings

from django_cachekit import cache, cached
from django_cachekit.backends import array as arrays
from django_cachekit.backends.array import ArrayCache
from django_cachekit.backends.null import NullCache
from django_cachekit.testing import await_background, override_cache, wait_for_background
from django_cachekit.testing.clock import Clock
from tests.placing import make_tables, placed
from tests.stores import BY_NAME, DJANGO, OURS

ARRAY = {"BACKEND": OURS + "array.ArrayCache"}
TWO: dict[str, Any] = {
    "default": ARRAY,
    "pages": {**ARRAY, "LOCATION": "pages", "KEY_PREFIX": "p", "TIMEOUT": 60},
}


def test_the_store_is_another_and_empty_and_the_former_is_untouched(stored: str) -> None:
    cache.put("tea", "Assam", 600)
    caches["default"].set("coffee", "Kenya", 600)
    with override_cache() as inside:
        assert inside is cache
        assert isinstance(caches["default"], ArrayCache)
        assert cache.many(["tea", "coffee"]) == {"tea": None, "coffee": None}
        assert caches["default"].get("coffee") is None
        cache.put("tea", "Yunnan")
        caches["default"].set("new", 1)
        assert (cache.get("tea"), caches["default"].get("new")) == ("Yunnan", 1)
    assert cache.get("tea") == "Assam"
    assert caches["default"].get("coffee") == "Kenya"
    assert cache.get("new") is None


def test_a_flush_inside_is_none_outside(stored: str) -> None:
    cache.tags("leaves").put("tea", "Assam", 600)
    with override_cache():
        cache.flush()
        cache.tags("leaves").flush()
    assert cache.tags("leaves").get("tea") == "Assam"


def test_an_epoch_file_is_not_shared_with_the_former(tmp_path: Path) -> None:
    config = dict(BY_NAME["file"].caches(tmp_path)["default"])
    config["OPTIONS"] = {**config["OPTIONS"], "EPOCH_FILE": str(tmp_path / "epoch")}
    with override_settings(CACHES={"default": config}):
        cache.put("real", 1, 600)
        with override_cache(default=config):
            cache.put("other", 1, 600)
        assert cache.get("real") == 1


def test_each_block_begins_empty(array: None) -> None:
    one = override_cache()
    for _ in range(2):
        with one:
            assert cache.get("tea") is None
            cache.put("tea", "Assam")


def test_blocks_in_blocks(array: None) -> None:
    cache.put("level", 0)
    with override_cache():
        cache.put("level", 1)
        with override_cache(off=True):
            cache.put("level", 2)
            assert cache.get("level") is None
            with override_cache():
                assert cache.get("level") is None
        assert cache.get("level") == 1
    assert cache.get("level") == 0


def test_one_may_stand_around_itself(array: None) -> None:
    @override_cache()
    def down(levels: int) -> None:
        assert cache.get("level") is None
        cache.put("level", levels)
        if levels:
            down(levels - 1)
        assert cache.get("level") == levels

    down(3)


def test_repositories_and_functions_from_before_use_it(array: None) -> None:
    with override_settings(CACHES=TWO):
        pages, tagged, calls = cache.store("pages"), cache.tags("leaves"), list[int]()

        @cached(600, store="pages")
        def tea(number: int) -> int:
            calls.append(number)
            return number

        tea(1)
        pages.put("a", 1)
        tagged.put("b", 2)
        with override_cache():
            assert (pages.get("a"), tagged.get("b")) == (None, None)
            tea(1)
            tea(1)
        tea(1)
        assert (pages.get("a"), tagged.get("b")) == (1, 2)
        assert calls == [1, 1]


def test_threads_from_inside_use_it(array: None) -> None:
    cache.put("tea", "Assam")
    seen = list[Any]()

    def look() -> None:
        seen.append(cache.get("tea"))
        cache.put("tea", "Yunnan")

    with override_cache():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert cache.get("tea") == "Yunnan"
    assert seen == [None]
    assert cache.get("tea") == "Assam"


def test_some_aliases_and_not_others(array: None) -> None:
    with override_settings(CACHES=TWO):
        cache.put("a", 1)
        cache.store("pages").put("a", 2)
        before = cache._home.stack().driver
        with override_cache("pages") as pages:
            assert pages is cache.store("pages")
            assert (cache.get("a"), pages.get("a")) == (1, None)
            assert cache._home.stack().driver is before, "its connections are kept"
            cache.put("a", 3)
        assert (cache.get("a"), cache.store("pages").get("a")) == (3, 2)


def test_an_alias_over_another_has_what_is_in_its_place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    for name in ("tagged-array", "tagged-locmem"):
        with placed(BY_NAME[name], request, tmp_path):
            cache.put("tea", "Assam")
            with override_cache("beside"):
                assert cache.get("tea") is None
                cache.put("tea", "Yunnan")
            assert cache.get("tea") == "Assam"


def test_what_a_memory_takes_over(array: None) -> None:
    options = {"TAG_INDEX": True, "MAX_ENTRIES": 1}
    with (
        override_settings(CACHES={"default": ARRAY, "pages": {**TWO["pages"], "OPTIONS": options}}),
        override_cache(),
    ):
        pages = cache.store("pages")
        pages.tags("t").put("a", 1, 5)
        caches["pages"].set("b", 1)
        assert caches["pages"].make_key("b") == "p:1:b"
        assert 50 < (pages.ttl("b") or 0) <= 60
        assert list(pages.tags("t").keys()) == ["a"]
        assert cache.get("a") is None, "each alias has a memory of its own"


def test_an_alias_that_is_not_there(array: None) -> None:
    with (
        pytest.raises(InvalidCacheBackendError, match=r"override_cache\('defalt'\): .*'default'"),
        override_cache("defalt"),
    ):
        pass
    with override_cache(extra=None) as extra:
        extra.put("a", 1)
        assert extra.get("a") == 1


def test_off(stored: str) -> None:
    cache.put("tea", "Assam")
    with override_cache(off=True):
        assert isinstance(caches["default"], NullCache)
        assert cache.put("tea", "Yunnan") is True
        assert cache.get("tea") is None
        assert cache.remember("tea", 60, lambda: "fresh") == "fresh"
    assert cache.get("tea") == "Assam"


def test_the_configuration_given(stored: str, tmp_path: Path) -> None:
    """Of the very store that is in force: what lies there is not seen, nor lost."""
    config = dict(caches.settings["default"])
    cache.tags("t").put("tea", "Assam", 600)
    for _ in range(2):
        with override_cache(default=config):
            assert type(caches["default"]).__name__ in config["BACKEND"]
            assert cache.get("tea") is None
            cache.tags("t").put("tea", "Yunnan", 600)
            cache.put("new", 1)
            assert cache.get("tea") == "Yunnan"
            cache.tags("t").flush()
            cache.flush()
            cache.put("left", 1)
    assert cache.tags("t").get("tea") == "Assam"
    assert cache.many(["new", "left"]) == {"new": None, "left": None}
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) in ([], ["store"])


@pytest.mark.parametrize("stored", ["redis", "postgresql"], indirect=True)
def test_what_was_written_in_a_store_that_was_given_is_gone(stored: str) -> None:
    driver: Any = cache._home.stack().driver
    before = _entries(stored, driver)
    with override_cache(default=dict(caches.settings["default"])):
        cache.put("tea", "Assam", 600)
        assert _entries(stored, driver) > before
    assert _entries(stored, driver) <= before + 1, "the mark of a flush at most"


def _entries(name: str, driver: Any) -> int:
    if name == "redis":
        return int(driver.engine.wire.place.client.get_client().dbsize())
    with driver.table.place.writer().cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {driver.table.place.table}")  # noqa: S608 - ours
        return int(cursor.fetchone()[0])


def test_a_context_does_not_grow(array: None) -> None:
    """Else each hop of a coroutine to a thread takes longer with every test that was run."""

    def block() -> int:
        with override_cache():
            cache.put("tea", "Assam")
            cache.memo().get("tea")
        return len(contextvars.copy_context())

    block()
    assert block() == block()


def test_cache_objects_are_those_of_before(array: None) -> None:
    before = caches["default"]
    with override_cache():
        inside = caches["default"]
        assert caches["default"] is inside is not before
        assert list(caches.all(initialized_only=True)) == [inside]
        del caches["default"]
        assert caches["default"] is not inside
    assert caches["default"] is before


def test_memories_are_let_go(array: None) -> None:
    before = set(arrays._memories)
    with override_cache():
        cache.put("a", 1)
        assert set(arrays._memories) != before
    assert set(arrays._memories) == before
    places = set(locmem._caches)  # type: ignore[attr-defined]  # not in the stubs
    with override_cache(default={"BACKEND": DJANGO + "locmem.LocMemCache"}):
        cache.put("a", 1)
        assert cache.get("a") == 1
    assert set(locmem._caches) == places  # type: ignore[attr-defined]  # not in the stubs


def test_files_are_removed(tmp_path: Path) -> None:
    for name in ("file", "django-file"):
        with override_cache(default=BY_NAME[name].config(tmp_path)):
            cache.put("a", 1)
            assert cache.get("a") == 1
    assert list(tmp_path.iterdir()) == []


def test_statistics_are_those_of_before(stored: str) -> None:
    tagged = cache.tags("t")
    tagged.put("a", 1, 60)
    tagged.get("a")
    tagged.get("b")
    before = tagged.stats()["t"]
    assert (before["hits"], before["misses"]) == (1, 1)
    with override_cache():
        tagged.get("a")
        assert (tagged.stats()["t"]["hits"], tagged.stats()["t"]["misses"]) == (0, 1)
    assert tagged.stats()["t"] == before


def test_memos_are_those_of_before(array: None) -> None:
    memo = cache.memo()
    cache.put("a", 1)
    assert memo.get("a") == 1
    with override_cache():
        assert memo.get("a") is None
        cache.put("a", 2)
        assert memo.get("a") == 2
    assert memo.get("a") == 1


def test_what_is_refreshed_behind_ends_inside(array: None, clock: Clock) -> None:
    free = threading.Event()
    with override_cache():
        cache.flexible("tea", (1, 60), lambda: "old")
        clock.advance(2)
        assert cache.flexible("tea", (1, 60), lambda: free.wait(5) and "new") == "old"
        threading.Timer(0.1, free.set).start()
    assert free.is_set()
    wait_for_background()
    assert cache.get("tea") is None


def test_a_task_behind_ends_inside(array: None, clock: Clock) -> None:
    async def main() -> None:
        free = asyncio.Event()

        async def make() -> str:
            await free.wait()
            return "new"

        async with override_cache():
            await cache.aflexible("tea", (1, 60), lambda: "old")
            clock.advance(2)
            assert await cache.aflexible("tea", (1, 60), make) == "old"
            asyncio.get_running_loop().call_later(0.1, free.set)
        assert free.is_set()
        await await_background()
        assert await cache.aget("tea") is None

    asyncio.run(main())


def test_work_that_does_not_end_is_told(array: None) -> None:
    held = threading.Event()
    with override_cache():
        cache.flexible("tea", (0.0001, 60), lambda: 1)
        cache.flexible("tea", (0.0001, 60), held.wait)
        try:
            with pytest.raises(TimeoutError, match=r"did not end in 0.05 seconds"):
                wait_for_background(0.05)
        finally:
            held.set()
        wait_for_background()


def test_an_error_inside_leaves_all_as_it_was(array: None) -> None:
    cache.put("tea", "Assam")
    with pytest.raises(ZeroDivisionError), override_cache():
        cache.put("tea", 1 / 0)
    assert cache.get("tea") == "Assam"


@pytest.mark.parametrize(
    "stored", ["array", "locmem", "file", "redis", "postgresql"], indirect=True
)
def test_a_coroutine_function_and_an_awaited_block(stored: str) -> None:
    config = dict(caches.settings["default"])

    async def work(inside: Any) -> Any:
        assert await inside.aget("tea") is None
        await inside.aput("tea", "Yunnan")
        return await inside.aget("tea")

    async def main() -> list[Any]:
        await cache.aput("tea", "Assam")
        found = []
        for one in (override_cache, partial(override_cache, default=config)):
            found.append(await one(kwarg_name="inside")(work)())  # type: ignore[call-arg]  # given
            async with one() as inside:
                found.append(await work(inside))
        return [*found, await cache.aget("tea")]

    assert asyncio.run(main()) == ["Yunnan"] * 4 + ["Assam"]


@override_cache(attr_name="tea")
class Decorated(SimpleTestCase):
    tea: Any

    def test_one(self) -> None:
        assert self.tea.get("tea") is None
        cache.put("tea", "Assam")

    test_two = test_one

    async def test_three(self) -> None:
        assert await cache.aget("tea") is None
        await cache.aput("tea", "Assam")


class Below(Decorated):
    """Be decorated by its base."""


def test_a_class_has_it_around_each_test(array: None) -> None:
    cache.put("tea", "outside")
    for case in (Decorated, Below):
        tests = unittest.defaultTestLoader.loadTestsFromTestCase(case)
        result = unittest.TestResult()
        tests.run(result)
        assert (result.testsRun, result.failures, result.errors) == (3, [], [])
    assert cache.get("tea") == "outside"


def test_only_test_cases_can_be_decorated() -> None:
    with pytest.raises(TypeError, match=r"TestCase"):
        override_cache()(type("Other", (), {}))


@pytest.mark.parametrize("stored", ["locmem"], indirect=True)
def test_a_tagged_alias_empties_nothing_that_lies_under_it(stored: str) -> None:
    config = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "default"}}
    cache.put("tea", "Assam")
    with override_cache(over=config) as over:
        over.tags("t").put("tea", "Yunnan")
        assert over.tags("t").get("tea") == "Yunnan"
    assert cache.get("tea") == "Assam"


def test_tables_can_be_made_inside(db: None) -> None:
    row = BY_NAME["database"]
    with override_cache(default=row.config(Path())):
        make_tables(row)
        cache.put("tea", "Assam")
        assert cache.get("tea") == "Assam"
