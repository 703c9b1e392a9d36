"""How many round trips each verb takes, counted on the wire."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from .helping import SEALED, alone, key_of

MANY = {f"k{number}": "v" * 50 for number in range(100)}
SOME = {f"k{number}": number for number in range(20)}
"""So few that they leave in one piece: of what comes in several, the proxy counts each."""

ONE: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.get("a"),
    "get, a miss": lambda cache: cache.get("nothing"),
    "put": lambda cache: cache.put("a", 1, 60),
    "many": lambda cache: cache.many(list(MANY)),
    "get_many": lambda cache: cache.get_many(list(MANY)),
    "put_many": lambda cache: cache.put_many(SOME, 60),
    "add": lambda cache: cache.add("fresh", 1),
    "add, in vain": lambda cache: cache.add("a", 1),
    "forget": lambda cache: cache.forget("a"),
    "forget_many": lambda cache: cache.forget_many(["a", "n"]),
    "pull": lambda cache: cache.pull("a"),
    "ttl": lambda cache: cache.ttl("a"),
    "has": lambda cache: cache.has("a"),
    "tagged": lambda cache: cache.get("tagged"),
    "flush of tags": lambda cache: cache.tags("t", "u").flush(),
}
TWO: dict[str, Callable[[Any], Any]] = {"touch": lambda cache: cache.touch("a", 60)}


def prepare(cache: Any) -> None:
    """Store something to be found, know the epoch, and have the scripts loaded."""
    cache.flush()
    cache.put("a", 1, 600)
    cache.forget("b")
    assert cache.increment("n") == 1
    assert cache.increment("n") == 2
    cache.touch("a", 60)
    cache.add("a", 2)
    cache.tags("t", "u").put("tagged", 1, 600)
    cache.get("tagged")


def count(proxy: Any, cache: Any, verb: Callable[[Any], Any]) -> int:
    prepare(cache)
    with proxy.counting() as counts:
        verb(cache)
    return int(counts.round_trips)


@pytest.mark.parametrize("verb", ONE)
@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_most_verbs_take_one(verb: str, options: Any, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url, **options) as cache:
        assert count(proxy, cache, ONE[verb]) == 1


def test_touch_takes_two(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        assert count(proxy, cache, TWO["touch"]) == 2


@pytest.mark.parametrize("key", ["a", "n", "missing"])
def test_a_cas_takes_three(key: str, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        assert count(proxy, cache, lambda cache: cache.cas(key, lambda _: 1)) == 3


def test_what_a_cas_changed_is_read_with_its_tags_in_one(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        prepare(cache)
        assert cache.cas("tagged", lambda number: number + 1) == 2
        with proxy.counting() as counts:
            assert cache.get("tagged") == 2
        assert counts.round_trips == 1


def test_a_counter_that_a_cas_changed_is_counted_in_one_trip(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        prepare(cache)
        assert cache.cas("n", lambda number: number * 10) == 20
        with proxy.counting() as counts:
            assert cache.increment("n") == 21
        assert counts.round_trips == 1


def test_a_count_takes_one_where_the_server_counts(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        assert count(proxy, cache, lambda cache: cache.increment("n")) == 1
    with alone(proxy.url, **SEALED) as cache:
        assert count(proxy, cache, lambda cache: cache.increment("n")) == 2


def test_what_never_expires_is_one_command(empty: Any, raw: Any) -> None:
    def commands(store: Callable[[], Any]) -> dict[str, int]:
        raw.config_resetstat()
        store()
        told = raw.info("commandstats")
        return {name: told[f"cmdstat_{name}"]["calls"] for name in ("set", "mset", "get")
                if f"cmdstat_{name}" in told}  # fmt: skip

    large = dict.fromkeys("xyz", random.Random(1).randbytes(600_000))
    with alone(empty.url) as cache:
        cache.put("a", 1)  # begins the epoch
        assert commands(lambda: cache.put_many({"a": 1, "b": 2})) == {"mset": 1, "get": 1}
        assert commands(lambda: cache.put_many({"a": 1, "b": 2}, 60)) == {"set": 2, "get": 1}
        assert all(0 < raw.pttl(key_of(key)) <= 60_001 for key in "ab")
        assert commands(lambda: cache.put("a", 1)) == {"set": 1, "get": 1}
        assert commands(lambda: cache.put_many(large)) == {"set": 3, "get": 1}
        many = {f"k{number}": number for number in range(501)}
        assert commands(lambda: cache.put_many(many)) == {"set": 501, "get": 1}
        assert cache.many(list(many)) == many
        assert cache.many(["a", "b", *large]) == {"a": 1, "b": 2, **large}


AWAITED: dict[str, Callable[[Any], Any]] = {
    "get": lambda cache: cache.aget("a"),
    "many": lambda cache: cache.amany(list(MANY)),
    "put": lambda cache: cache.aput("a", 1, 60),
    "put_many": lambda cache: cache.aput_many(SOME, 60),
    "add": lambda cache: cache.aadd("fresh", 1),
    "increment": lambda cache: cache.aincrement("n"),
    "forget": lambda cache: cache.aforget("a"),
    "pull": lambda cache: cache.apull("a"),
}


@pytest.mark.parametrize("verb", AWAITED)
def test_so_does_the_awaited_face(verb: str, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)

    async def trips(cache: Any) -> int:
        await cache.aget("a")  # connects
        with proxy.counting() as counts:
            await AWAITED[verb](cache)
        return int(counts.round_trips)

    with alone(proxy.url) as cache:
        prepare(cache)
        assert asyncio.run(trips(cache)) == 1


def test_an_unknown_script_costs_one_more_trip_once(empty: Any, faulty: Any, raw: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        prepare(cache)
        raw.script_flush()
        for trips, number in [(2, 3), (1, 4)]:
            with proxy.counting() as counts:
                assert cache.increment("n") == number
            assert counts.round_trips == trips
