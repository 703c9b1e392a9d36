"""The store in memory: bounds, copies, and no thread."""

import asyncio
import copy
import threading
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.errors import Misconfigured, ValueTooLarge

ARRAY = "django_cachekit.backends.array.ArrayCache"


def configured(**options: Any) -> Any:
    location = f"{options}{id(options)}"
    config = {"BACKEND": ARRAY, "LOCATION": location, "OPTIONS": options}
    return override_settings(CACHES={"default": config})


def test_entries_are_bounded_and_the_least_recently_used_goes_first() -> None:
    with configured(MAX_ENTRIES=3):
        cache.put_many({"a": 1, "b": 2, "c": 3})
        assert cache.get("a") == 1
        cache.put("d", 4)
        assert cache.many("abcd") == {"a": 1, "b": None, "c": 3, "d": 4}


def test_bytes_are_bounded() -> None:
    with configured(MAX_BYTES=10_000):
        for number in range(100):
            cache.put(f"k{number}", "x" * 1000)
        driver = cache._home.stack().driver
        assert driver.memory.bytes <= 10_000
        assert cache.get("k99") == "x" * 1000
        assert cache.get("k0") is None
        cache.flush()
        assert driver.memory.bytes == 0


def test_the_books_are_right_after_everything() -> None:
    with configured(MAX_ENTRIES=50):
        for number in range(500):
            cache.put(f"k{number % 70}", [number] * (number % 9), 60)
            cache.increment(f"n{number % 5}")
            cache.forget(f"k{number % 11}")
            cache.tags(f"t{number % 3}").put(f"g{number % 20}", {"a": [number]}, 60)
        memory = cache._home.stack().driver.memory
        assert memory.bytes == sum(slot.size for slot in memory.slots.values())
        assert len(memory.slots) <= 50


def test_a_value_that_never_fits_is_refused_and_loses_nothing() -> None:
    with configured(MAX_BYTES=1000):
        cache.put("a", "small")
        with pytest.raises(ValueTooLarge, match=r"key [0-9a-f]{8}: .*MAX_BYTES"):
            cache.put("a", "x" * 2000)
        assert cache.get("a") == "small"


def test_copies_may_be_left_out() -> None:
    with configured(COPY=False):
        value = {"a": [1]}
        cache.put("a", value)
        assert cache.get("a") is value


@pytest.mark.parametrize(
    "rows",
    [
        [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
        [{}, {"id": 2}],
        [{"id": 1, "inner": [1]}, {"id": 2, "inner": [2]}],
        [{"id": 1}, [1]],
        [{(1, 2): "a tuple as a key"}],
    ],
    ids=["plain", "one empty", "nested", "mixed", "odd keys"],
)
def test_nobody_changes_the_rows_that_others_get(rows: list[Any]) -> None:
    with configured():
        wanted = copy.deepcopy(rows)
        cache.put("rows", rows)
        for given in (rows, cache.get("rows"), cache.get("rows")):
            assert given == wanted
            for row in given:
                for inner in row.values() if isinstance(row, dict) else ():
                    getattr(inner, "clear", list)()
                row.clear()
            given.append("changed")
        assert cache.get("rows") == wanted


def test_rows_that_are_one_stay_one() -> None:
    with configured():
        row = {"id": 1}
        cache.put("rows", [row, row])
        first, second = cache.get("rows")
        assert first is second is not row


def test_rows_have_about_the_size_that_they_have() -> None:
    with configured(MAX_BYTES=10_000), pytest.raises(ValueTooLarge):
        cache.put("rows", [{"id": number, "name": "x" * 40} for number in range(100)])


@pytest.mark.parametrize("bad", [{"MAX_ENTRIES": 0}, {"MAX_BYTES": "1"}, {"MAX_ENTRIES": True}])
def test_a_bound_that_is_none_is_said(bad: dict[str, Any]) -> None:
    with configured(**bad), pytest.raises(Misconfigured, match=next(iter(bad))):
        cache.get("a")


def test_the_awaited_face_takes_no_thread() -> None:
    threads: set[int] = set()

    class Watched:
        def __reduce__(self) -> Any:
            threads.add(threading.get_ident())
            return (dict, ())

    async def use() -> None:
        await cache.aput("a", Watched(), 60)
        await cache.aget("a")
        await cache.aremember("b", 60, Watched)
        await cache.tags("t").aflush()

    with configured():
        asyncio.run(use())
    assert threads == {threading.get_ident()}


def test_aliases_of_one_location_share_it_by_prefix() -> None:
    def alias(prefix: str) -> dict[str, Any]:
        return {"BACKEND": ARRAY, "LOCATION": "shared", "KEY_PREFIX": prefix}

    config = {"default": alias("a"), "same": alias("a"), "other": alias("b")}
    with override_settings(CACHES=config):
        cache.put("k", 1)
        assert cache.store("same").get("k") == 1
        assert cache.store("other").get("k") is None
        cache.store("other").put("k", 2)
        cache.flush()
        assert cache.store("other").get("k") == 2
        assert caches["same"].get("k") is None


def test_expired_entries_are_dropped_when_asked(clock: Any) -> None:
    with configured():
        cache.put_many({"a": 1, "b": 2}, 30)
        cache.put("c", 3)
        clock.advance(31)
        assert cache.prune() == 2
        assert list(cache.keys()) == ["c"]
