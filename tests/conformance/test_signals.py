"""Signals: the same story for the facade, by either face, and for plain Django use of ours."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import signals
from django_cachekit.errors import StoreUnavailable

from .conftest import Faced

NAMES = [
    "retrieving_key",
    "retrieving_many_keys",
    "cache_hit",
    "cache_missed",
    "writing_key",
    "writing_many_keys",
    "key_written",
    "key_write_failed",
    "forgetting_key",
    "key_forgotten",
    "key_forget_failed",
    "key_touched",
    "key_incremented",
    "cache_flushing",
    "cache_flushed",
    "cache_flush_failed",
    "tags_flushed",
]


class Heard:
    """Write down every signal, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def listener(self, name: str) -> Any:
        def hear(*, signal: Any, sender: Any, **named: Any) -> None:
            self.said.append((name, {**named, "sender": sender}))

        return hear

    def story(self) -> list[tuple[Any, ...]]:
        """Return what was said since last asked: names, with the key or keys."""
        told = [(name, named.get("keys", named.get("key"))) for name, named in self.said]
        self.said.clear()
        return [entry if entry[1] is not None else entry[:1] for entry in told]


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    receivers = {name: heard.listener(name) for name in NAMES}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    yield heard
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


def test_reading_tells_its_story(store: Faced, heard: Heard) -> None:
    store.get("a")
    assert heard.story() == [("retrieving_key", "a"), ("cache_missed", "a")]
    store.put("a", 1, 60)
    assert heard.story() == [("writing_key", "a"), ("key_written", "a")]
    store.has("a")
    assert heard.story() == [("retrieving_key", "a"), ("cache_hit", "a")]
    store.many(["a", "b"])
    assert heard.story() == [
        ("retrieving_many_keys", ["a", "b"]),
        ("retrieving_key", "a"),
        ("retrieving_key", "b"),
        ("cache_hit", "a"),
        ("cache_missed", "b"),
    ]


def test_writing_and_removing_tell_theirs(store: Faced, heard: Heard) -> None:
    store.put_many({"a": 1, "b": 2}, 60)
    assert heard.story() == [
        ("writing_many_keys", ["a", "b"]),
        ("writing_key", "a"),
        ("writing_key", "b"),
        ("key_written", "a"),
        ("key_written", "b"),
    ]
    store.add("a", 3, 60)
    assert heard.story() == [("writing_key", "a"), ("key_write_failed", "a")]
    store.touch("a", 60)
    assert heard.story() == [("key_touched", "a")]
    store.forget("a")
    assert heard.story() == [("forgetting_key", "a"), ("key_forgotten", "a")]
    store.forget("a")
    assert heard.story() == [("forgetting_key", "a"), ("key_forget_failed", "a")]
    store.set("n", 1)
    heard.story()
    store.incr("n", 5)
    assert [(name, named["by"]) for name, named in heard.said] == [("key_incremented", 5)]
    heard.story()
    store.pull("n")
    assert heard.story() == [
        ("retrieving_key", "n"),
        ("forgetting_key", "n"),
        ("cache_hit", "n"),
        ("key_forgotten", "n"),
    ]


def test_flushing_tells_its_own(store: Faced, heard: Heard) -> None:
    store.tags("t", "u").flush()
    ((name, named),) = heard.said
    assert (name, tuple(named["tags"])) == ("tags_flushed", ("t", "u"))
    heard.story()
    store.flush()
    assert heard.story() == [("cache_flushing",), ("cache_flushed",)]


def test_a_computation_is_one_miss_and_one_write(store: Faced, heard: Heard) -> None:
    store.tags("t").remember("a", 60, lambda: 1)
    assert heard.story() == [
        ("retrieving_key", "a"),
        ("cache_missed", "a"),
        ("writing_key", "a"),
        ("key_written", "a"),
    ]
    store.tags("t").remember("a", 60, lambda: 1)
    assert heard.story() == [("retrieving_key", "a"), ("cache_hit", "a")]


def test_what_every_signal_carries(store: Faced, heard: Heard) -> None:
    store.tags("t").put("a", "secret", 60)
    store.tags("t").get("a")
    for name, named in heard.said:
        assert named["store"] == "default", name
        assert named["sender"] is type(caches["default"]), name
        assert tuple(named["tags"]) == ("t",), name
        assert "value" not in named, name
        if name in ("key_written", "cache_hit"):
            assert named["duration"] >= 0


def test_values_travel_only_where_asked_for(store: Faced, heard: Heard) -> None:
    with override_settings(CACHEKIT={"SIGNALS": {"values": True}}):
        store.tags("t").put("a", "v", 60)
        store.get("a")
    values = {name: named.get("value") for name, named in heard.said}
    assert values["key_written"] == "v"
    assert values["cache_hit"] == "v"


def test_a_receiver_that_raises_breaks_nothing(store: Faced) -> None:
    def broken(**named: Any) -> None:
        raise RuntimeError("receiver")

    signals.cache_hit.connect(broken)
    try:
        store.put("a", 1, 60)
        assert store.get("a") == 1
    finally:
        signals.cache_hit.disconnect(broken)


def test_a_receiver_may_use_the_cache(store: Faced) -> None:
    seen: list[Any] = []

    def curious(*, key: str, **named: Any) -> None:
        if key == "a":
            seen.append(store.repository.get("b"))

    signals.cache_hit.connect(curious)
    try:
        store.put_many({"a": 1, "b": 2}, 60)
        assert store.get("a") == 1
    finally:
        signals.cache_hit.disconnect(curious)
    assert seen == [2]


def test_plain_django_use_of_ours_is_told_once(store: Faced, plain: Any, heard: Heard) -> None:
    if not hasattr(plain, "cachekit_stack"):
        pytest.skip("a backend that is not ours sends no signals by itself")
    plain.set("a", 1, 60)
    plain.get("a")
    plain.get_many(["a", "b"])
    plain.delete("a")
    plain.clear()
    assert [name for name, *_ in heard.story()] == [
        "writing_key",
        "key_written",
        "retrieving_key",
        "cache_hit",
        "retrieving_many_keys",
        "retrieving_key",
        "retrieving_key",
        "cache_hit",
        "cache_missed",
        "forgetting_key",
        "key_forgotten",
        "cache_flushing",
        "cache_flushed",
    ]


def test_an_alias_may_be_silent(row: Any, tmp_path: Any, request: Any, heard: Heard) -> None:
    server = request.getfixturevalue(row.server) if row.server else None
    config = row.caches(tmp_path, server)
    if "django_cachekit" not in config["default"]["BACKEND"]:
        pytest.skip("the option is ours")
    if row.needs:
        request.getfixturevalue("db")
    config["default"]["OPTIONS"] = {**config["default"].get("OPTIONS", {}), "SIGNALS": False}
    with override_settings(CACHES=config):
        if row.needs:
            from django.core.management import call_command

            call_command("cache_table", verbosity=0)
        caches["default"].set("a", 1)
        assert caches["default"].get("a") == 1
    assert heard.story() == []


def test_a_store_that_is_down_is_told_as_failures(
    store: Faced, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_cachekit import cache

    driver = cache._home.stack().driver

    async def down(*_: Any) -> Any:
        raise StoreUnavailable("down")

    inner = getattr(driver, "inner", driver)
    monkeypatch.setattr(inner, "perform", down)
    monkeypatch.setattr(cache._home.stack(), "call", cache._home.stack().over().call)
    assert store.get("a", "default") == "default"
    assert store.many(["a"]) == {"a": None}
    assert store.put("a", 1, 60) is False
    assert store.has("a") is False
    assert store.forget("a") is False
    assert store.touch("a", 60) is False
    assert store.put_many({"a": 1}) is False
    assert store.pull("a", 5) == 5
    assert store.remember("a", 60, lambda: "computed") == "computed"
    assert store.get_or_set("a", "computed", 60) == "computed"
    for verb in ("flush", "clear"):
        with pytest.raises(StoreUnavailable):
            getattr(store, verb)()
    for call in (lambda: store.add("a", 1), lambda: store.incr("a"), store.tags("t").flush):
        with pytest.raises(StoreUnavailable):
            call()
    story = heard.story()
    assert ("cache_missed", "a") in story
    assert ("key_write_failed", "a") in story
    assert ("key_forget_failed", "a") in story
    assert ("cache_flush_failed",) in story
    assert not [name for name, *_ in story if name in ("cache_hit", "key_written", "cache_flushed")]
