"""Keys, misses and reading."""

from enum import Enum
from typing import Any

import pytest

from ...errors import NotSupported, TypeMismatch
from ..faced import Faced


class Colour(Enum):
    """Be a key that is no text."""

    RED = "red"


VALUES: list[Any] = [
    None,
    0,
    "",
    False,
    [],
    {},
    "text",
    1.5,
    -0.0,
    b"bytes",
    2**70,
    (1, "two", None),
    {"a": [1, {"b": (2,)}]},
    {1, 2},
    frozenset({"x"}),
    {1: "int key", "1": "text key"},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_as_it_went_in(store: Faced, value: Any) -> None:
    assert store.put("key", value, 60) is True
    found = store.get("key", "default")
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value) or isinstance(value, (set, frozenset))


def test_a_miss_is_the_default(store: Faced) -> None:
    assert store.get("nothing") is None
    assert store.get("nothing", 7) == 7


def test_a_default_that_can_be_called_is_called_and_not_stored(store: Faced) -> None:
    assert store.get("nothing", lambda: 7) == 7
    assert store.has("nothing") is False


def test_a_stored_none_is_no_miss(store: Faced) -> None:
    store.put("none", None, 60)
    assert store.get("none", "default") is None
    assert store.has("none") is True
    assert store.missing("none") is False
    assert "none" in store
    assert store.many({"none": 1}) == {"none": None}


def test_many_gives_every_key_in_the_order_asked(store: Faced) -> None:
    store.put_many({"a": 1, "c": 3}, 60)
    assert list(store.many(["c", "b", "a"]).items()) == [("c", 3), ("b", None), ("a", 1)]
    assert store.many({"b": lambda: 2, "a": 0}) == {"b": 2, "a": 1}
    assert store.many([]) == {}


ODD = ["with space", "new\nline", "\x00", "\x7f", "é" * 40, "x" * 1000, "", ":ck:tag:=people", "%s"]


@pytest.mark.parametrize("key", ODD, ids=repr)
def test_any_text_is_a_key(store: Faced, key: str) -> None:
    assert store.put(key, 1, 60) is True
    assert store.get(key) == 1
    assert store.many([key, "other"]) == {key: 1, "other": None}
    assert store.get_many([key]) == {key: 1}
    assert store.forget(key) is True
    assert store.get(key) is None


def test_odd_keys_never_share_an_entry(store: Faced) -> None:
    near = [*ODD, "x" * 1001, "with  space", "\x01", "É" * 40]
    store.put_many({key: index for index, key in enumerate(near)}, 60)
    assert list(store.many(near).values()) == list(range(len(near)))


def test_an_enum_member_stands_for_its_value(store: Faced) -> None:
    store.put(Colour.RED, 1, 60)
    assert store.get("red") == 1
    assert store.many([Colour.RED]) == {Colour.RED: 1}


def test_pull_reads_and_removes(store: Faced) -> None:
    store.put("key", {"a": 1}, 60)
    assert store.pull("key") == {"a": 1}
    assert store.pull("key", "gone") == "gone"
    assert store.has("key") is False


@pytest.mark.parametrize(
    ("verb", "stored", "expected"),
    [
        ("string", "text", "text"),
        ("integer", 5, 5),
        ("integer", "-12", -12),
        ("float", 1.5, 1.5),
        ("float", 2, 2.0),
        ("float", "1e3", 1000.0),
        ("boolean", False, False),
        ("array", [1], [1]),
        ("array", (1, 2), (1, 2)),
    ],
)
def test_typed_reads_give_the_type(store: Faced, verb: str, stored: Any, expected: Any) -> None:
    store.put("key", stored, 60)
    found = getattr(store, verb)("key")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("verb", "stored", "found"),
    [
        ("string", 5, "int"),
        ("integer", "1.5", "str"),
        ("integer", True, "bool"),
        ("float", False, "bool"),
        ("float", "nan", "str"),
        ("boolean", 1, "int"),
        ("array", {"a": 1}, "dict"),
    ],
)
def test_typed_reads_refuse_another_type(store: Faced, verb: str, stored: Any, found: str) -> None:
    store.put("the-key", stored, 60)
    with pytest.raises(TypeMismatch, match=f"'the-key'.*{found}") as caught:
        getattr(store, verb)("the-key")
    assert isinstance(caught.value, ValueError)


def test_typed_reads_of_a_missing_key(store: Faced) -> None:
    assert store.integer("nothing") is None
    assert store.integer("nothing", 3) == 3
    with pytest.raises(TypeMismatch):
        store.integer("nothing", "three")


def test_ttl(store: Faced, able: Any) -> None:
    able("ttl")
    store.put("key", 1, 600)
    store.put("ever", 1)
    assert 540 < store.ttl("key") <= 600  # real time passes, on a busy machine a lot of it
    assert store.ttl("ever") is None
    with pytest.raises(KeyError):
        store.ttl("nothing")


def test_ttl_is_refused_where_it_cannot_be_known(store: Faced, row: Any) -> None:
    if "ttl" in row.can:
        pytest.skip(f"{row.name} knows it")
    store.put("key", 1, 60)
    with pytest.raises(NotSupported, match="alias"):
        store.ttl("key")


def test_keys_are_listed_as_they_were_given(store: Faced, able: Any) -> None:
    able("list")
    odd = ["user:1", "user:2", "user:[1]", "a*b", "with space", "x" * 500, "b\\c"]
    store.put_many(dict.fromkeys(odd, 1), 60)
    store.tags("people").put("tagged", 1, 60)
    assert sorted(store.keys()) == sorted([*odd, "tagged"])
    assert sorted(store.keys("user:*")) == ["user:1", "user:2", "user:[1]"]
    assert list(store.keys("user:[2-3]")) == ["user:2"]
    assert list(store.keys(r"user:\[1\]")) == ["user:[1]"]
    assert list(store.keys(r"a\*b")) == ["a*b"]
    assert list(store.keys(r"b\\c")) == ["b\\c"]
    assert list(store.keys("user:?")) == ["user:1", "user:2"] or sorted(store.keys("user:?")) == [
        "user:1",
        "user:2",
    ]


def test_listing_is_refused_where_it_cannot_be(store: Faced, row: Any) -> None:
    if "list" in row.can:
        pytest.skip(f"{row.name} can list")
    with pytest.raises(NotSupported):
        list(store.keys())


def test_forget_pattern_removes_only_what_matches(store: Faced, able: Any) -> None:
    able("list")
    store.put_many({"user:1": 1, "user:2": 2, "user:[1]": 3, "other": 4}, 60)
    assert store.forget_pattern(r"user:\[1\]") == 1
    assert store.get("user:1") == 1
    assert store.forget_pattern("user:*") == 2
    assert store.get("other") == 4
