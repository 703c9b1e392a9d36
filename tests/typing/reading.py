"""What a type checker must see of the verbs that read; never run.

A value is Any, for anybody may have put it there. A default comes out as it went in.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from enum import Enum
from typing import Any

from typing_extensions import assert_type

from django_cachekit import cache
from django_cachekit.repository import Repository, TaggedRepository


class Keys(Enum):
    CITY = "city"


def number() -> int:
    return 1


def perhaps() -> int | None:
    return None


async def number_later() -> int:
    return 1


async def perhaps_later() -> int | None:
    return None


def blocking(anything: Any) -> None:
    assert_type(cache.get("a"), Any | None)
    assert_type(cache.get("a", version=2), Any | None)
    assert_type(cache.get("a", None), Any | None)
    assert_type(cache.get("a", 1), Any | int)
    assert_type(cache.get(Keys.CITY, default="x", version=2), Any | str)
    assert_type(cache.get("a", number), Any | int)
    assert_type(cache.get("a", lambda: 1), Any | int)
    assert_type(cache.get("a", perhaps), Any | int | None)
    assert_type(cache.get("a", dict[str, int]), Any | dict[str, int])
    assert_type(cache.pull("a"), Any | None)
    assert_type(cache.pull("a", 1), Any | int)
    assert_type(cache.pull("a", number), Any | int)
    assert_type(cache.has("a"), bool)
    assert_type(cache.missing("a"), bool)
    assert_type(cache.has_key("a"), bool)
    assert_type("a" in cache, bool)
    assert_type(cache.ttl("a"), float | None)
    assert_type(cache.keys(), Iterator[str])
    assert_type(cache.many(["a"]), dict[str, Any | None])
    assert_type(cache.many({Keys.CITY: 1}), dict[Keys, Any | int])
    assert_type(cache.many({"a": number}), dict[str, Any | int])
    assert_type(cache.get_many(["a"]), dict[str, Any])
    assert_type(cache.get_many({Keys.CITY}), dict[Keys, Any])


def what_the_reader_knows() -> None:
    """What he says of a value is believed, and what a miss gives is not forgotten."""
    name: str | None = cache.get("name")
    names: list[str] = cache.get("names", [])
    count: int = cache.get("count", 0)
    found = cache.get("city")
    if found is not None:
        assert_type(found, Any)
    print(name, names, count)


def typed() -> None:
    assert_type(cache.string("a"), str | None)
    assert_type(cache.string("a", None), str | None)
    assert_type(cache.string("a", "b"), str)
    assert_type(cache.string("a", lambda: "b"), str)
    assert_type(cache.integer("a"), int | None)
    assert_type(cache.integer("a", 1), int)
    assert_type(cache.integer("a", "1"), int)
    assert_type(cache.integer("a", number), int)
    assert_type(cache.integer("a", perhaps), int | None)
    assert_type(cache.integer("a", perhaps()), int | None)
    assert_type(cache.float("a"), float | None)
    assert_type(cache.float("a", 1), float)
    assert_type(cache.boolean("a"), bool | None)
    assert_type(cache.boolean("a", default=False), bool)
    assert_type(cache.array("a"), list[Any] | tuple[Any, ...] | None)
    assert_type(cache.array("a", []), list[Any] | tuple[Any, ...])


async def awaited() -> None:
    assert_type(await cache.aget("a"), Any | None)
    assert_type(await cache.aget("a", 1), Any | int)
    assert_type(await cache.aget("a", number), Any | int)
    assert_type(await cache.aget("a", number_later), Any | int)
    assert_type(await cache.aget("a", perhaps_later), Any | int | None)
    assert_type(await cache.apull("a"), Any | None)
    assert_type(await cache.apull("a", number_later), Any | int)
    assert_type(await cache.ahas("a"), bool)
    assert_type(await cache.amissing("a"), bool)
    assert_type(await cache.ahas_key("a"), bool)
    assert_type(await cache.attl("a"), float | None)
    assert_type(cache.akeys(), AsyncIterator[str])
    assert_type(await cache.amany(["a"]), dict[str, Any | None])
    assert_type(await cache.amany({"a": 1}), dict[str, Any | int])
    assert_type(await cache.amany({"a": number_later}), dict[str, Any | int])
    assert_type(await cache.aget_many(["a"]), dict[str, Any])


async def typed_awaited() -> None:
    assert_type(await cache.astring("a", "b"), str)
    assert_type(await cache.ainteger("a"), int | None)
    assert_type(await cache.ainteger("a", 1), int)
    assert_type(await cache.ainteger("a", number), int)
    assert_type(await cache.ainteger("a", number_later), int)
    assert_type(await cache.ainteger("a", perhaps_later), int | None)
    assert_type(await cache.afloat("a", 1.5), float)
    assert_type(await cache.aboolean("a", default=True), bool)
    assert_type(await cache.aarray("a"), list[Any] | tuple[Any, ...] | None)


def scopes() -> None:
    assert_type(cache, Repository)
    assert_type(cache.alias, str)
    assert_type(cache.store("a"), Repository)
    assert_type(cache.memo(), Repository)
    assert_type(cache.tags("a"), TaggedRepository)
    assert_type(cache.memo().tags("a", ["b"], namespace=True), TaggedRepository)
    assert_type(cache.tags("a").tags("b"), TaggedRepository)
    assert_type(cache.tags("a").memo(), TaggedRepository)
    assert_type(cache.tags("a").store("b"), Repository)


def tagged() -> None:
    people = cache.tags("people")
    assert_type(people.flush("all"), None)
    assert_type(people.expire(), None)
    assert_type(people.clear(), None)
    assert_type(people.count(), int)
    assert_type(people.items(), Iterator[tuple[str, Any]])
    assert_type(people.keys("a*"), Iterator[str])
    assert_type(people.stats(), dict[str, Mapping[str, Any]])
    assert_type(people.integer("a", 1), int)


async def tagged_awaited() -> None:
    people = cache.tags("people")
    assert_type(await people.aflush(match="any"), None)
    assert_type(await people.aexpire(), None)
    assert_type(await people.aclear(), None)
    assert_type(await people.acount(), int)
    assert_type(await people.astats(), dict[str, Mapping[str, Any]])
    assert_type(people.aitems(), AsyncIterator[tuple[str, Any]])
    assert_type(people.akeys(), AsyncIterator[str])
    async for key in people.akeys("a*"):
        assert_type(key, str)


def of_django() -> None:
    """What Django's cache object has besides, and the backend answers."""
    assert_type(cache.key_prefix, str)
    assert_type(cache.version, int)
    assert_type(cache.make_key("a", version=2), str)


async def wrong() -> None:
    cache.get()  # type: ignore[call-overload]
    cache.get("a").upper()  # type: ignore[union-attr]
    cache.get("a", 1).upper()  # type: ignore[union-attr]
    count: int = cache.get("a")  # type: ignore[assignment]
    text: str = cache.get("a", 1)  # type: ignore[arg-type]
    whole: int = cache.integer("a")  # type: ignore[assignment]
    cache.integer("a", [])  # type: ignore[call-overload]
    cache.boolean("a", 1)  # type: ignore[call-overload]
    cache.string("a", 1)  # type: ignore[call-overload]
    cache.integer("a", number_later)  # type: ignore[arg-type]
    await cache.has("a")  # type: ignore[misc]
    cache.expire()  # type: ignore[attr-defined]
    cache.tags("a").flush(match=1)  # type: ignore[arg-type]
    cache.many(1)  # type: ignore[call-overload]
    print(count, text, whole)
