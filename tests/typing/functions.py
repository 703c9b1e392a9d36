"""What a type checker must see of decorated functions and of what locks; never run."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Literal

from typing_extensions import assert_type

from django_cachekit import cache, cached, synchronized
from django_cachekit.flows.blocks import Guard
from django_cachekit.flows.funnels import Funnel
from django_cachekit.flows.locks import Lock


@cached(60, key="double:{number}")
def double(number: int, *, by: int = 2) -> int:
    """Return it twice."""
    return by * number


@cached(60, tags=("people",))
async def later(name: str) -> bytes:
    return name.encode()


def about(name: str) -> list[str]:
    return [name]


@cached(lambda value: 60 if value else 5, tags=about, early=1.0)
def found(name: str) -> str | None:
    return name or None


@cache.store("a").cached(None)
def bound(name: str) -> str:
    return name


@synchronized("report:{name}", ttl=30, wait_for=0.5)
def report(name: str) -> int:
    return len(name)


@synchronized(ttl=30, auto_refresh=True, max_hold=600)
async def report_later(name: str) -> int:
    return len(name)


class City:
    @cached(60, key="{self.pk}:{year}")
    def people(self, year: int) -> list[str]:
        return []

    @cached(60, key="{self.pk}:{year}")
    async def people_later(self, year: int) -> list[str]:
        return []

    @staticmethod
    @cached(60)
    def count(year: int) -> int:
        return year

    @synchronized(ttl=3)
    def rebuild(self, year: int) -> int:
        return year


def blocking(city: City) -> None:
    assert_type(double(2), int)
    assert_type(double(2, by=3), int)
    assert_type(double.key(2, by=3), str)
    assert_type(double.forget(2), bool)
    assert_type(double.refresh(2), int)
    assert_type(double.uncached(2), int)
    assert_type(found("x"), str | None)
    assert_type(bound("x"), str)
    assert_type(report("x"), int)
    assert_type(city.people(1999), list[str])
    assert_type(City.people(city, 1999), list[str])
    assert_type(City.people.forget(city, 1999), bool)
    assert_type(City.count(1999), int)
    assert_type(City.count.refresh(1999), int)
    assert_type(city.rebuild(1999), int)
    functions: list[Callable[[int], int]] = [double]
    assert_type(cache.cached(60)(number)(), int)
    print(functions)


async def awaited(city: City) -> None:
    assert_type(await later("x"), bytes)
    assert_type(later.key("x"), str)
    assert_type(await later.forget("x"), bool)
    assert_type(await later.refresh("x"), bytes)
    assert_type(await later.uncached("x"), bytes)
    assert_type(await report_later("x"), int)
    assert_type(await city.people_later(1999), list[str])
    assert_type(await City.people_later.forget(city, 1999), bool)
    functions: list[Callable[[str], Coroutine[Any, Any, bytes]]] = [later]
    print(functions)


def number() -> int:
    return 1


async def number_later() -> int:
    return 1


def locks() -> None:
    lock = cache.lock("a", 30, auto_refresh=True, max_hold=600)
    assert_type(lock, Lock)
    assert_type(cache.lock("a", timedelta(seconds=5), "me"), Lock)
    assert_type(cache.restore_lock("a", lock.owner), Lock)
    assert_type(lock.owner, str)
    assert_type(lock.fence, int | None)
    assert_type(lock.acquire(), bool)
    assert_type(lock.get(), bool)
    assert_type(lock.get(number), int | Literal[False])
    assert_type(lock.block(5), Guard[Lock])
    assert_type(lock.block(5, number), int)
    assert_type(lock.release(), bool)
    assert_type(lock.force_release(), None)
    assert_type(lock.refresh(60), bool)
    assert_type(lock.remaining(), float)
    assert_type(lock.is_locked(), bool)
    assert_type(lock.is_owned_by("x"), bool)
    assert_type(lock.is_owned_by_current_process(), bool)
    assert_type(cache.without_overlapping("a", number, lock_for=5, wait_for=1), int)
    with lock as held, lock.block(5) as waited:
        assert_type(held, Lock)
        assert_type(waited, Lock)


async def locks_awaited() -> None:
    lock = cache.lock("a", 30)
    assert_type(await lock.aacquire(), bool)
    assert_type(await lock.aget(), bool)
    assert_type(await lock.aget(number), int | Literal[False])
    assert_type(await lock.aget(number_later), int | Literal[False])
    assert_type(await lock.ablock(5), Guard[Lock])
    assert_type(await lock.ablock(5, number), int)
    assert_type(await lock.ablock(5, number_later), int)
    assert_type(await lock.arelease(), bool)
    assert_type(await lock.aforce_release(), None)
    assert_type(await lock.arefresh(), bool)
    assert_type(await lock.aremaining(), float)
    assert_type(await lock.ais_locked(), bool)
    assert_type(await lock.ais_owned_by("x"), bool)
    assert_type(await lock.ais_owned_by_current_process(), bool)
    assert_type(await cache.awithout_overlapping("a", number_later), int)
    assert_type(await cache.awithout_overlapping("a", number), int)
    async with lock as held, lock.ablock(5) as waited:
        assert_type(held, Lock)
        assert_type(waited, Lock)


async def funnels() -> None:
    funnel = cache.funnel("a", limit=2, ttl=5)
    assert_type(cache.funnel("a"), Funnel)
    assert_type(funnel.block(5), Guard[Lock])
    assert_type(funnel.block(5, number), int)
    assert_type(funnel.block(5, number, lambda error: str(error)), int | str)
    assert_type(funnel.block(5, failure=lambda error: str(error)), Guard[Lock] | str)
    assert_type(await funnel.ablock(5), Guard[Lock])
    assert_type(await funnel.ablock(5, number_later), int)
    assert_type(await funnel.ablock(5, number), int)
    assert_type(await funnel.ablock(5, number, str), Any)
    assert_type(await funnel.ablock(5, failure=str), Any)
    with funnel as slot, funnel.block(1) as other:
        assert_type(slot, Lock)
        assert_type(other, Lock)
    async with funnel as slot, funnel.ablock(1) as other:
        assert_type(slot, Lock)
        assert_type(other, Lock)


async def wrong(city: City) -> None:
    double("x")  # type: ignore[arg-type]
    double.forget("x")  # type: ignore[arg-type]
    double.key(2, to=3)  # type: ignore[call-arg]
    double.clear()  # type: ignore[attr-defined]
    city.people("x")  # type: ignore[arg-type]
    city.people.forget(1999)  # type: ignore[attr-defined]
    gone: bool = later.forget("x")  # type: ignore[assignment]
    cached("60")  # type: ignore[arg-type]
    cached(60, soon=1)  # type: ignore[call-arg]
    synchronized("a")  # type: ignore[call-arg]
    cache.lock("a")  # type: ignore[call-arg]
    cache.lock("a", None)  # type: ignore[arg-type]
    cache.lock("a", 5).block()  # type: ignore[call-overload]
    async with cache.lock("a", 5).ablock(5, number):  # type: ignore[misc]
        print(gone)
