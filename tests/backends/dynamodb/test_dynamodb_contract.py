"""The contract on both engines: every verb, expiry, types, keys, tags, flush."""

import datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches

from django_cachekit import cache as facade
from django_cachekit.backends.headers import expires
from django_cachekit.errors import TypeMismatch
from tests.conftest import Clock

from .helping import SEALED, Look, config, configured, driver_of


@pytest.fixture(params=[{}, SEALED, {"CHUNKED": True}], ids=["signed", "sealed", "chunked"])
def options(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_every_verb(cache: Any) -> None:
    assert cache.get("k") is None
    assert cache.add("k", None) is True
    assert cache.get("k", "there is none") is None
    assert cache.add("k", 1) is False
    cache.set("k", {"a": (1, b"2")})
    assert cache.get("k") == {"a": (1, b"2")}
    assert cache.set_many({"n": 5, "m": 6}) == []
    assert cache.get_many(["n", "m", "missing"]) == {"n": 5, "m": 6}
    assert [cache.incr("n"), cache.incr("n", 4), cache.decr("n", 3)] == [6, 10, 7]
    assert cache.touch("n", 60) is True
    assert cache.incr("n") == 8
    assert cache.touch("missing") is False
    assert "n" in cache
    assert cache.incr_version("n") == 2
    assert cache.get("n", version=2) == 8
    assert cache.get_or_set("made", lambda: [1]) == [1]
    assert cache.delete("m") is True
    assert cache.delete("m") is False
    cache.delete_many(["k", "made"])
    assert cache.get_many(["k", "made"]) == {}
    cache.clear()
    assert cache.get("n", version=2) is None


def test_every_awaited_verb(cache: Any) -> None:
    async def all_of_them() -> None:
        assert await cache.aadd("k", 1) is True
        assert await cache.aget("k") == 1
        await cache.aset_many({"n": 5, "m": 6})
        assert await cache.aget_many(["n", "m"]) == {"n": 5, "m": 6}
        assert await cache.aincr("n") == 6
        assert await cache.atouch("n", 60) is True
        assert await cache.adelete("n") is True
        await cache.aclear()
        assert await cache.aget("m") is None

    async_to_sync(all_of_them)()


def test_what_is_computed_is_kept_counted_and_taken(cache: Any) -> None:
    assert facade.remember("r", 60, lambda: 5) == 5
    assert facade.remember("r", 60, lambda: 6) == 5
    assert [facade.increment("r"), facade.increment("r")] == [6, 7]
    assert facade.pull("r") == 7
    assert facade.pull("r") is None
    assert facade.remember_many(["a", "b"], 60, lambda keys: dict.fromkeys(keys, 1)) == {
        "a": 1,
        "b": 1,
    }
    assert facade.forget_many(["a", "b", "c"]) == 2


def test_counting(cache: Any) -> None:
    assert [facade.increment("n", 5, initial=10), facade.decrement("n", 20)] == [15, -5]
    assert facade.increment("n", 2**70) == 2**70 - 5
    assert facade.decrement("n", 2**70) == -5
    assert facade.increment("n", 2**63 - 1) == 2**63 - 6
    assert facade.increment("n", 10) == 2**63 + 4
    cache.set("text", "1")
    with pytest.raises(TypeMismatch):
        cache.incr("text")
    with pytest.raises(ValueError, match="not found"):
        cache.incr("missing")
    assert cache.get("text") == "1"


VALUES = ["007", "1e3", 7, 1.5, True, False, None, b"\0\xff", b"", "", (1, "2"), {"a"}, "\udc00"]
VALUES += [datetime.date(2026, 1, 2), 2**200, -0.0, float("inf")]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_of_the_same_type(cache: Any, value: Any) -> None:
    cache.set("v", value)
    cache.set_many({"w": value})
    for found in cache.get_many(["v", "w"]).values():
        assert (type(found), repr(found)) == (type(value), repr(value))


def test_what_has_expired_and_is_still_there(cache: Any, look: Look, clock: Clock) -> None:
    facade.put_many({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}, 10)
    facade.increment("count", ttl=10)
    facade.increment("count")
    clock.advance(10.5)
    assert len(look.entries()) == 6
    assert cache.get("a") is None
    assert cache.get_many(["a", "b"]) == {}
    assert "a" not in cache
    assert list(facade.keys()) == []
    assert cache.touch("b", 60) is False
    assert cache.delete("c") is False
    assert facade.pull("d") is None
    with pytest.raises(KeyError):
        facade.ttl("e")
    with pytest.raises(ValueError, match="not found"):
        cache.incr("count")
    assert facade.increment("count", ttl=60) == 1
    assert cache.add("a", 2) is True
    assert cache.add("a", 3) is False
    assert cache.get("a") == 2


def test_an_entry_ends_within_its_second(cache: Any, clock: Clock) -> None:
    facade.increment("count", ttl=0.25)
    facade.increment("count")
    cache.set("a", 1, 0.25)
    clock.advance(0.3)  # the item's own expiry is the end of the second
    assert facade.increment("count", ttl=60) == 1
    assert cache.add("a", 2) is True


def test_the_ttl_attribute_is_seconds_rounded_up(cache: Any, look: Look) -> None:
    cache.set("a", 1, 60)
    cache.set("ever", 1, None)
    cache.set("aeons", 1, 10**18)
    facade.increment("count", ttl=60)
    facade.increment("count")
    facade.remember("computed", 60, lambda: 1)
    for key in ("a", "count", "computed"):
        item = look.item(key)
        exact = expires(item["v"]["B"])
        assert item["e"]["N"].isdigit()
        assert exact is not None
        assert exact <= int(item["e"]["N"]) < exact + 1
    assert "e" not in look.item("ever")
    assert "e" not in look.item("aeons")
    cache.touch("a", None)
    assert "e" not in look.item("a")


def test_keys_and_pruning(cache: Any, look: Look, clock: Clock) -> None:
    facade.put_many({f"k{n}": n for n in range(30)}, 10)
    facade.forever("ever", 1)
    facade.increment("count", ttl=100)
    assert sorted(facade.keys("k1*")) == sorted(["k1", *(f"k1{n}" for n in range(10))])
    assert set(facade.keys()) == {"ever", "count", *(f"k{n}" for n in range(30))}
    clock.advance(11)
    assert driver_of().table.prune() == 30
    assert len(look.entries()) == 2
    assert facade.forget_pattern("*") == 2


def test_tags(cache: Any) -> None:
    facade.tags("t", "u").put("a", 1, 60)
    assert facade.get("a") == facade.tags("t").get("a") == 1
    facade.tags("u").flush()
    assert facade.get("a") is None


def test_many_keys(cache: Any) -> None:
    keys = [f"k{n}" for n in range(250)]
    assert facade.put_many({key: key for key in keys}, 60) is True
    assert facade.many([*keys, *keys]) == {key: key for key in keys}
    assert facade.forget_many(keys) == 250
    assert set(facade.many(keys).values()) == {None}


def test_a_flush_empties_its_own_space_alone(server: Any, table: str, look: Look) -> None:
    one = config(server.url, table)
    aliases = {
        "default": one,
        "prefixed": config(server.url, table, KEY_PREFIX="p", STORE_ID="default"),
        "other": config(server.url, table, STORE_ID="other"),
        "custom": config(server.url, table, KEY_FUNCTION=same_key, STORE_ID="default"),
        "custom_prefixed": config(
            server.url, table, KEY_FUNCTION=same_key, KEY_PREFIX="q", STORE_ID="default"
        ),
    }
    with configured(**aliases):
        look.put({"k": {"S": "somebody's"}, "v": {"S": "text"}})
        for alias in aliases:
            caches[alias].set_many({f"{alias}{n}": n for n in range(60)}, 60)
            caches[alias].set("shared", alias)
        for alias in ("prefixed", "default"):
            caches[alias].clear()
            assert caches[alias].get("shared") is None
        for alias in ("other", "custom_prefixed"):
            assert caches[alias].get("shared") == alias
            assert caches[alias].get(f"{alias}59") == 59
        # "custom" has the prefix, the store and so the space of "default".
        assert caches["custom"].get("shared") is None
        kept = [item for item in look.all() if "p" in item or item["k"]["S"] == "somebody's"]
        assert len(kept) == 2 * 61 + 1


def same_key(key: str, prefix: str, version: int) -> str:
    return key
