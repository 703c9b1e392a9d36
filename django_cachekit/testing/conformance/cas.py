"""Changing a value by what it is: no change of another is lost, and no flush is undone."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ...errors import NotSupported, TypeMismatch
from ...layers.memo import memo_scope
from ..faced import Faced


def plus_one(number: Any) -> Any:
    """Return a number's successor, None's being 1."""
    return (number or 0) + 1


class Meddling:
    """Add "mine" to a list, and at the first call let something come between."""

    def __init__(self, between: Any) -> None:
        self.between = between
        self.given: list[Any] = []

    def __call__(self, value: Any) -> Any:
        self.given.append(value)
        if len(self.given) == 1:
            self.between()
        return [*(value or ()), "mine"]


def test_cas_changes_what_is_there(store: Faced, able: Any) -> None:
    able("cas")
    store.put("key", [1], 60)
    assert store.cas("key", store.callback(lambda value: [*value, 2])) == [1, 2]
    assert store.cas("key", lambda value: [*value, 3]) == [1, 2, 3]
    assert store.get("key") == [1, 2, 3]
    assert store.cas("key", lambda value: None) is None
    assert store.cas("key", repr, default="unused") == "None"


def test_cas_begins_with_the_default(store: Faced, able: Any) -> None:
    able("cas")
    assert store.cas("a", repr) == "None"
    assert store.cas("b", lambda value: [*value, 1], default=[0]) == [0, 1]
    assert store.cas("c", lambda value: [*value, 1], default=store.callback(list)) == [1]
    assert store.many(["a", "b", "c"]) == {"a": "None", "b": [0, 1], "c": [1]}


def test_cas_keeps_the_ttl_or_gives_another(store: Faced, able: Any, clock: Any) -> None:
    able("cas")
    store.put_many({"kept": 1, "longer": 1, "ever": 1}, 30)
    store.cas("kept", plus_one)
    store.cas("longer", plus_one, ttl=300)
    store.cas("ever", plus_one, ttl=None)
    store.cas("new", plus_one)
    store.cas("brief", plus_one, ttl=30)
    clock.advance(100)
    assert store.many(["kept", "longer", "ever", "new", "brief"]) == {
        "kept": None, "longer": 2, "ever": 2, "new": 1, "brief": None,
    }  # fmt: skip
    clock.advance(10**6)
    assert store.many(["longer", "ever", "new"]) == {"longer": None, "ever": 2, "new": 1}


def test_cas_takes_what_has_expired_for_missing(store: Faced, able: Any, clock: Any) -> None:
    able("cas")
    store.put("key", 5, 30)
    clock.advance(31)
    assert store.cas("key", plus_one) == 1

    def late(value: int) -> int:
        clock.advance(31 if value == 5 else 0)
        return value + 1

    store.put("key", 5, 30)
    assert store.cas("key", late, default=100) == 101


def test_cas_with_a_ttl_that_is_over_at_once_is_done(store: Faced, able: Any) -> None:
    able("cas")
    assert store.cas("key", plus_one, ttl=1e-9) == 1
    store.put("key", 5, 60)
    assert store.cas("key", plus_one, ttl=1e-9) == 6


def test_cas_leaves_all_as_it_was_if_the_change_raises(store: Faced, able: Any) -> None:
    able("cas")
    store.put("key", 1, 60)

    def fail(value: Any) -> Any:
        raise LookupError(value)

    for key in ("key", "missing"):
        with pytest.raises(LookupError):
            store.cas(key, store.callback(fail))
    assert store.many(["key", "missing"]) == {"key": 1, "missing": None}
    with pytest.raises(Exception, match=r"(?i)pickle|lambda|serial"):
        store.cas("key", lambda value: lambda: value)
    assert store.get("key") == 1


def test_cas_refuses_what_makes_no_sense(store: Faced, able: Any) -> None:
    able("cas")
    with pytest.raises(TypeError, match="function"):
        store.cas("key", 5)
    for ttl in (0, -1):
        with pytest.raises(ValueError, match="ttl"):
            store.cas("key", plus_one, ttl=ttl)
    with pytest.raises(TypeError, match="ttl"):
        store.cas("key", plus_one, ttl="60")
    assert store.has("key") is False


@pytest.mark.parametrize("before", [[0], None])
def test_cas_begins_anew_when_another_came_between(
    store: Faced, able: Any, clock: Any, before: Any
) -> None:
    able("cas")
    if before is not None:
        store.put("key", before, 60)
    change = Meddling(lambda: store.put("key", ["theirs"], 600))
    assert store.cas("key", store.callback(change)) == ["theirs", "mine"]
    assert change.given == [before, ["theirs"]]
    clock.advance(100)
    assert store.get("key") == ["theirs", "mine"]


@pytest.mark.parametrize("before", ["plain", "counted"])
def test_cas_begins_anew_when_another_counted(store: Faced, able: Any, before: str) -> None:
    able("cas", "count")
    store.put("key", 1, 60)
    if before == "counted":
        store.increment("key", 0)
    seen: list[int] = []

    def change(value: int) -> int:
        seen.append(value)
        if len(seen) == 1:
            store.increment("key", 10)
        return value * 2

    assert store.cas("key", store.callback(change)) == 22
    assert seen == [1, 11]


def test_cas_begins_anew_when_the_key_was_forgotten(store: Faced, able: Any) -> None:
    able("cas")
    store.put("key", [0], 60)
    change = Meddling(lambda: store.forget("key"))
    assert store.cas("key", store.callback(change), default=["none"]) == ["none", "mine"]


@pytest.mark.parametrize("before", [[0], None])
def test_cas_begins_anew_when_the_alias_was_flushed(store: Faced, able: Any, before: Any) -> None:
    able("cas")
    store.put("other", 1)
    if before is not None:
        store.put("key", before, 60)
    change = Meddling(store.flush)
    assert store.cas("key", store.callback(change), default=["none"]) == ["none", "mine"]
    assert len(change.given) == 2
    assert store.get("key") == ["none", "mine"]


def test_cas_keeps_the_tags(store: Faced, able: Any) -> None:
    able("cas")
    store.tags("a", "b").put("key", 1, 60)
    assert store.cas("key", plus_one) == 2
    assert store.tags("a").cas("key", plus_one, ttl=600) == 3
    assert store.tags("a", "b").get("key") == 3
    store.tags("b").flush()
    assert store.get("key") is None
    assert store.cas("key", plus_one) == 1


def test_cas_under_tags(store: Faced, able: Any) -> None:
    able("cas")
    scope = store.tags("a", "b")
    assert scope.cas("key", plus_one) == 1
    assert scope.cas("key", plus_one) == 2
    assert store.get("key") == 2
    store.tags("a").flush()
    assert scope.get("key") is None
    assert scope.cas("key", plus_one) == 1
    store.put("key", 50, 60)
    assert scope.cas("key", plus_one) == 1, "what does not bear the tags is missing"
    assert scope.get("key") == 1
    store.tags("b").expire()
    assert scope.cas("key", plus_one) == 1, "what is stale is missing"
    assert scope.get("key") == 1


@pytest.mark.parametrize("before", [[0], None])
def test_cas_undoes_no_flush_of_a_tag(store: Faced, able: Any, before: Any) -> None:
    able("cas")
    scope = store.tags("t")
    scope.get("warm")
    if before is not None:
        scope.put("key", before, 60)
    change = Meddling(scope.flush)
    scope.cas("key", store.callback(change))
    assert store.get("key") is None
    assert scope.cas("key", change) == ["mine"]


def test_cas_is_told(store: Faced, able: Any, heard: Any) -> None:
    able("cas")
    store.cas("key", plus_one, ttl=60)
    assert heard.story() == [("writing_key", "key"), ("key_written", "key")]
    store.tags("t").cas("key", plus_one)
    names = [name for name, _ in heard.said]
    assert names == ["writing_key", "key_written"]
    assert [said["ttl"] for _, said in heard.said] == [None, None]
    heard.said.clear()
    store.cas("key", plus_one)
    (_, said) = heard.said[-1]
    assert (said["ttl"], said["key"], said["duration"] > 0) == ("kept", "key", True)


def test_a_counter_goes_on_after_a_cas(store: Faced, able: Any, clock: Any) -> None:
    able("cas", "count")
    store.increment("n", 5, ttl=60)
    assert store.cas("n", lambda number: number * 2) == 10
    assert store.increment("n") == 11
    assert store.cas("n", lambda number: 2**70) == 2**70
    assert store.increment("n") == 2**70 + 1
    assert store.cas("n", lambda number: -number) == -(2**70) - 1
    assert store.cas("n", lambda number: 7) == 7
    assert store.increment("n") == 8
    assert store.cas("n", str) == "8"
    with pytest.raises(TypeMismatch):
        store.increment("n")
    clock.advance(61)
    assert store.get("n") is None
    assert store.cas("m", plus_one) == 1
    assert store.increment("m") == 2


def test_a_computation_is_not_kept_over_a_cas(store: Faced, able: Any) -> None:
    able("cas")

    def make() -> str:
        assert store.cas("key", lambda value: "changed", default="none") == "changed"
        return "computed"

    store.remember("key", 60, store.callback(make))
    assert store.get("key") == "changed"


def test_cas_leaves_a_value_that_is_refreshed_soft(store: Faced, able: Any, clock: Any) -> None:
    able("cas")
    store.flexible("key", (30, 300), store.callback(lambda: 1))
    assert store.cas("key", plus_one) == 2
    assert store.flexible("key", (30, 300), store.callback(lambda: 100)) == 2
    clock.advance(301)
    assert store.get("key") is None


def test_a_memo_forgets_what_cas_changed(store: Faced, able: Any) -> None:
    able("cas")
    memo = store.memo()
    with memo_scope():
        assert memo.get("key") is None
        assert memo.cas("key", plus_one) == 1
        assert memo.get("key") == 1


def test_changes_of_many_threads_add_up(store: Faced, able: Any) -> None:
    able("threads", "cas")
    gate = threading.Barrier(6, timeout=30)

    def run() -> None:
        gate.wait()
        for _ in range(10):
            store.repository.cas("n", plus_one)

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(run) for _ in range(6)]:
            future.result(60)
    assert store.get("n") == 60


def test_changes_of_many_tasks_add_up(store: Faced, able: Any) -> None:
    able("cas")

    async def change(number: Any) -> Any:
        await asyncio.sleep(0)  # the others are let in
        return plus_one(number)

    async def work() -> None:
        for _ in range(5):
            await store.repository.acas("n", change)

    async def together() -> None:
        await asyncio.gather(*(work() for _ in range(6)))

    async_to_sync(together)()
    assert store.get("n") == 30


def test_cas_is_refused_where_it_would_not_be_exact(store: Faced, row: Any) -> None:
    if "cas" in row.can:
        pytest.skip(f"{row.name} can compare and set")
    asked: list[Any] = []
    with pytest.raises(NotSupported, match="cannot do 'cas'"):
        store.cas("key", asked.append)
    assert asked == []


def test_cas_keeps_the_end_of_a_value_of_which_a_spare_is_kept(
    store: Faced, able: Any, clock: Any
) -> None:
    able("cas")
    make = store.callback(lambda: 1)
    store.remember("key", 100, make, stale_if_error=600)
    assert store.cas("key", store.callback(lambda value: value + 1)) == 2
    clock.advance(50)
    assert store.get("key") == 2
    clock.advance(51)
    assert store.get("key") is None


def test_cas_gives_a_value_of_which_a_spare_is_kept_another_end(
    store: Faced, able: Any, clock: Any
) -> None:
    able("cas")
    make = store.callback(lambda: 1)
    store.remember("key", 100, make, stale_if_error=600)
    assert store.cas("key", store.callback(lambda value: value + 1), ttl=300) == 2
    clock.advance(250)
    assert store.get("key") == 2
