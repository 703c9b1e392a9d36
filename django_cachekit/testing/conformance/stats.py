"""What a process counts of an alias, where ``STATS`` asks for it."""

from typing import Any

import pytest

from ... import cache
from ...errors import StoreUnavailable
from ..faced import Faced


def numbers(store: Faced) -> dict[str, Any]:
    """Return what was counted, but for what was not."""
    told = store.stats()
    assert told.pop("counted") is True
    found = {name: value for name, value in told.items() if value}
    return {name: value for name, value in found.items() if name not in ("since", "last_flush")}


def test_nothing_is_counted_unasked(store: Faced) -> None:
    store.put("a", 1, 60)
    store.get("a")
    told = store.stats()
    assert told.pop("counted") is False
    assert told.pop("unreadable") == 0
    assert set(told.values()) == {None}


def test_reads_are_hits_and_misses(counted: Faced) -> None:
    counted.put("a", 1, 60)
    for key in ("a", "a", "nothing"):
        counted.get(key)
    counted.many(["a", "b", "c"])
    counted.has("a")
    ratio = 4 / 7
    assert numbers(counted) == {"hits": 4, "misses": 3, "writes": 1, "hit_ratio": ratio}


def test_a_default_that_is_called_is_one_miss(counted: Faced) -> None:
    assert counted.get("nothing", lambda: "made") == "made"
    assert numbers(counted) == {"misses": 1}


def test_reads_under_tags_are_counted_once(counted: Faced) -> None:
    tagged = counted.tags("t")
    tagged.put("a", 1, 60)
    tagged.get("a")
    counted.get("a")
    tagged.get("b")
    told = numbers(counted)
    assert (told["hits"], told["misses"], told["writes"]) == (2, 1, 1)
    tagged.flush()
    assert counted.get("a") is None
    told = numbers(counted)
    assert (told["hits"], told["misses"], told["flushes"]) == (2, 2, 1)


def test_writes_and_removals_that_did_something_are_counted(counted: Faced) -> None:
    assert counted.put_many({"a": 1, "b": 2}, 60)
    assert counted.add("a", 5, 60) is False
    assert counted.add("c", 5, 60) is True
    counted.forget("a")
    counted.forget("nothing")
    assert counted.forget_many(["b", "c", "d"]) == 2
    assert numbers(counted) == {"writes": 3, "forgets": 3}
    counted.flush()
    told = counted.stats()
    assert told["flushes"] == 1
    assert told["last_flush"] >= told["since"]


def test_pulls_and_counts(counted: Faced, able: Any) -> None:
    counted.put("a", 1, 60)
    counted.pull("a")
    counted.pull("a")
    assert numbers(counted) == {
        "hits": 1, "misses": 1, "writes": 1, "forgets": 1, "hit_ratio": 0.5,
    }  # fmt: skip
    able("count")
    counted.increment("n")
    counted.decrement("n", 2)
    assert numbers(counted)["counts"] == 2


def test_computations_are_counted(counted: Faced) -> None:
    for _ in range(3):
        counted.remember("a", 60, counted.callback(lambda: 1))
    told = numbers(counted)
    assert told == {"hits": 2, "misses": 1, "writes": 1, "computations": 1, "hit_ratio": 2 / 3}
    counted.remember_many(["a", "b", "c"], 60, counted.callback(lambda keys: dict.fromkeys(keys)))
    told = numbers(counted)
    assert (told["computations"], told["hits"], told["misses"], told["writes"]) == (3, 3, 3, 3)


def test_plain_django_use_of_ours_is_counted(counted: Faced, plain: Any) -> None:
    if not hasattr(plain, "cachekit_stack"):
        pytest.skip("a backend that is not ours counts nothing by itself")
    plain.set("a", 1, 60)
    plain.get("a")
    plain.get("b")
    plain.get_many(["a", "b"])
    told = numbers(counted)
    assert (told["hits"], told["misses"], told["writes"]) == (2, 2, 1)


def test_a_store_that_is_down_is_an_error_and_no_miss(
    counted: Faced, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = cache._home.stack()
    inner = getattr(stack.driver, "inner", stack.driver)

    async def down(*_: Any) -> Any:
        raise StoreUnavailable("down")

    monkeypatch.setattr(inner, "perform", down)
    monkeypatch.setattr(stack, "call", stack.over().call)
    for _ in range(2):
        assert counted.many(["a", "b"]) == {"a": None, "b": None}
    assert counted.put("a", 1, 60) is False
    assert numbers(counted) == {"errors": 3}


def test_what_a_memo_answers_is_not_counted(counted: Faced) -> None:
    counted.put("a", 1, 60)
    for _ in range(3):
        counted.memo().get("a")
    assert numbers(counted)["hits"] >= 1
    assert numbers(counted).get("misses", 0) == 0
