"""How many functions of this package the hottest paths call: a guard that no clock decides.

A count that rose needs a reason; one that fell is best written down here. Pythons that inline
comprehensions (from 3.12 on) call fewer, so each number is the most that any of them may call.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

import django_cachekit
from django_cachekit import cache
from tests.placing import placed
from tests.stores import BY_NAME

HOME = str(Path(django_cachekit.__file__).parent)
MANY = [f"many{number}" for number in range(100)]


@pytest.fixture
def on(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Have a store of the table, filled."""
    with placed(BY_NAME[request.param], request, tmp_path):
        cache.put("key", {"a": 1}, 600)
        cache.put("number", 1, 600)
        cache.put_many(dict.fromkeys(MANY, "value"), 600)
        cache.tags("t", "u").put("tagged", "value", 600)
        yield


class Counter:
    """Count the calls of functions of ours within a block, in this thread."""

    calls = 0

    def __enter__(self) -> "Counter":
        self._before = sys.getprofile()
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._before)

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        self.calls += event == "call" and frame.f_code.co_filename.startswith(HOME)


def counted(work: Callable[[], Any]) -> int:
    """Return how many functions of ours one call takes, when all is warm."""
    for _ in range(5):
        work()
    with Counter() as counter:
        work()
    return counter.calls


def awaited() -> int:
    """Return the same of an awaited read, in a loop that goes on."""

    async def read() -> int:
        for _ in range(5):
            await cache.aget("key")
        with Counter() as counter:
            await cache.aget("key")
        return counter.calls

    return asyncio.run(read())


PATHS: dict[str, Callable[[], Any]] = {
    "get": lambda: cache.get("key"),
    "get of the backend": lambda: caches["default"].get("key"),
    "miss": lambda: cache.get("nothing"),
    "aget": awaited,
    "memoised get": lambda: cache.memo().get("key"),
    "tagged get": lambda: cache.tags("t", "u").get("tagged"),
    "remember of a hit": lambda: cache.remember("key", 600, dict),
    "put": lambda: cache.put("key", {"a": 1}, 600),
    "many of 100": lambda: cache.many(MANY),
    "increment": lambda: cache.increment("number"),
    "forget": lambda: cache.forget("nothing"),
}

MOST: dict[str, tuple[int | None, ...]] = {
    "array": (2, 2, 2, 4, 9, 19, 10, 47, 1332, 41, 35),
    "locmem": (2, 0, 2, 4, 9, 156, 10, 45, 1242, None, 44),
    "file": (31, 31, 15, 48, 9, 76, 39, 96, 2639, 117, 40),
    "redis": (57, 57, 39, None, 9, 101, 65, 99, 2967, 87, 65),
    "memcached": (59, 59, 42, 50, 9, 104, 67, 103, 2963, 119, 69),
    "postgresql": (53, 53, 34, 52, 9, 96, 61, 88, 2859, 72, 49),
}
"""How many calls each of ``PATHS`` may make; None where the store has no such verb, or the number
depends on who reads beside it."""


@pytest.mark.parametrize("on", list(MOST), indirect=True)
def test_hot_paths_call_no_more_than_they_did(on: None, request: pytest.FixtureRequest) -> None:
    allowed = zip(PATHS, MOST[request.node.callspec.params["on"]], strict=True)
    most = {path: number for path, number in allowed if number is not None}
    found = {path: awaited() if path == "aget" else counted(PATHS[path]) for path in most}
    grown = {path: (count, most[path]) for path, count in found.items() if count > most[path]}
    assert not grown, "calls, and how many there were"


@pytest.mark.parametrize("name", ["array", "locmem", "file"])
def test_to_count_takes_one_call_more(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(BY_NAME[name], request, tmp_path):
        cache.put("key", {"a": 1}, 600)
        uncounted = counted(PATHS["get"]), counted(PATHS["miss"])
        with override_settings(CACHEKIT={"STATS": True}):
            found = counted(PATHS["get"]), counted(PATHS["miss"])
    assert found == tuple(number + 1 for number in uncounted)


def test_a_call_more_is_seen() -> None:
    before = counted(lambda: None)
    assert before == 0
    assert counted(lambda: cache.memo()) == counted(lambda: (cache.memo(), cache.memo())) / 2 > 0
