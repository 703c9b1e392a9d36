"""The memory of a request: nothing is read twice, nothing leaks into the next."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.signals import request_finished, request_started
from django.test import override_settings

from django_cachekit import cache, memo_scope
from django_cachekit.layers import memo

ARRAY = {"default": {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "memo"}}


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    with override_settings(CACHES=ARRAY), memo_scope():
        cache.flush()
        yield


def behind(key: str, value: Any) -> None:
    """Write without the memory noticing, as another process would."""
    from django.core.cache import caches

    caches["default"].set(key, value)


def test_what_was_read_is_not_read_again() -> None:
    cache.put("a", 1)
    assert cache.memo().get("a") == 1
    behind("a", 2)
    assert cache.memo().get("a") == 1
    assert cache.memo().many(["a"]) == {"a": 1}
    assert cache.get("a") == 2


def test_a_miss_is_remembered_too() -> None:
    assert cache.memo().get("a", "none") == "none"
    behind("a", 2)
    assert cache.memo().get("a") is None


def test_what_is_remembered_asks_nobody_by_either_face(monkeypatch: pytest.MonkeyPatch) -> None:
    scope = cache.memo()
    scope.tags("t").put("tagged", 1)
    scope.put("none", None)
    scope.flexible("soft", (60, 600), lambda: 3)
    reads = [
        lambda: scope.get("tagged"),
        lambda: async_to_sync(scope.aget)("tagged"),
        lambda: scope.tags("t").get("tagged"),
        lambda: scope.get("none", "default"),
        lambda: scope.get("soft"),
        lambda: scope.get("missing", lambda: "made"),
        lambda: async_to_sync(scope.aget)("missing", "given"),
    ]
    wanted = [1, 1, 1, None, 3, "made", "given"]
    assert [read() for read in reads] == wanted
    asked: list[Any] = []
    monkeypatch.setattr(memo.Memo, "__call__", lambda *args: asked.append(args))
    assert [read() for read in reads] == wanted
    assert asked == []
    assert scope.memo() is scope is cache.memo()


def test_what_another_thread_began_is_not_taken_on_the_straight_line() -> None:
    cache.put("a", 1)
    began = memo.Memory(owner=-1)
    with memo.within(began):
        began.values.put(("default", None, (), "", "a"), ["another's"])
        assert cache.memo().get("a") == 1
        assert cache.memo().get("a") == 1


def test_ones_own_writes_are_seen() -> None:
    scope = cache.memo()
    scope.get("a")
    scope.put("a", 1)
    assert scope.get("a") == 1
    cache.put("a", 2)
    assert scope.get("a") == 2
    cache.tags("t").put("b", 1)
    assert scope.tags("t").get("b") == 1
    cache.tags("t").flush()
    assert scope.tags("t").get("b") is None


def test_remember_under_memo() -> None:
    calls: list[int] = []
    for _ in range(3):
        cache.memo().remember("a", 60, lambda: calls.append(1))
    assert len(calls) == 1


@pytest.mark.django_db
def test_it_ends_with_the_request() -> None:
    cache.put("a", 1)
    request_started.send(None, environ={})
    assert cache.memo().get("a") == 1
    behind("a", 2)
    request_finished.send(None)
    assert cache.memo().get("a") == 2


def test_another_thread_has_its_own() -> None:
    cache.put("a", 1)
    found: list[Any] = []

    def other() -> None:
        cache.memo().get("a")
        behind("a", 2)
        found.append(cache.memo().get("a"))

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found == [1]
    assert cache.memo().get("a") == 2


def test_a_memory_begun_by_a_server_is_not_lent_to_its_requests() -> None:
    async def request(expected: int) -> None:
        assert await cache.memo().aget("a") == expected

    async def server() -> None:
        memo._memory.set(None)
        await cache.aput("a", 1)
        assert await cache.memo().aget("a") == 1
        for number in (2, 3):
            behind("a", number)
            await asyncio.create_task(request(number))

    asyncio.run(server())


def test_tasks_of_one_request_share_it() -> None:
    async def part() -> Any:
        return await cache.memo().aget("a")

    async def request() -> list[Any]:
        with memo_scope():
            await cache.aput("a", 1)
            first = await asyncio.create_task(part())
            behind("a", 2)
            return [first, await asyncio.create_task(part())]

    assert async_to_sync(request)() == [1, 1]


def test_it_is_bounded() -> None:
    for number in range(memo.ENTRIES + 50):
        cache.memo().get(f"k{number}")
    memory = memo.current()
    assert memory is not None
    assert len(memory.values) == memo.ENTRIES


def test_a_memory_that_ended_is_not_used() -> None:
    with memo_scope():
        held = memo.current()
    assert held is not None
    assert held.ended
    assert memo.current() is not held
    held.values.put(("default", None, (), "", "a"), ["left"])
    with memo.within(held):
        assert cache.memo().get("a") is None
