"""Caches that are not ours, and have never been seen before."""

import asyncio
import pickle
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.errors import NotSupported, StoreUnavailable


class Picky(LocMemCache):
    """Be like memcached: keys of 250 plain characters, whole seconds, calls written down."""

    said: list[str] = []

    def _check(self, key: str) -> None:
        if len(key) > 250 or any(not "!" <= char <= "~" for char in key):
            raise AssertionError(f"a key this store cannot hold: {key!r}")

    def make_and_validate_key(self, key: str, version: int | None = None) -> str:
        made: str = self.make_key(key, version=version)
        self._check(made)
        return made

    def get_backend_timeout(self, timeout: Any = 300) -> Any:
        assert timeout is None or not isinstance(timeout, float), timeout
        return super().get_backend_timeout(timeout)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        self.said.append("get")
        return super().get(key, default, version)

    def get_many(self, keys: Any, version: int | None = None) -> Any:
        self.said.append("get_many")
        return super().get_many(keys, version)


class Whole(Picky):
    """Stand for a class whose fractions of a second are not known to be kept."""


class Native(BaseCache):
    """Have true coroutines for two verbs, and blocking ones that must not be used for those."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.values: dict[str, Any] = {}

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        raise AssertionError("the blocking verb")

    async def aget(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any, timeout: Any = None, version: int | None = None) -> None:
        raise AssertionError("the blocking verb")

    async def aset(
        self, key: str, value: Any, timeout: Any = None, version: int | None = None
    ) -> None:
        self.values[key] = value


class Down(LocMemCache):
    """Be out of reach."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("redis://user:secret@host")

    def set(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("redis://user:secret@host")

    add = set  # type: ignore[assignment]  # every verb is down


def configured(name: str, **more: Any) -> Any:
    config = {"BACKEND": f"{__name__}.{name}", "LOCATION": "foreign", **more}
    return override_settings(CACHES={"default": config})


def test_keys_it_cannot_hold_are_hashed() -> None:
    with configured("Picky"):
        cache.flush()
        for key in ("a b", "x" * 400, "\n", "é" * 130, "plain"):
            cache.tags("t", "a tag\n").put(key, key, 60)
            assert cache.get(key) == key
        cache.tags("a tag\n").flush()
        assert cache.get("plain") is None


def test_a_long_prefix_counts() -> None:
    with configured("Picky", KEY_PREFIX="p" * 100):
        cache.put("k" * 175, 1, 60)
        assert cache.get("k" * 175) == 1


def test_a_tagged_read_is_one_trip_once_it_is_known() -> None:
    class Remote(Picky):
        pass

    with configured("Picky"):
        cache.tags("t", "u").put("key", 1, 60)
        home = cache._home.stack()
        from django_cachekit.layers.ground import Foreign

        assert isinstance(home.driver, Foreign)
        Picky.said.clear()
        assert cache.tags("t", "u").get("key") == 1
        assert Picky.said[0] == "get_many"
        assert Picky.said.count("get_many") == 1


def test_its_own_coroutines_are_used() -> None:
    async def use() -> Any:
        await cache.aput("a", 1, 60)
        return await cache.aget("a")

    with configured("Native"):
        assert asyncio.run(use()) == 1


def test_out_of_reach_is_answered_as_promised_and_no_secret_is_told() -> None:
    with configured("Down"):
        assert cache.get("a", 5) == 5
        assert cache.put("a", 1) is False
        assert cache.remember("a", 60, lambda: "computed") == "computed"
        with pytest.raises(StoreUnavailable) as caught:
            cache.add("a", 1)
        assert "secret" not in str(caught.value)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_what_it_cannot_do_is_said_with_the_alias() -> None:
    with configured("Picky"):
        for verb, args in (
            ("ttl", ("a",)),
            ("increment", ("a",)),
            ("cas", ("a", len)),
            ("prune", ()),
        ):
            with pytest.raises(NotSupported, match="default"):
                getattr(cache, verb)(*args)


def test_why_it_cannot_compare_and_set_is_said() -> None:
    with configured("Picky"), pytest.raises(NotSupported, match="no write on the condition"):
        cache.cas("a", len)


def test_an_entry_that_cannot_be_read_hides_no_other() -> None:
    with configured("Picky"):
        cache.put_many({"good": 1, "bad": 2}, 60)
        from django.core.cache import caches

        raw = caches["default"]
        raw._cache[raw.make_key("bad")] = pickle.dumps(1)[:-3]
        assert cache.get("bad", "miss") == "miss"
        assert cache.many(["good", "bad"]) == {"good": 1, "bad": None}


@pytest.mark.parametrize("raw", [False, True])
def test_a_key_in_the_log_is_a_digest_unless_asked_for(
    raw: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with configured("Picky"), override_settings(CACHEKIT={"LOG_RAW_KEYS": raw}):
        cache.put("user:\n7", 1, 60)
        from django.core.cache import caches

        store = caches["default"]._cache  # type: ignore[attr-defined]  # Picky is a LocMemCache
        for name in store:
            store[name] = b"no pickle"
        assert cache.get("user:\n7", "miss") == "miss"
    assert len(caplog.messages) == 1
    assert ("user:\\n7" in caplog.messages[0]) is raw
    assert "\n" not in caplog.messages[0]


def test_an_unknown_alias_is_djangos_error() -> None:
    from django.core.cache import InvalidCacheBackendError

    with pytest.raises(InvalidCacheBackendError, match="nope"):
        cache.store("nope")
    assert cache.store("default") is cache.store("default")


def test_the_default_store_may_be_another_alias() -> None:
    array = {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "second"}
    locmem = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    with override_settings(
        CACHES={"default": locmem, "second": array}, CACHEKIT={"DEFAULT_STORE": "second"}
    ):
        assert cache.alias == "second"
        cache.put("a", 1, 60)
        assert cache.store("second").get("a") == 1
        assert cache.store("default").get("a") is None
    assert cache.alias == "default"
