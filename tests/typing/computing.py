"""What a type checker must see of the verbs that compute, by what ``make`` is; never run."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from typing_extensions import assert_type

from django_cachekit import cache
from django_cachekit.flows.compute import Draft


class City:
    name = ""

    def load(self) -> str:
        return self.name

    async def load_later(self) -> str:
        return self.name

    def load_with(self, entry: Draft) -> str:
        entry.tags.add("city")
        return self.name


def nothing() -> None:
    return


def plus(a: int, b: int) -> int:
    return a + b


async def plus_later(a: int, b: int) -> int:
    return a + b


async def load() -> list[int]:
    return [1]


async def load_with(entry: Draft) -> list[int]:
    entry.skip()
    return [1]


def compute(entry: Draft) -> str:
    entry.ttl = 5
    return "x"


def either(entry: Draft | None = None) -> int:
    return 1 if entry else 2


def loaded(keys: list[str]) -> Mapping[str, City]:
    return {key: City() for key in keys}


async def loaded_later(keys: list[str]) -> dict[str, City]:
    return {key: City() for key in keys}


def blocking(city: City, hour: timedelta) -> None:
    assert_type(cache.remember("a", 60, lambda: 1), int)
    assert_type(cache.remember("a", None, nothing), None)
    assert_type(cache.remember("a", hour, compute), str)
    assert_type(cache.remember("a", 60, city.load), str)
    assert_type(cache.remember("a", 60, city.load_with), str)
    assert_type(cache.remember("a", 60, partial(plus, 1, b=2)), int)
    assert_type(cache.remember("a", 60, partial(plus, 1, 2)), int)
    assert_type(cache.remember("a", 60, either), int)
    assert_type(cache.remember("a", 60, City), City)
    assert_type(cache.remember("a", 60, list[int]), list[int])
    assert_type(cache.remember("a", 60, lambda entry: entry.skip()), None)
    assert_type(cache.remember("a", lambda value: 60 if value else 5, city.load), str)
    assert_type(cache.remember_forever("a", compute), str)
    assert_type(cache.sear("a", lambda: 1.5), float)
    assert_type(cache.flexible("a", (1, hour), city.load), str)
    assert_type(cache.flexible("a", (1, 2), compute), str)
    assert_type(cache.refresh("a", 60, city.load), str)
    assert_type(cache.refresh("a", 60, compute), str)
    assert_type(cache.remember_many(["a"], 60, lambda keys: {"a": 1}), dict[str, int])
    assert_type(cache.remember_many(["a"], 60, loaded), dict[str, City])
    assert_type(cache.get_or_set("a", 1), int)
    assert_type(cache.get_or_set("a", lambda: 1, None, version=2), int)
    assert_type(cache.get_or_set("a", city.load, hour), str)
    assert_type(cache.tags("a").remember("a", 60, city.load), str)
    assert_type(cache.memo().remember("a", 60, city.load), str)
    values: list[str] = cache.remember("a", 60, lambda: [])
    print(values)


async def awaited(city: City, hour: timedelta) -> None:
    assert_type(await cache.aremember("a", 60, load), list[int])
    assert_type(await cache.aremember("a", 60, load_with), list[int])
    assert_type(await cache.aremember("a", 60, compute), str)
    assert_type(await cache.aremember("a", 60, city.load), str)
    assert_type(await cache.aremember("a", 60, city.load_later), str)
    assert_type(await cache.aremember("a", 60, partial(plus_later, 1, 2)), int)
    assert_type(await cache.aremember("a", 60, partial(plus, 1, 2)), int)
    assert_type(await cache.aremember("a", 60, City), City)
    assert_type(await cache.aremember("a", 60, lambda: 1), int)
    assert_type(await cache.aremember("a", 60, lambda: load()), list[int])
    assert_type(await cache.aremember("a", 60, lambda entry: entry.skip()), None)
    assert_type(await cache.aremember_forever("a", load), list[int])
    assert_type(await cache.aremember_forever("a", compute), str)
    assert_type(await cache.asear("a", load), list[int])
    assert_type(await cache.aflexible("a", (1, hour), load_with), list[int])
    assert_type(await cache.aflexible("a", (1, 2), compute), str)
    assert_type(await cache.arefresh("a", 60, load), list[int])
    assert_type(await cache.arefresh("a", 60, city.load), str)
    assert_type(await cache.aremember_many(["a"], 60, loaded_later), dict[str, City])
    assert_type(await cache.aremember_many(["a"], 60, loaded), dict[str, City])
    assert_type(await cache.aget_or_set("a", load), list[int])
    assert_type(await cache.aget_or_set("a", city.load), str)
    assert_type(await cache.aget_or_set("a", 1), int)
    assert_type(await cache.tags("a").aremember("a", 60, load), list[int])


def options() -> None:
    assert_type(cache.remember("a", 60, lambda: 1, early=1.0, jitter=0.1), int)
    assert_type(cache.remember("a", 60, compute, stale_if_error=timedelta(days=1)), str)
    assert_type(cache.flexible("a", (1, 2), lambda: 1, soft_timeout=0.5, on_error="retry"), int)
    assert_type(cache.refresh("a", 60, compute, negative_ttl=5), str)


async def options_awaited() -> None:
    assert_type(await cache.aremember("a", 60, load, early=1.0), list[int])
    assert_type(await cache.aremember("a", 60, load_with, stale_if_error=60), list[int])
    assert_type(await cache.aflexible("a", (1, 2), load, jitter=0.1), list[int])


def drafts(entry: Draft) -> None:
    assert_type(entry.stale, Any | None)
    assert_type(entry.skip(), None)
    entry.ttl = timedelta(hours=1)


async def wrong(city: City) -> None:
    cache.remember("a", 60, 1)  # type: ignore[call-overload]
    cache.remember("a", 60, plus)  # type: ignore[arg-type]
    cache.remember("a", "60", city.load)  # type: ignore[call-overload]
    cache.remember("a", 60, lambda entry: entry.skipp())  # type: ignore[misc, arg-type]
    cache.remember("a", 60, lambda: 1, sooner=1)  # type: ignore[call-overload]
    cache.remember("a", 60, lambda: 1, on_error="ignore")  # type: ignore[call-overload]
    cache.refresh("a", 60, lambda: 1, early="1")  # type: ignore[call-overload]
    cache.flexible("a", 60, city.load)  # type: ignore[call-overload]
    cache.flexible("a", (1, "2"), city.load)  # type: ignore[arg-type]
    number: int = cache.remember("a", 60, city.load)  # type: ignore[assignment]
    # A coroutine function needs the awaited verb; here its coroutine is what comes out.
    numbers: list[int] = cache.remember("a", 60, load)  # type: ignore[arg-type]
    later: str = await cache.aremember("a", 60, load)  # type: ignore[arg-type]
    await cache.remember("a", 60, city.load)  # type: ignore[misc]
    cache.remember_many("a", 60, city.load)  # type: ignore[arg-type]
    cache.remember_many(["a"], 60, loaded_later)  # type: ignore[arg-type]
    await cache.aremember_many([1], 60, loaded)  # type: ignore[arg-type]
    print(number, numbers, later)
