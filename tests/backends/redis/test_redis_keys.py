"""Where entries lie in a server that others use too, and what becomes of those they touch."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit.backends import numbers
from django_cachekit.backends.redisdb.naming import Readable, escaped
from django_cachekit.core.faces import BLOCKING, run_now

from .helping import SEALED, alone, config, driver_of, key_of

SECRETS = ["hidden-value", "hidden-key", "hidden-tag", "hidden-prefix", "hidden-store"]
ODD = [
    "*",
    "[a]",
    "?",
    "\\",
    "a*b",
    "k\0k",
    "\0",
    "{x}y",
    "ü" * 300,
    "x" * 600,
    "\ud800",
    "a:b",
    "",
]


def memory(raw: Any) -> bytes:
    """Return all that lies in the server, keys and values."""
    keys = list(raw.scan_iter())
    return b"\n".join([*keys, *map(raw.dump, keys), *raw.mget(keys)])


def test_a_signed_entry_lies_where_one_can_find_it(empty: Any, raw: Any) -> None:
    with alone(empty.url, KEY_PREFIX="site", VERSION=3) as cache:
        cache.put("user:42", 1)
    assert b"ck:default:site:3:user:42" in raw.keys("*")


def test_of_a_sealed_entry_nothing_can_be_read(empty: Any, raw: Any) -> None:
    options = {**SEALED, "KEY_PREFIX": "hidden-prefix", "STORE_ID": "hidden-store"}
    with alone(empty.url, **options) as cache:
        cache.tags("hidden-tag").put("hidden-key", "hidden-value")
        cache.put_many({"hidden-key2": "hidden-value" * 20})
        cache.increment("hidden-key3", 123456789)
        cache.remember("hidden-key4", 60, lambda: "hidden-value")
        lies = memory(raw)
        for secret in [*SECRETS, "123456789"]:
            for form in forms(secret):
                assert form not in lies
    with alone(empty.url, KEY_PREFIX="hidden-prefix") as cache:
        cache.put("hidden-key", "hidden-value")
        assert all(secret.encode() in memory(raw) for secret in SECRETS[:2])


def forms(text: str) -> list[bytes]:
    """Return a text as it may show: in several encodings."""
    data = text.encode()
    coded = [base64.b64encode(data[at:])[:-4] for at in range(3)]
    return [data, text.encode("utf-16-le"), data.hex().encode(), *coded]


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
@pytest.mark.parametrize("prefix", ["", "*", "[ab]", "p:q", "?\\"])
def test_odd_keys_affect_only_themselves(prefix: str, options: Any, empty: Any, raw: Any) -> None:
    raw.set("ck:default:other", "foreign")
    with override_settings(
        CACHES={
            "default": config(empty.url, KEY_PREFIX=prefix, **options),
            "a": config(empty.url, KEY_PREFIX="a", **options),
            "b": config(empty.url, KEY_PREFIX="b", **options),
        }
    ):
        from django_cachekit import cache

        for store in (cache, cache.store("a"), cache.store("b")):
            store.put_many({key: key for key in ODD})
        assert cache.many(ODD) == {key: key for key in ODD}
        assert sorted(cache.keys()) == sorted(ODD)
        assert max(map(len, raw.keys("*"))) < 600
        for key in ODD:
            glob = "".join("\\" + char if char in "*?[\\" else char for char in key)
            assert list(cache.keys(glob)) == [key]
        assert cache.forget_pattern("\\*") == 1
        assert cache.many(ODD) == {key: None if key == "*" else key for key in ODD}
        cache.flush()
        assert list(cache.keys()) == []
        for name in ("a", "b"):
            assert cache.store(name).many(ODD) == {key: key for key in ODD}
    assert raw.get("ck:default:other") == b"foreign"


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_a_flush_leaves_what_is_not_of_the_alias(options: Any, empty: Any, raw: Any) -> None:
    foreign = {
        "celery": b"1", ":1:a": b"2", "ck:default2::1:a": b"3", "ck:default": b"4",
        "ck::default::1:a": b"5", "xck:default::1:a": b"6",
    }  # fmt: skip
    raw.mset(foreign)
    with override_settings(
        CACHES={
            "default": config(empty.url, **options),
            "other": config(empty.url, TIMEOUT=60, **options),  # else it were the same
            "prefixed": config(empty.url, STORE_ID="default", KEY_PREFIX="p", **options),
            "nested": config(empty.url, STORE_ID="default", KEY_PREFIX="p:1", **options),
        }
    ):
        for alias in ("default", "other", "prefixed", "nested"):
            caches[alias].set("a", alias, None)
        before = raw.dbsize()
        caches["default"].clear()
        assert raw.dbsize() == before - 1
        assert caches["default"].get("a") is None
        assert caches["other"].get("a") == "other"
        caches["prefixed"].clear()
        assert caches["prefixed"].get("a") is None
        assert caches["nested"].get("a") == "nested"
    assert {key: raw.get(key) for key in foreign} == foreign


def test_a_sweep_spares_what_came_after_the_flush(store: Any, raw: Any) -> None:
    store.put_many({f"old{number}": 1 for number in range(20)})
    engine = driver_of().engine
    sweep = engine._sweep

    async def later(face: Any) -> int:
        store.increment("counted")
        store.add("won", "first")
        return int(await sweep(face))

    engine._sweep = later
    store.flush()
    assert store.increment("counted") == 2
    assert store.add("won", "second") is False
    assert raw.dbsize() == 3  # and the epoch


def test_a_sweep_spares_what_came_since_it_looked(store: Any, raw: Any) -> None:
    store.put_many({f"k{number}": "old" for number in range(20)})
    engine = driver_of().engine
    ask_all = engine._all

    async def late(face: Any, commands: Any) -> Any:
        if len(commands) == 20:  # the dead are known, and about to be removed
            store.put("k7", "new")
        return await ask_all(face, commands)

    engine._all = late
    store.flush()
    assert store.many(["k7", "k8"]) == {"k7": "new", "k8": None}
    assert raw.dbsize() == 2


def test_what_a_failed_sweep_left_is_dead_and_can_be_pruned(
    store: Any, raw: Any, caplog: Any
) -> None:
    store.put_many({f"old{number}": 1 for number in range(20)})
    store.increment("n")
    engine = driver_of().engine
    whole = engine._sweep

    async def fails(face: Any) -> int:
        raise ConnectionResetError

    engine._sweep = fails
    assert store.flush() is True
    assert "dead entries are left" in caplog.text
    caplog.clear()
    assert store.many(["old1", "old2"]) == {"old1": None, "old2": None}
    assert store.has("old3") is False
    assert store.add("old4", "new") is True
    assert store.add("old4", "newer") is False
    assert store.increment("n") == 1
    assert store.pull("old5") is None
    assert store.forget("old6") is False
    assert store.touch("old7") is False
    assert caplog.text == ""
    assert sum(driver_of().unreadable.values()) == 0
    engine._sweep = whole
    left = raw.dbsize()
    assert run_now(engine.prune(BLOCKING)) == 17
    assert raw.dbsize() == left - 17
    assert store.get("old4") == "new"


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_a_lost_epoch_makes_everything_miss(options: Any, empty: Any, raw: Any) -> None:
    with alone(empty.url, **options) as cache:
        cache.put("a", 1)
        raw.delete(driver_of().engine.naming.epoch)
        assert cache.get("a") is None
        assert cache.put("a", 2) is True
        assert cache.get("a") == 2
        raw.flushall()
        assert cache.put("b", 3) is True  # seals under an epoch that is gone, and sees it
        assert cache.get("b") == 3
        assert cache.increment("n") == 1


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "a bit": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "the last bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut": lambda data: data[:-1],
    "cut to the epoch": lambda data: data[:8],
    "cut within the epoch": lambda data: data[:5],
    "more": lambda data: data + b"x",
    "digits": lambda data: b"7",
    "digits behind the epoch": lambda data: data[:8] + b"7",
    "a counter's magic": lambda data: data[:8] + numbers.MAGIC + data[8:] + bytes(8),
    "nothing but a magic": lambda data: data[:8] + numbers.MAGIC,
    "empty": lambda data: b"",
    "another epoch": lambda data: bytes(8) + data[8:],
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_entry_is_a_miss(edit: str, store: Any, raw: Any) -> None:
    store.put("a", 1)
    whole = raw.get(key_of("a"))
    raw.set(key_of("a"), EDITS[edit](whole))
    assert store.get("a", "miss") == "miss"
    assert store.many(["a"]) == {"a": None}
    assert store.has("a") is False
    raw.set(key_of("a"), EDITS[edit](whole))
    assert store.increment("a", 5) == 5
    raw.set(key_of("a"), EDITS[edit](whole))
    assert store.add("a", 9) is True
    assert store.get("a") == 9


def test_an_entry_moved_to_another_key_is_a_miss(store: Any, raw: Any) -> None:
    store.put_many({"a": 1, "b": 2})
    raw.set(key_of("b"), raw.get(key_of("a")))
    assert store.many(["a", "b"]) == {"a": 1, "b": None}


def test_an_entry_put_back_after_a_flush_is_a_miss(store: Any, raw: Any) -> None:
    store.put("a", 1)
    kept = raw.get(key_of("a"))
    store.flush()
    raw.set(key_of("a"), kept)
    assert store.get("a") is None
    raw.set(key_of("a"), raw.get(driver_of().engine.naming.epoch) + kept[8:])
    assert store.get("a") is None  # the epoch in front is a hint; the true one is in the seal


def test_a_counter_moved_to_another_key_begins_anew(store: Any, raw: Any) -> None:
    store.increment("n", 41)
    store.put("v", 1)
    raw.set(key_of("m"), raw.get(key_of("n")))
    raw.set(key_of("v"), raw.get(key_of("n")))
    assert store.get("v") is None
    assert store.increment("m") == 1
    assert store.increment("n") == 42


def test_numbers_keep_to_64_bits_natively_and_go_on_beyond(store: Any) -> None:
    store.increment("n", 2**63 - 2)
    assert [store.increment("n") for _ in range(3)] == [2**63 - 1, 2**63, 2**63 + 1]
    assert store.decrement("n", 2**64) == 2**63 + 1 - 2**64
    assert store.increment("n", 1) == 2**63 + 2 - 2**64


def test_a_server_forgets_what_has_expired_a_counter_too(store: Any, raw: Any) -> None:
    store.put("a", 1, 100)
    store.put("b", 1)
    store.increment("n", ttl=200)
    store.increment("n")
    store.touch("b", 300)
    for key, seconds in [("a", 100), ("n", 200), ("b", 300)]:
        assert seconds * 1000 - 5000 < raw.pttl(key_of(key)) <= seconds * 1000 + 1
    store.forever("a", 1)
    store.touch("b", None)
    assert raw.pttl(key_of("a")) == raw.pttl(key_of("b")) == -1
    assert store.put("long", 1, 10.0**12) is True
    assert store.get("long") == 1


def test_a_key_function_of_the_project_is_kept(empty: Any, raw: Any) -> None:
    with alone(empty.url, KEY_FUNCTION="tests.backends.redis.helping.odd_key") as cache:
        cache.put_many({key: key for key in ODD})
        assert cache.many(ODD) == {key: key for key in ODD}
        assert sorted(cache.keys()) == sorted(ODD)
        assert b"ck:default::a:b/1/" in raw.keys("*")


def test_no_key_is_a_records(empty: Any) -> None:
    with alone(empty.url) as cache:
        cache.tags("t").put("a", 1)
        naming: Readable = driver_of().engine.naming
        for key in ["\0tag\0t", "tag\0t", "\0epoch", "\0\0epoch"]:
            cache.put(key, "mine")
            assert cache.get(key) == "mine"
        assert cache.get("a") == 1
        assert cache.forget_pattern("*") == 5
        assert naming.lead == b"ck:default::"


def test_patterns_are_escaped() -> None:
    assert escaped(b"a*?[x]\\^-") == b"a\\*\\?\\[x\\]\\\\\\^\\-"


def test_a_list_is_walked_to_its_end(store: Any) -> None:
    store.put_many({f"k{number}": number for number in range(1500)}, 60)
    assert len(list(store.keys("k*"))) == 1500
    assert len(list(store.keys("k1?"))) == 10
    assert store.forget_pattern("k1*") == 611
    assert len(list(store.keys())) == 889
