"""A read of a key whose tags nobody here knows yet: its records come along by a script."""

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_cachekit.backends.bytedriver import SURE
from django_cachekit.backends.redisdb import hints

from .helping import SEALED, alone, client, driver_of, key_of


def cold(cache: Any) -> None:
    """Be a process that knows no key's tags, in an alias where the last keys bore some."""
    driver = driver_of()
    driver.guesses.clear()
    driver.hunch = SURE


@pytest.fixture(params=["signed", "sealed"])
def proxied(request: pytest.FixtureRequest, empty: Any, faulty: Any) -> Iterator[tuple[Any, Any]]:
    proxy = faulty(empty)
    options = SEALED if request.param == "sealed" else {}
    with alone(proxy.url, SIGNALS=False, **options) as cache:
        cache.tags("a", "b").put("key", 1, 600)
        cache.put("plain", 2, 600)
        cold(cache)
        cache.get("key")  # loads the script
        yield cache, proxy


def trips(proxy: Any, work: Callable[[], Any]) -> int:
    with proxy.counting() as counts:
        work()
    return int(counts.round_trips)


READS: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.get("key"),
    "get of a version": lambda cache: cache.get("key", version=1),  # the long way
    "many": lambda cache: cache.many(["key"])["key"],
    "remember": lambda cache: cache.remember("key", 600, lambda: 3),
}


@pytest.mark.parametrize("verb", READS)
def test_a_cold_tagged_read_is_one_trip(proxied: tuple[Any, Any], verb: str) -> None:
    cache, proxy = proxied
    driver_of().guesses.clear()
    found: list[Any] = []
    assert trips(proxy, lambda: found.append(READS[verb](cache))) == 1
    assert found == [1]
    cache.tags("b").flush()
    driver_of().guesses.clear()
    assert trips(proxy, lambda: found.append(cache.get("key"))) == 1
    assert found == [1, None]


def test_so_is_an_awaited_one(proxied: tuple[Any, Any]) -> None:
    cache, proxy = proxied

    async def reading() -> None:
        await cache.aget("plain")  # connects
        for found in (1, None):
            cold(cache)
            with proxy.counting() as counts:
                assert await cache.aget("key") == found
            assert counts.round_trips == 1
            await cache.tags("b").aflush()

    asyncio.run(reading())


def test_only_where_the_last_ones_bore_tags(proxied: tuple[Any, Any], raw: Any) -> None:
    cache, _ = proxied
    driver = driver_of()
    driver.hunch = 0
    for turn in range(SURE + 1):
        driver.guesses.clear()
        cache.get("key")
        assert driver.hunch == turn + 1
    for turn in range(SURE):
        assert cache.get("plain") == 2
        assert cache.get("nothing") is None
        assert driver.hunch == max(0, SURE + 1 - 2 * (turn + 1))
    before = raw.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert cache.get("plain") == 2
    assert raw.info("commandstats")["cmdstat_evalsha"]["calls"] == before


def test_what_is_no_string_is_a_miss(empty: Any, raw: Any) -> None:
    with alone(empty.url, RAISE=True, SIGNALS=False) as cache:
        cache.tags("a").put("key", 1, 600)
        raw.rpush(key_of("other"), b"x")
        cold(cache)
        assert cache.get("other") is None
        record = driver_of().engine.naming.key(driver_of().entries.of_tags(("a",))["a"])
        raw.delete(record)
        raw.rpush(record, b"x")
        cold(cache)
        assert cache.get("key") is None


def test_more_tags_than_are_told_of(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url, SIGNALS=False) as cache:
        for count in (hints.MOST, hints.MOST + 1):
            cache.tags(*map(str, range(count))).put("key", count, 600)
            cold(cache)
            cache.get("nothing")  # the script is loaded
            cold(cache)
            assert trips(proxy, lambda: cache.get("key")) == 1 + (count > hints.MOST)
            assert cache.get("key") == count
            cache.tags("1").flush()
            cold(cache)
            assert cache.get("key") is None


def test_a_user_who_may_run_no_scripts_reads_all_the_same(empty: Any, raw: Any) -> None:
    may = ["+get", "+set", "+mget", "+mset", "+hello", "+select", "+ping"]
    raw.acl_setuser("reader", enabled=True, passwords=["+word"], keys=["*"], commands=may)
    try:
        url = empty.url.replace("://", "://reader:word@")
        with alone(empty.url) as writer:
            writer.tags("a").put("key", 1, 600)
        with alone(url, RAISE=True) as cache:
            for _ in range(2):
                cold(cache)
                assert cache.get("key") == 1
                assert not driver_of().io.gathers
    finally:
        raw.acl_deluser("reader")


def test_nothing_is_told_in_a_cluster(redis_cluster: Any) -> None:
    with alone(redis_cluster.url, CLUSTER=True) as cache:
        cache.tags("a").put("key", 1, 600)
        nodes: list[Any] = [client(node) for node in redis_cluster.nodes]
        found = [raw.get(key_of("key")) for raw in nodes if _has(raw)]
        assert [hints.told(data[8:]) for data in found] == [[]]
        cold(cache)
        assert cache.get("key") == 1
        cache.flush()


def _has(raw: Any) -> bool:
    try:
        return bool(raw.exists(key_of("key")))
    except Exception:  # another server's key
        return False


# -- whoever writes there -------------------------------------------------------------------------


def spoilt(raw: Any, rests: list[bytes]) -> bytes:
    """Return an entry's bytes with something else told before it."""
    data = raw.get(key_of("key"))
    entry = hints.without(data[8:])
    told = b"".join(len(rest).to_bytes(2, "big") + rest for rest in rests)
    return bytes(data[:8] + hints.MAGIC + len(told).to_bytes(2, "big") + told + entry)


def test_what_is_told_is_never_believed(proxied: tuple[Any, Any], raw: Any) -> None:
    """It is right, or a trip more: the records asked for are those that the entry itself names."""
    cache, _ = proxied
    lead = len(driver_of().engine.naming.lead)
    cache.tags("gone").put("other", 5, 600)
    others = [key_of(name)[lead:] for name in ("other", "plain", "nothing")]
    for rests in ([], others, [b""], [b"\xff" * 9], [b"\0epoch"], others * 20):
        raw.set(key_of("key"), spoilt(raw, rests))
        cold(cache)
        assert cache.get("key") == 1
        cold(cache)
        assert cache.many(["key"]) == {"key": 1}
    cache.tags("a").flush()
    for rests in ([], others):
        raw.set(key_of("key"), spoilt(raw, rests))
        cold(cache)
        assert cache.get("key") is None


def test_who_writes_there_has_little_read(proxied: tuple[Any, Any], raw: Any) -> None:
    cache, proxy = proxied
    lead = len(driver_of().engine.naming.lead)
    cache.put("large", "x" * 1_000_000)
    raw.set(key_of("key"), spoilt(raw, [key_of("large")[lead:]] * 900))
    cold(cache)
    with proxy.counting() as counts:
        cache.get("key")
    assert counts.bytes_down < 2 * len(raw.get(key_of("key"))) + hints.MOST * 1100


def test_any_bytes_are_told_apart_as_the_script_does(proxied: tuple[Any, Any], raw: Any) -> None:
    cache, _ = proxied
    data, chance = raw.get(key_of("key")), random.Random(5)
    for _ in range(300):
        size = chance.choice([0, 1, 2, 3, 20, 60])
        length = chance.choice([0, 1, 2, size, 7, 65535]).to_bytes(2, "big")
        end = chance.randint(0, 40)
        told = bytes(chance.choice([0, 0, 1, 2, 5, 255]) for _ in range(size))
        made = data[:8] + hints.MAGIC + length + told + data[8 : 8 + end]
        raw.set(key_of("key"), made[: chance.randint(8, len(made))])
        cold(cache)
        assert cache.get("key") is None
