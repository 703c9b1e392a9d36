"""What a type checker must see of both faces; read by mypy and pyright, never run."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

from typing_extensions import assert_type

from django_cachekit import cache, cached
from django_cachekit.flows.compute import Draft
from django_cachekit.repository import Repository, TaggedRepository


async def load() -> list[int]:
    return [1]


async def load_with(entry: Draft) -> list[int]:
    entry.skip()
    return [1]


def compute(entry: Draft) -> str:
    entry.ttl = 5
    return "x"


def swapped(value: int) -> str:
    return str(value)


async def swapped_later(value: int) -> str:
    return str(value)


@cached(60, key="double:{number}")
def double(number: int) -> int:
    return 2 * number


@cached(60, tags=("people",))
async def later(name: str) -> bytes:
    return name.encode()


def blocking() -> None:
    assert_type(cache.has("a"), bool)
    assert_type(cache.put("a", 1, 60), bool)
    assert_type(cache.increment("a", 2, initial=1), int)
    assert_type(cache.cas("a", swapped, default=0, ttl=None), str)
    assert_type(cache.many(["a"]), dict[Any, Any])
    assert_type(cache.integer("a"), int | None)
    assert_type(cache.string("a", "b"), str | None)
    assert_type(cache.ttl("a"), float | None)
    assert_type(cache.keys(), Iterator[str])
    assert_type(cache.tags("a"), TaggedRepository)
    assert_type(cache.store("a"), Repository)
    assert_type(cache.remember("a", 60, lambda: 1), int)
    assert_type(cache.remember("a", None, compute), str)
    assert_type(cache.sear("a", lambda: 1.5), float)
    assert_type(cache.remember_many(["a"], 60, lambda keys: {"a": 1}), dict[Any, int])
    assert_type(cache.flush(), bool)
    assert_type(cache.forget_many(["a"]), int)
    assert_type(cache.add("a", 1, version=2), bool)
    assert_type(double(2), int)
    assert_type(double.key(2), str)
    assert_type(double.refresh(2), int)


async def awaited() -> None:
    assert_type(await cache.ahas("a"), bool)
    assert_type(await cache.aput("a", 1, 60), bool)
    assert_type(await cache.aremember("a", 60, load), list[int])
    assert_type(await cache.aremember("a", 60, load_with), list[int])
    assert_type(await cache.aremember("a", 60, lambda: 1), int)
    assert_type(await cache.aremember_forever("a", load), list[int])
    assert_type(await cache.acas("a", swapped_later), str)
    assert_type(await cache.acas("a", swapped, default=0), str)
    assert_type(cache.akeys(), AsyncIterator[str])
    assert_type(await cache.tags("a").aremember("a", 60, load), list[int])
    assert_type(await later("x"), bytes)
    assert_type(await later.uncached("x"), bytes)


def wrong() -> None:
    cache.put()  # type: ignore[call-arg]
    cache.increment("a", "b")  # type: ignore[arg-type]
    cache.puts("a", 1)  # type: ignore[attr-defined]
    double("x")  # type: ignore[arg-type]


def options() -> None:
    assert_type(cache.remember("a", 60, lambda: 1, early=1.0, jitter=0.1), int)
    assert_type(cache.remember("a", 60, compute, stale_if_error=timedelta(days=1)), str)
    assert_type(cache.flexible("a", (1, 2), lambda: 1, soft_timeout=0.5, on_error="retry"), int)
    cached(60, negative_ttl=5)(lambda: 1)
    cache.remember("a", 60, lambda: 1, sooner=1)  # type: ignore[call-overload]
    cache.remember("a", 60, lambda: 1, on_error="ignore")  # type: ignore[call-overload]
    cache.refresh("a", 60, lambda: 1, early="1")  # type: ignore[arg-type]


async def options_awaited() -> None:
    assert_type(await cache.aremember("a", 60, load, early=1.0), list[int])
    assert_type(await cache.aremember("a", 60, load_with, stale_if_error=60), list[int])
    assert_type(await cache.aflexible("a", (1, 2), load, jitter=0.1), list[int])
