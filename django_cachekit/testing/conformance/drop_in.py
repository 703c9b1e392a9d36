"""The promise of the import: everything Django documents of its cache holds for the facade."""

from typing import Any

import pytest

from ..faced import Faced


def test_what_django_stored_is_read_and_the_other_way_round(store: Faced, plain: Any) -> None:
    plain.set("theirs", {"a": 1}, 60)
    store.put("ours", {"b": 2}, 60)
    store.remember("computed", 60, lambda: [3])
    assert store.get("theirs") == {"a": 1}
    assert plain.get("ours") == {"b": 2}
    assert plain.get("computed") == [3]


def test_djangos_verbs(store: Faced, clock: Any) -> None:
    assert store.set("key", "value", 30) is None
    assert store.get("key") == "value"
    assert store.get_many(["key", "none"]) == {"key": "value"}
    assert store.set_many({"a": 1, "b": 2}, timeout=30) == []
    assert store.has_key("a") is True
    assert store.delete("a") is True
    assert store.delete("a") is False
    assert store.delete_many(["b", "none"]) is None
    assert store.get_many(["a", "b"]) == {}
    clock.advance(32)
    assert store.get("key") is None
    assert store.clear() is None


def test_a_timeout_of_nothing_removes(store: Faced) -> None:
    store.set("key", 1)
    store.set("key", 2, timeout=0)
    assert store.get("key") is None
    store.set("key", 1, timeout=-1)
    assert store.get("key") is None
    assert store.add("key", 3, timeout=None) is True
    assert store.get("key") == 3


def test_incr_and_decr(store: Faced) -> None:
    store.set("n", 5)
    assert store.incr("n") == 6
    assert store.incr("n", 4) == 10
    assert store.decr("n", 11) == -1
    for verb in (store.incr, store.decr):
        with pytest.raises(ValueError, match="not found"):
            verb("nothing")


def test_versions(store: Faced) -> None:
    store.set("key", "one")
    store.set("key", "two", version=2)
    assert store.get("key") == "one"
    assert store.get("key", version=2) == "two"
    assert store.get_many(["key"], version=2) == {"key": "two"}
    assert store.delete("key", version=2) is True
    assert store.incr_version("key") == 2
    assert store.get("key") is None
    assert store.get("key", version=2) == "one"
    assert store.decr_version("key", version=2) == 1
    assert store.get("key") == "one"
    with pytest.raises(ValueError, match="not found"):
        store.incr_version("nothing")


def test_what_only_the_backend_has_is_there(store: Faced, plain: Any) -> None:
    assert store.repository.key_prefix == plain.key_prefix
    assert store.repository.make_key("a") == plain.make_key("a")
    with pytest.raises(AttributeError):
        _ = store.repository.nothing_of_the_sort
    store.repository.close()


def test_one_bad_argument_loses_nothing(store: Faced) -> None:
    store.set("key", 1)
    with pytest.raises(TypeError):
        store.set("key", 2, timeout="soon")
    assert store.get("key") == 1
