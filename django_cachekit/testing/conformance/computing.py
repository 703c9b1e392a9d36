"""Computing: remembered once, by one caller, and never kept past a flush."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ... import cache
from ..faced import Faced


class Counter:
    """Count the calls of what is computed."""

    def __init__(self, value: Any = None) -> None:
        self.calls = 0
        self.value = value

    def __call__(self) -> Any:
        self.calls += 1
        return self.calls if self.value is None else self.value


def test_remember_computes_once(store: Faced, clock: Any) -> None:
    make = Counter()
    assert [store.remember("key", 60, make) for _ in range(3)] == [1, 1, 1]
    clock.advance(61)
    assert store.remember("key", 60, make) == 2


def test_remember_caches_none(store: Faced) -> None:
    calls: list[int] = []
    for _ in range(2):
        assert store.remember("key", 60, lambda: calls.append(1)) is None
    assert len(calls) == 1


def test_remember_forever_and_sear(store: Faced, clock: Any) -> None:
    make = Counter()
    assert store.remember_forever("key", make) == 1
    clock.advance(10**8)
    assert store.sear("key", make) == 1


def test_the_ttl_may_depend_on_the_value(store: Faced, clock: Any) -> None:
    seen: list[Any] = []

    def ttl(value: Any) -> int:
        seen.append(value)
        return 30

    assert store.remember("key", ttl, lambda: "v") == "v"
    assert seen == ["v"]
    clock.advance(31)
    assert store.has("key") is False


def test_a_ttl_that_is_over_stores_nothing(store: Faced) -> None:
    make = Counter()
    assert [store.remember("key", 0, make) for _ in range(2)] == [1, 2]
    assert store.has("key") is False


def test_make_may_take_the_entry_being_built(store: Faced, clock: Any) -> None:
    def short(entry: Any) -> str:
        entry.ttl = 10
        return "short"

    def unsure(entry: Any) -> str:
        assert entry.stale is None
        entry.skip()
        return "unsure"

    assert store.remember("a", 600, short) == "short"
    assert store.remember("b", 600, unsure) == "unsure"
    assert store.has("b") is False
    clock.advance(11)
    assert store.has("a") is False


def test_a_make_with_a_default_argument_is_called_without(store: Faced) -> None:
    assert store.remember("key", 60, lambda bound=7: bound) == 7


def test_an_error_of_make_is_the_callers_and_nothing_is_stored(store: Faced) -> None:
    def broken() -> Any:
        raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        store.remember("key", 60, broken)
    assert store.remember("key", 60, lambda: 1) == 1


def test_what_is_no_function_is_refused(store: Faced) -> None:
    with pytest.raises(TypeError, match="function"):
        store.remember("key", 60, "value")


def test_remember_inside_remember(store: Faced) -> None:
    repository = store.repository

    def outer() -> Any:
        return [
            repository.remember("inner", 60, lambda: 1),
            repository.remember("outer", 60, lambda: 2),
        ]

    assert store.remember("outer", 60, store.callback(outer)) == [1, 2]


def test_remember_many_reads_once_computes_once_writes_once(store: Faced) -> None:
    asked: list[list[str]] = []

    def make_many(keys: list[str]) -> dict[str, str]:
        asked.append(list(keys))
        return {key: key.upper() for key in keys if key != "none"}

    store.put("b", "kept", 60)
    keys = ["c", "b", "a", "none"]
    expected = [("c", "C"), ("b", "kept"), ("a", "A")]
    assert list(store.remember_many(keys, 60, make_many).items()) == expected
    assert list(store.remember_many(keys, 60, make_many).items()) == expected
    assert asked == [["c", "a", "none"], ["none"]]
    assert store.remember_many([], 60, make_many) == {}
    with pytest.raises(TypeError, match="dict"):
        store.remember_many(["x"], 60, lambda keys: keys)


def test_get_or_set(store: Faced, clock: Any) -> None:
    make = Counter()
    assert store.get_or_set("key", make, 60) == 1
    assert store.get_or_set("key", make, 60) == 1
    assert store.get_or_set("plain", "value", 60) == "value"
    assert store.get_or_set("none", None, 60) is None
    assert store.has("none") is True
    clock.advance(61)
    assert store.get_or_set("key", make, 60) == 2


def test_get_or_set_leaves_what_another_sets_meanwhile(store: Faced) -> None:
    def slow() -> str:
        store.repository.set("key", "theirs")
        return "ours"

    assert store.get_or_set("key", store.callback(slow), 60) == "theirs"
    assert store.get("key") == "theirs"


@pytest.mark.parametrize("verb", ["forget", "flush"])
def test_what_is_removed_during_get_or_set_is_not_brought_back(
    store: Faced, plain: Any, verb: str
) -> None:
    gone = {"forget": lambda: store.repository.forget("key"), "flush": store.repository.flush}

    def overtaken() -> str:
        gone[verb]()
        return "old"

    assert store.get_or_set("key", store.callback(overtaken), 60) == "old"
    assert store.get("key") is None
    if hasattr(plain, "cachekit_stack"):  # so do ours for those who know only Django
        assert plain.get_or_set("key", overtaken, 60) == "old"
        assert store.get("key") is None


def test_threads_compute_once_for_djangos_get_or_set(plain: Any, able: Any) -> None:
    able("threads")
    if not hasattr(plain, "cachekit_stack"):
        pytest.skip("it is Django's own")
    make, inside = Counter(), threading.Event()

    def slow() -> int:
        inside.wait(2)
        return int(make())

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(plain.get_or_set, "key", slow, 60) for _ in range(8)]
        inside.set()
        assert [future.result(10) for future in waiting] == [1] * 8


def test_an_error_of_a_computation_of_many_reaches_all_who_wait(store: Faced, able: Any) -> None:
    able("threads")
    inside, calls = threading.Event(), []

    def broken(keys: list[str]) -> Any:
        calls.append(1)
        inside.wait(2)
        raise LookupError("gone")

    def ask() -> Any:
        with pytest.raises(LookupError):
            store.repository.remember_many(["key", "other"], 60, broken)
        return True

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask) for _ in range(4)]
        while not calls:
            pass
        inside.set()
        assert all(future.result(10) for future in waiting)


def test_threads_compute_many_keys_once(store: Faced, able: Any) -> None:
    able("threads")
    counted, inside = list[str](), threading.Event()

    def make_many(keys: list[str]) -> dict[str, str]:
        inside.wait(2)
        counted.extend(keys)
        return {key: key.upper() for key in keys if key != "none"}

    def ask(keys: list[str]) -> Any:
        return store.repository.remember_many(keys, 60, make_many)

    keys = ["a", "b", "c", "d"]
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask, [*keys[at % 4 :], *keys[: at % 4]]) for at in range(8)]
        inside.set()
        for future in waiting:
            assert future.result(10) == {key: key.upper() for key in keys}
    assert sorted(counted) == keys


def test_a_key_that_is_forgotten_while_many_are_computed_is_not_kept(store: Faced) -> None:
    def overtaken(keys: list[str]) -> dict[str, int]:
        store.repository.forget("a")
        store.repository.put("b", "theirs", 60)
        return dict.fromkeys(keys, 1)

    made = store.remember_many(["a", "b", "c"], 60, store.callback(overtaken))
    assert made == {"a": 1, "b": 1, "c": 1}
    assert store.get("a") is None
    assert store.get("c") == 1


def test_many_inside_many(store: Faced) -> None:
    repository = store.repository

    def inner(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, "inner")

    def outer(keys: list[str]) -> dict[str, Any]:
        return {"a": repository.remember_many(["a", "b", "c"], 60, inner), "b": "outer"}

    made = store.remember_many(["a", "b"], 60, store.callback(outer))
    assert made == {"a": {"a": "inner", "b": "inner", "c": "inner"}, "b": "outer"}
    assert store.get("c") == "inner"


def test_threads_compute_once(store: Faced, able: Any) -> None:
    able("threads")
    make, inside = Counter(), threading.Event()

    def slow() -> int:
        inside.wait(2)
        return int(make())

    with ThreadPoolExecutor(12) as pool:
        waiting = [pool.submit(store.repository.remember, "key", 60, slow) for _ in range(12)]
        inside.set()
        assert [future.result(10) for future in waiting] == [1] * 12
    assert make.calls == 1


@pytest.mark.parametrize("tags", [(), ("t",)])
def test_each_who_waits_has_a_copy_of_his_own(store: Faced, able: Any, tags: Any) -> None:
    able("threads")
    inside, calls = threading.Event(), list[int]()
    scope = store.repository.tags(*tags) if tags else store.repository

    def slow() -> dict[str, list[int]]:
        calls.append(1)
        inside.wait(0.3)
        return {"list": [1]}

    with ThreadPoolExecutor(4) as pool:
        values = list(pool.map(lambda _: scope.remember("key", 60, slow), range(4)))
    for value in values:
        assert value == {"list": [1]}
        value["list"].append(2)
    assert len(calls) == 1


def test_tasks_compute_once(configured: Any, able: Any) -> None:
    able("threads")
    make = Counter()

    async def slow() -> int:
        await asyncio.sleep(0.01)
        return int(make())

    async def many() -> list[int]:
        return await asyncio.gather(*[cache.aremember("key", 60, slow) for _ in range(12)])

    assert asyncio.run(many()) == [1] * 12
    assert make.calls == 1


def test_an_error_reaches_all_who_wait(store: Faced, able: Any) -> None:
    able("threads")
    inside, calls = threading.Event(), []

    def broken() -> Any:
        calls.append(1)
        inside.wait(2)
        raise LookupError("gone")

    def ask() -> Any:
        with pytest.raises(LookupError):
            store.repository.remember("key", 60, broken)
        return True

    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(ask) for _ in range(6)]
        while not calls:
            pass
        inside.set()
        assert all(future.result(10) for future in waiting)
    assert len(calls) <= 6


def test_two_that_need_each_other_do_not_wait_for_ever(store: Faced, able: Any) -> None:
    able("threads")
    both_begun = threading.Barrier(2, timeout=10)
    c = store.repository

    def make(other: str) -> Any:
        def run() -> Any:
            both_begun.wait()
            return c.remember(other, 60, lambda: f"{other} alone")

        return run

    with ThreadPoolExecutor(2) as pool:
        a = pool.submit(c.remember, "a", 60, make("b"))
        b = pool.submit(c.remember, "b", 60, make("a"))
        assert {a.result(10)[:1], b.result(10)[:1]} <= {"a", "b"}


def test_a_flush_while_computing_is_not_undone(store: Faced) -> None:
    def overtaken() -> str:
        store.repository.flush()
        return "old"

    assert store.remember("key", 60, store.callback(overtaken)) == "old"
    assert store.get("key") is None
    overtaken_too = store.callback(lambda keys: {"key": overtaken()})
    assert store.remember_many(["key"], 60, overtaken_too) == {"key": "old"}
    assert store.get("key") is None


def test_a_forget_while_computing_is_not_undone(store: Faced) -> None:
    def overtaken() -> str:
        store.repository.forget("key")
        return "old"

    assert store.remember("key", 60, store.callback(overtaken)) == "old"
    assert store.get("key") is None


def test_who_comes_after_a_forget_does_not_get_what_was_begun_before(
    store: Faced, able: Any
) -> None:
    able("threads")
    c, begun, go = store.repository, threading.Event(), threading.Event()

    def old() -> str:
        begun.set()
        go.wait(1)  # on a store with leases the second waits for it, too
        return "old"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(c.remember, "key", 60, old)
        begun.wait(5)
        c.forget("key")
        second = pool.submit(c.remember, "key", 60, lambda: "new")
        assert second.result(10) == "new"
        go.set()
        assert first.result(10) == "old"
    assert c.get("key") in ("new", None)


def test_memo_reads_the_store_once(store: Faced, plain: Any) -> None:
    store.put("key", 1, 60)
    memo = store.memo()
    assert memo.get("key") == 1
    plain.set("key", 2)
    assert store.repository.memo().get("key") in (1, 2)


@pytest.mark.parametrize("write", ["put", "forget", "tags", "flush"])
def test_memo_sees_ones_own_writes(configured: Any, write: str) -> None:
    memo = cache.memo()
    cache.tags("t").put("key", 1, 60)
    assert memo.get("key") == 1
    {
        "put": lambda: cache.put("key", 2, 60),
        "forget": lambda: cache.forget("key"),
        "tags": lambda: cache.tags("t").flush(),
        "flush": cache.flush,
    }[write]()
    assert memo.get("key") == (2 if write == "put" else None)
