"""Tags: labels on entries, and the promise that nothing outlives a flush."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import caches

from ... import cache
from ...core.faces import BLOCKING, run_now
from ...core.operation import Kind, Operation, tag_record
from ...errors import NotSupported
from ..faced import Faced


def test_tags_are_labels(store: Faced) -> None:
    assert store.tags("people", "artists").put("john", "J", 600) is True
    assert store.get("john") == "J"
    assert store.many(["john"]) == {"john": "J"}
    assert store.has("john") is True
    store.tags("people").flush()
    assert store.get("john") is None
    assert store.many(["john"]) == {"john": None}
    assert store.has("john") is False
    assert store.forget("john") is False


def test_a_flush_takes_only_what_bears_the_tag(store: Faced) -> None:
    store.tags("a", "b").put("ab", 1, 60)
    store.tags("b").put("b", 2, 60)
    store.put("none", 3, 60)
    assert store.tags("a").flush() is None
    assert store.many(["ab", "b", "none"]) == {"ab": None, "b": 2, "none": 3}


def test_an_entry_must_bear_every_tag_named(store: Faced) -> None:
    store.tags("a", "b").put("key", 1, 60)
    assert store.tags("a").get("key") == 1
    assert store.tags("b", "a").get("key") == 1
    assert store.tags("a", "c").get("key") is None
    assert store.tags("c").remember("key", 60, lambda: 2) == 2
    assert store.tags("a").get("key") is None


def test_tags_nest_and_take_lists(store: Faced) -> None:
    store.tags("a").tags("b").put("key", 1, 60)
    store.tags(["c", "d"]).put("other", 2, 60)
    store.tags("b").flush()
    store.tags("d").flush()
    assert store.many(["key", "other"]) == {"key": None, "other": None}


def test_a_plain_put_over_a_tagged_entry_leaves_no_tags(store: Faced) -> None:
    store.tags("a").put("key", 1, 60)
    store.put("key", 2, 60)
    store.tags("a").flush()
    assert store.get("key") == 2


def test_flushing_a_tag_nobody_bears(store: Faced) -> None:
    store.put("key", 1, 60)
    store.tags("nobody").flush()
    assert store.get("key") == 1


def test_flushed_entries_count_as_gone_for_every_verb(store: Faced) -> None:
    def dead(key: str) -> str:
        store.tags("t").put(key, 1, 60)
        store.tags("t").flush()
        return key

    assert store.add(dead("a"), 2, 60) is True
    assert store.get("a") == 2
    assert store.touch(dead("b"), 60) is False
    assert store.pull(dead("c"), "gone") == "gone"
    assert store.forget(dead("d")) is False
    assert store.get_or_set(dead("e"), 5, 60) == 5
    with pytest.raises(ValueError, match="not found"):
        store.incr(dead("f"))


def test_flushed_counters_start_anew(store: Faced, able: Any) -> None:
    able("count")
    assert store.tags("t").increment("n", 5) == 5
    assert store.tags("t").increment("n") == 6
    store.tags("t").flush()
    assert store.get("n") is None
    assert store.increment("n") == 1


def test_an_empty_tag_is_refused(store: Faced) -> None:
    empty: tuple[tuple[Any, ...], ...] = ((), ("",), (None,), ([],))
    for names in empty:
        with pytest.raises(ValueError, match="tag"):
            store.repository.tags(*names)


NEAR = [("a", "b,c"), ("a,b", "c"), ("a|b",), ("a:b",), ("é",), ("e\u0301",), ("a b",)]
NEAR += [("x" * 300,)]


def test_no_two_tags_are_one(store: Faced) -> None:
    for number, names in enumerate(NEAR):
        store.tags(*names).put(f"key{number}", number, 60)
    left = {f"key{number}" for number in range(len(NEAR))}
    for number, names in enumerate(NEAR):
        store.tags(names[-1]).flush()
        left.discard(f"key{number}")
        assert {key for key, value in store.many(list(left)).items() if value is not None} == left


def test_no_key_is_a_tags_record(store: Faced) -> None:
    store.tags("t").put("key", 1, 60)
    for name in (":ck:tag:=t", "tag:t", "\0tag\0t", "ck:tag:t"):
        assert store.get(name) is None
        store.put(name, "forged", 60)
        store.forget(name)
    assert store.get("key") == 1


def test_remember_under_tags(store: Faced) -> None:
    calls: list[int] = []

    def make() -> int:
        calls.append(1)
        return len(calls)

    scope = store.tags("a", "b")
    assert [scope.remember("key", 60, make) for _ in range(2)] == [1, 1]
    store.tags("b").flush()
    assert scope.remember("key", 60, make) == 2
    assert store.get("key") == 2
    assert scope.remember_many(["x", "y"], 60, lambda keys: dict.fromkeys(keys, 1)) == {
        "x": 1,
        "y": 1,
    }
    store.tags("a").flush()
    assert store.many(["key", "x", "y"]) == dict.fromkeys(("key", "x", "y"))


def test_a_flush_while_computing_wins(store: Faced) -> None:
    def overtaken() -> str:
        store.repository.tags("t").flush()
        return "old"

    assert store.tags("t", "u").remember("key", 60, store.callback(overtaken)) == "old"
    assert store.get("key") is None
    overtaken_too = store.callback(lambda keys: {"k": overtaken()})
    found = store.tags("t").remember_many(["k"], 60, overtaken_too)
    assert found == {"k": "old"}
    assert store.get("k") is None


def test_who_comes_after_a_flush_does_not_get_what_was_begun_before(
    store: Faced, able: Any
) -> None:
    able("threads")
    scope, begun, go = store.repository.tags("t"), threading.Event(), threading.Event()

    def old() -> str:
        begun.set()
        go.wait(5)
        return "old"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(scope.remember, "key", 60, old)
        begun.wait(5)
        scope.flush()
        second = pool.submit(scope.remember, "key", 60, lambda: "new")
        go.set()
        assert second.result(10) == "new"
        assert first.result(10) == "old"


def test_plain_django_sees_through_tags(store: Faced, plain: Any, row: Any) -> None:
    if not hasattr(plain, "cachekit_driver"):
        pytest.skip("a backend that is not ours shows the envelope")
    store.tags("t").put("key", {"a": 1}, 60)
    assert plain.get("key") == {"a": 1}
    assert plain.get_many(["key"]) == {"key": {"a": 1}}
    assert "key" in plain
    store.tags("t").flush()
    assert plain.get("key") is None
    assert plain.add("key", 2) is True


def test_another_process_that_knows_no_tags_yet_is_right_too(store: Faced, row: Any) -> None:
    store.tags("t").put("key", 1, 60)
    for layer in cache._home.stack().layers:
        guesses = getattr(layer, "guesses", None)
        if guesses is not None:
            guesses.clear()
    assert store.get("key") == 1
    store.tags("t").flush()
    assert store.get("key") is None


def test_a_wrong_guess_of_the_tags_is_no_wrong_answer(store: Faced, row: Any) -> None:
    guesses = cache._home.stack().driver.guesses
    for wrong in (("u",), ("t", "u"), ("u", "v", "w")):
        store.tags("t", "v").put("key", 1, 60)
        for found in (1, None):
            if guesses is not None:
                guesses.put((None, "key"), wrong)
            assert store.get("key") == found
            assert store.many(["key"]) == {"key": found}
            store.tags("t").flush()


def test_a_lost_record_makes_entries_miss(store: Faced, row: Any) -> None:
    store.tags("t").put("key", 1, 60)
    stack = cache._home.stack()
    run_now(stack.driver.perform(BLOCKING, Operation("delete", Kind.WRITE, (tag_record("t"),))))
    assert store.get("key") is None
    assert store.tags("t").remember("key", 60, lambda: 2) == 2


def test_clear_in_a_scope_of_tags_never_empties_the_alias(store: Faced) -> None:
    store.put("other", 1, 60)
    store.tags("t").put("key", 1, 60)
    store.tags("t").clear()
    assert store.many(["key", "other"]) == {"key": None, "other": 1}


def test_tags_of_a_version(store: Faced) -> None:
    store.tags("t").set("key", 1, 60, version=7)
    assert store.get("key", version=7) == 1
    assert caches["default"] is not None
    store.tags("t").flush()
    assert store.get("key", version=7) is None


def test_a_scope_of_tags_never_lists_or_removes_the_whole_alias(store: Faced) -> None:
    store.put("other", 1, 60)
    store.tags("t").put("key", 1, 60)
    with pytest.raises(NotSupported):
        list(store.tags("t").keys())
    with pytest.raises(NotSupported):
        store.tags("t").forget_pattern("*")
    assert store.many(["key", "other"]) == {"key": 1, "other": 1}


def test_without_an_index_a_tag_does_not_list_what_bears_it(store: Faced, row: Any) -> None:
    store.tags("t").put("key", 1, 60)
    verbs = (
        lambda scope: list(scope.keys()),
        lambda scope: list(scope.items()),
        lambda scope: scope.count(),
    )
    for verb in verbs:
        with pytest.raises(NotSupported, match="index of its tags") as refused:
            verb(store.tags("t"))
        # Who can have one is told how.
        assert ('"TAG_INDEX": True' in str(refused.value)) is ("list" in row.can)


def test_stats_of_tags(store: Faced) -> None:
    store.tags("a", "b").put("key", 1, 60)
    counted = {"entries": None, "hits": 0, "misses": 0, "flushes": 0, "last_flush": None}
    assert store.tags("b", "a").stats() == {"a": counted, "b": counted}
    assert store.tags("a").get("key") == 1
    assert store.tags("a").many(["key", "nothing"]) == {"key": 1, "nothing": None}
    assert store.tags("a", "b").has("nothing") is False
    store.get("key")
    found = store.tags("a", "b").stats()
    assert found == {"a": {**counted, "hits": 2, "misses": 2}, "b": {**counted, "misses": 1}}
    store.tags("b").flush()
    found = store.tags("b").stats()["b"]
    assert abs(found.pop("last_flush") - time.time()) < 60
    assert found == {"entries": None, "hits": 0, "misses": 1, "flushes": 1}


def test_the_ttl_of_an_entry_that_does_not_bear_the_tag(store: Faced, able: Any) -> None:
    able("ttl")
    store.tags("t").put("key", 1, 600)
    assert store.tags("t").ttl("key") > 540
    with pytest.raises(KeyError):
        store.tags("u").ttl("key")
