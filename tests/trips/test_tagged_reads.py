"""A tagged read is one trip, whether its tags were named or are known."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache

from .counting import CLUSTER, SERVERS, Asked, Counting, counted

MANY = [f"key{number}" for number in range(20)]
"""So few that they come in one piece: of what comes in several, the proxy counts each."""

STEADY: dict[str, Callable[[], Any]] = {
    "get": lambda: cache.get("key"),
    "get within tags": lambda: cache.tags("a", "b").get("key"),
    "get within one of the tags": lambda: cache.tags("a").get("key"),
    "get, flushed": lambda: cache.get("flushed"),
    "has": lambda: cache.has("key"),
    "many": lambda: cache.many(MANY),
    "many within tags": lambda: cache.tags("a").many(MANY),
    "a hit of remember": lambda: cache.remember("key", 60, str),
    "a hit of remember within tags": lambda: cache.tags("a", "b").remember("key", 60, str),
    "a hit of flexible": lambda: cache.tags("a", "b").flexible("key", (300, 600), str),
}


def forgotten() -> None:
    """Be a process that knows no key's tags."""
    guesses = cache._home.stack().driver.guesses
    assert guesses is not None
    guesses.clear()


def filled() -> None:
    """Store what is read here, and know its tags."""
    cache.tags("gone").put("flushed", 1, 600)
    cache.get("flushed")
    cache.tags("gone").flush()
    cache.put("plain", 1, 600)
    cache.tags("a", "b").put("key", 1, 600)
    cache.tags("a", "b").put_many(dict.fromkeys(MANY, 1), 600)


@pytest.mark.parametrize("verb", STEADY)
def test_one_trip_where_the_tags_are_known(asked: Counting, verb: str) -> None:
    filled()
    work = STEADY[verb]
    work()
    assert asked(work).trips == 1


def test_a_read_is_right_and_one_command(asked: Counting, name: str) -> None:
    filled()
    for tags in ((), ("a",), ("a", "b")):
        scope = cache.tags(*tags) if tags else cache
        found: list[Any] = []
        said = asked(lambda scope=scope, found=found: found.append(scope.get("key")))  # type: ignore[misc]
        assert found == [1]
        assert said == Asked(1, READS[name.partition("-")[0]])


READS = {
    "redis": {"MGET": 1},
    "memcached": {"get": 4},  # in one packet: the entry, two records, the epoch
    "postgresql": {"SELECT": 1},
    "mariadb": {"SELECT": 1},
    "database": {"SELECT": 1},
    "dynamodb": {"BatchGetItem": 1},
}


def test_what_bears_no_tags_asks_for_no_record(asked: Counting, name: str) -> None:
    filled()
    plain = {**READS, "memcached": {"get": 2}}[name.partition("-")[0]]
    assert asked(lambda: cache.get("plain")) == Asked(1, plain)


def test_a_process_that_does_not_know_the_tags_takes_two_once(asked: Counting) -> None:
    filled()
    forgotten()
    found: list[Any] = []
    assert asked(lambda: found.append(cache.get("key"))).trips == 2
    assert asked(lambda: found.append(cache.get("key"))).trips == 1
    assert found == [1, 1]


def test_but_one_where_they_are_named(asked: Counting) -> None:
    filled()
    forgotten()
    assert asked(lambda: cache.tags("a", "b").get("key")).trips == 1


def test_tags_that_changed_elsewhere_are_learnt(asked: Counting) -> None:
    """Another process put other tags on a key: one trip more, once, and no wrong answer."""
    filled()
    assert cache.get("key") == 1
    guesses = cache._home.stack().driver.guesses
    assert guesses is not None
    before = guesses.get((None, "key"))
    cache.tags("b", "c").put("key", 2, 600)
    guesses.put((None, "key"), before or ())
    found: list[Any] = []
    assert asked(lambda: found.append(cache.get("key"))).trips == 2
    assert asked(lambda: found.append(cache.get("key"))).trips == 1
    cache.tags("c").flush()
    assert asked(lambda: found.append(cache.get("key"))).trips == 1
    assert found == [2, 2, None]


def test_one_that_bears_none_any_more_is_forgotten(asked: Counting, name: str) -> None:
    filled()
    guesses = cache._home.stack().driver.guesses
    assert guesses is not None
    cache.put("key", 2, 600)
    guesses.put((None, "key"), ("a", "b"))
    assert cache.get("key") == 2
    plain = {**READS, "memcached": {"get": 2}}[name.partition("-")[0]]
    assert asked(lambda: cache.get("key")) == Asked(1, plain)


AWAITED: dict[str, Callable[[], Any]] = {
    "get": lambda: cache.aget("key"),
    "get within tags": lambda: cache.tags("a", "b").aget("key"),
    "many": lambda: cache.amany(MANY),
    "a hit of remember": lambda: cache.tags("a", "b").aremember("key", 60, str),
}


@pytest.mark.parametrize("verb", AWAITED)
@pytest.mark.parametrize("asked", ["redis", "memcached", "dynamodb"], indirect=True)
def test_so_is_an_awaited_one(asked: Counting, verb: str) -> None:
    filled()

    async def reading() -> int:
        await AWAITED[verb]()  # connects, and learns
        loop = asyncio.get_running_loop()
        done = await loop.run_in_executor(
            None,
            lambda: asked(lambda: asyncio.run_coroutine_threadsafe(AWAITED[verb](), loop).result()),
        )
        return done.trips

    assert asyncio.run(reading()) == 1


# -- a cluster ------------------------------------------------------------------------------------


@pytest.fixture
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counting]:
    with counted(CLUSTER, request, tmp_path) as counting:
        yield counting


@pytest.mark.parametrize("verb", STEADY)
def test_one_trip_to_the_servers_of_a_cluster(cluster: Counting, verb: str) -> None:
    filled()
    work = STEADY[verb]
    work()
    assert cluster(work).trips == 1


def test_every_key_is_asked_where_it_lies(cluster: Counting) -> None:
    filled()
    assert cluster(lambda: cache.get("key")) == Asked(1, {"GET": 4})


# -- copies of records ----------------------------------------------------------------------------


@pytest.fixture(params=SERVERS)
def stale(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Counting]]:
    with counted(request.param, request, tmp_path, TAG_STALENESS=60) as counting:
        yield request.param.partition("-")[0], counting


def test_with_copies_of_the_records_none_is_asked_for(stale: tuple[str, Counting]) -> None:
    name, counting = stale
    plain = {**READS, "memcached": {"get": 2}}[name]
    filled()
    assert cache.get("key") == 1
    cache._home.stack().driver.hunch = 8  # type: ignore[attr-defined]  # nor does a script look
    assert counting(lambda: cache.get("key")) == Asked(1, plain)
    assert counting(lambda: cache.tags("a", "b").get("key")) == Asked(1, plain)
