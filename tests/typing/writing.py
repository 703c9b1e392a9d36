"""What a type checker must see of the verbs that write and remove; never run."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from typing_extensions import assert_type

from django_cachekit import cache


class Keys(Enum):
    CITY = "city"


def swapped(value: int) -> str:
    return str(value)


async def swapped_later(value: int) -> str:
    return str(value)


def blocking(hour: timedelta, moment: datetime) -> None:
    assert_type(cache.put("a", 1, 60), bool)
    assert_type(cache.put(Keys.CITY, 1, hour), bool)
    assert_type(cache.put("a", 1, ttl=moment), bool)
    assert_type(cache.put("a", 1, None), bool)
    assert_type(cache.put_many({"a": 1}, 0.5), bool)
    assert_type(cache.forever("a", 1), bool)
    assert_type(cache.increment("a", 2, initial=1, ttl=hour), int)
    assert_type(cache.decrement("a"), int)
    assert_type(cache.forget("a"), bool)
    assert_type(cache.forget_many(["a"]), int)
    assert_type(cache.forget_pattern("a*"), int)
    assert_type(cache.flush(), bool)
    assert_type(cache.prune(), int)
    assert_type(cache.cas("a", swapped, default=0, ttl=None), str)
    assert_type(cache.cas("a", lambda value: 1), int)


def djangos(hour: timedelta) -> None:
    assert_type(cache.set("a", 1), None)
    assert_type(cache.set("a", 1, timeout=None, version=2), None)
    assert_type(cache.set_many({"a": 1}, hour), list[str])
    assert_type(cache.set_many({Keys.CITY: 1}), list[Keys])
    assert_type(cache.add("a", 1, hour, version=2), bool)
    assert_type(cache.add("a", 1, DEFAULT_TIMEOUT), bool)
    assert_type(cache.touch("a", hour), bool)
    assert_type(cache.delete("a"), bool)
    assert_type(cache.delete_many(["a"]), None)
    assert_type(cache.incr("a", 2), int)
    assert_type(cache.decr("a"), int)
    assert_type(cache.incr_version("a"), int)
    assert_type(cache.decr_version("a"), int)
    assert_type(cache.clear(), None)
    assert_type(cache.close(), None)


async def awaited(hour: timedelta, moment: datetime) -> None:
    assert_type(await cache.aput("a", 1, hour), bool)
    assert_type(await cache.aput_many({"a": 1}, moment), bool)
    assert_type(await cache.aforever("a", 1), bool)
    assert_type(await cache.aincrement("a", 2, initial=1), int)
    assert_type(await cache.adecrement("a"), int)
    assert_type(await cache.aforget("a"), bool)
    assert_type(await cache.aforget_many(["a"]), int)
    assert_type(await cache.aforget_pattern("a*"), int)
    assert_type(await cache.aflush(), bool)
    assert_type(await cache.aprune(), int)
    assert_type(await cache.acas("a", swapped_later), str)
    assert_type(await cache.acas("a", swapped, default=0), str)
    assert_type(await cache.acas("a", lambda value: 1), int)


async def djangos_awaited(hour: timedelta) -> None:
    assert_type(await cache.aset("a", 1, None), None)
    assert_type(await cache.aset_many({"a": 1}, hour), list[str])
    assert_type(await cache.aadd("a", 1, hour, version=2), bool)
    assert_type(await cache.atouch("a", hour), bool)
    assert_type(await cache.adelete("a"), bool)
    assert_type(await cache.adelete_many(["a"]), None)
    assert_type(await cache.aincr("a", 2), int)
    assert_type(await cache.adecr("a"), int)
    assert_type(await cache.aincr_version("a"), int)
    assert_type(await cache.adecr_version("a"), int)
    assert_type(await cache.aclear(), None)
    assert_type(await cache.aclose(), None)


async def wrong(anything: Any) -> None:
    cache.put()  # type: ignore[call-arg]
    cache.put("a", 1, "60")  # type: ignore[arg-type]
    cache.put_many(["a"])  # type: ignore[arg-type]
    cache.add("a", 1, "60")  # type: ignore[arg-type]
    cache.touch("a", (1, 2))  # type: ignore[arg-type]
    cache.increment("a", "b")  # type: ignore[arg-type]
    cache.increment("a", 1, 2)  # type: ignore[call-arg]
    cache.puts("a", 1)  # type: ignore[attr-defined]
    cache.cas("a", 1)  # type: ignore[arg-type]
    number: int = cache.cas("a", swapped)  # type: ignore[assignment]
    stored: bool = cache.aput("a", 1)  # type: ignore[assignment]
    await cache.put("a", 1)  # type: ignore[misc]
    await cache.aput("a", 1, ttl="60")  # type: ignore[arg-type]
    print(number, stored)
