"""Reads of tasks that wait at the same time travel in one command, and are as right as alone."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from django_cachekit.backends.redisdb.reading import TOGETHER, WEIGHT
from django_cachekit.errors import StoreUnavailable

from .helping import SEALED, alone, driver_of, key_of

NUMBER = 50


@pytest.fixture(params=["signed", "sealed"])
def proxied(request: pytest.FixtureRequest, empty: Any, faulty: Any) -> Iterator[tuple[Any, Any]]:
    proxy = faulty(empty)
    options = SEALED if request.param == "sealed" else {}
    with alone(proxy.url, RAISE=True, **options) as cache:
        cache.put_many({f"k{number}": number for number in range(NUMBER)}, 600)
        yield cache, proxy


async def reading(cache: Any, times: int = 1) -> list[Any]:
    """Read every key so many times at once."""
    await cache.aget("k0")  # connects
    keys = [f"k{number}" for number in range(NUMBER)] * times
    return list(await asyncio.gather(*map(cache.aget, keys)))


def calls(raw: Any) -> int:
    """Return how often the server was asked for several keys."""
    return int(raw.info("commandstats").get("cmdstat_mget", {"calls": 0})["calls"])


def test_all_at_once_is_one_alone_and_one_for_the_rest(proxied: tuple[Any, Any], raw: Any) -> None:
    cache, _ = proxied

    async def counting() -> None:
        before = calls(raw)
        assert await reading(cache, 4) == [*range(NUMBER)] * 4
        assert calls(raw) - before == 3

    asyncio.run(counting())


def test_one_who_reads_alone_is_not_kept_waiting(proxied: tuple[Any, Any], raw: Any) -> None:
    cache, _ = proxied

    async def counting() -> None:
        before = calls(raw)
        for number in range(10):
            assert await cache.aget(f"k{number}") == number
        assert calls(raw) - before == 10

    asyncio.run(counting())


def test_tagged_misses_counters_and_odd_keys_come_along(proxied: tuple[Any, Any]) -> None:
    cache, _ = proxied
    cache.tags("a", "b").put("tagged", "yes", 600)
    cache.increment("counted", 5)

    async def together() -> list[Any]:
        keys = ["k1", "tagged", "nothing", "counted", "tagged", "k1"]
        first = await asyncio.gather(*map(cache.aget, keys), cache.amany(["k1", "k2"]))
        await cache.tags("b").aflush()
        second = await asyncio.gather(*map(cache.aget, keys), cache.ahas("tagged"))
        return [first, second]

    first, second = asyncio.run(together())
    assert first == [1, "yes", None, 5, "yes", 1, {"k1": 1, "k2": 2}]
    assert second == [1, None, None, 5, None, 1, False]


def test_each_has_a_value_of_its_own(proxied: tuple[Any, Any]) -> None:
    cache, _ = proxied
    cache.put("list", [1, [2]], 600)

    async def together() -> list[Any]:
        return list(await asyncio.gather(*(cache.aget("list") for _ in range(10))))

    found = asyncio.run(together())
    assert found == [[1, [2]]] * 10
    assert len({id(one[1]) for one in found}) == 10


def test_nobody_reads_what_was_flushed_before_he_asked(proxied: tuple[Any, Any]) -> None:
    """Readers come all the while; who begins after a flush has ended sees nothing older."""
    cache, proxy = proxied
    proxy.latency(0.002)
    flushed, stale, reads = 0, list[Any](), 0

    async def read(over: asyncio.Event) -> None:
        nonlocal reads
        while not over.is_set():
            least = flushed
            found = await cache.aget("key")
            reads += 1
            if found is not None and found < least:
                stale.append((found, least))

    async def racing() -> None:
        nonlocal flushed
        over = asyncio.Event()
        tasks = [asyncio.ensure_future(read(over)) for _ in range(20)]
        for turn in range(25):
            await cache.aput("key", turn, 600)
            if turn % 2:
                await cache.aflush()
            else:
                await cache.aforget("key")
            flushed = turn + 1
        over.set()
        await asyncio.gather(*tasks)

    asyncio.run(racing())
    assert stale == []
    assert reads > 100


def test_when_the_server_is_gone_each_is_told(proxied: tuple[Any, Any]) -> None:
    cache, proxy = proxied

    async def losing() -> list[Any]:
        await cache.aget("k0")
        proxy.refuse()
        keys = [f"k{number}" for number in range(10)]
        lost = await asyncio.gather(*map(cache.aget, keys), return_exceptions=True)
        proxy.healthy()
        return [*lost, *await asyncio.gather(*map(cache.aget, keys))]

    found = asyncio.run(losing())
    assert [type(error) for error in found[:10]] == [StoreUnavailable] * 10
    assert found[10:] == [*range(10)]


def test_who_is_cancelled_disturbs_no_other(proxied: tuple[Any, Any]) -> None:
    cache, proxy = proxied

    async def cancelling() -> None:
        await reading(cache)
        proxy.latency(0.02)
        for turn in range(10):
            tasks = [asyncio.ensure_future(cache.aget(f"k{n}")) for n in range(NUMBER)]
            await asyncio.sleep(0.005)
            for task in tasks[turn % 2 :: 3]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            for number, one in enumerate(found):
                if number % 3 == turn % 2:
                    assert isinstance(one, asyncio.CancelledError) or one == number
                else:
                    assert one == number

    asyncio.run(cancelling())


def test_large_values_travel_in_smaller_company(proxied: tuple[Any, Any]) -> None:
    cache, _ = proxied
    cache.put_many({f"large{number}": bytes(WEIGHT // 8) for number in range(20)}, 600)
    together = driver_of().engine.together

    async def sizes() -> list[int]:
        await cache.aget("k0")
        narrow = []
        for keys in ([f"large{n}" for n in range(20)], [f"k{n}" for n in range(20)]):
            await asyncio.gather(*map(cache.aget, keys))
            await asyncio.gather(*map(cache.aget, keys))
            narrow.append(together.most)
        return narrow

    large, small = asyncio.run(sizes())
    assert 2 <= large <= 20
    assert small == TOGETHER


def test_what_another_put_in_a_place_is_a_miss_for_that_one(
    proxied: tuple[Any, Any], raw: Any
) -> None:
    cache, _ = proxied
    raw.set(key_of("k3"), raw.get(key_of("k4")))  # moved
    raw.set(key_of("k5"), raw.get(key_of("k5"))[:-1])  # cut
    raw.delete(key_of("k6"))
    raw.rpush(key_of("k6"), b"x")  # no string
    expected = [None if number in (3, 5, 6) else number for number in range(NUMBER)]
    assert asyncio.run(reading(cache)) == expected
