"""A server that is slow, mute, gone or babbles: answers in time, and never a wrong one."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_cachekit.errors import OutcomeUnknown, StoreUnavailable

from .helping import alone, driver_of, within

LONGEST = 1.35
"""Two tries of half a second, with what a busy machine adds."""

Break = Callable[[Any], None]
FAULTS: dict[str, Break] = {
    "refuse": lambda proxy: proxy.refuse(),
    "reset": lambda proxy: proxy.reset(),
    "black hole": lambda proxy: proxy.blackhole(),
    "black hole, replies only": lambda proxy: proxy.blackhole_down(),
    "drip": lambda proxy: proxy.drip(0.15),
    "cut": lambda proxy: proxy.cut_after(3),
    "garble": lambda proxy: proxy.garble(),
}
RAISE = object()


def plus_one(number: int) -> int:
    return number + 1


VERBS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "get": (lambda cache: cache.get("a", "default"), "default"),
    "many": (lambda cache: cache.many(["a", "b"]), {"a": None, "b": None}),
    "has": (lambda cache: cache.has("a"), False),
    "put": (lambda cache: cache.put("a", 2), False),
    "put_many": (lambda cache: cache.put_many({"a": 2, "c": 3}), False),
    "touch": (lambda cache: cache.touch("a", 60), False),
    "forget": (lambda cache: cache.forget("other"), False),
    "pull": (lambda cache: cache.pull("other", "default"), "default"),
    "remember": (lambda cache: cache.remember("a", 60, lambda: "made"), "made"),
    "add": (lambda cache: cache.add("a", 1), RAISE),
    "increment": (lambda cache: cache.increment("n"), RAISE),
    "cas": (lambda cache: cache.cas("n", plus_one), RAISE),
    "flush of tags": (lambda cache: cache.tags("t").flush(), RAISE),
    "flush": (lambda cache: cache.flush(), RAISE),
    "ttl": (lambda cache: cache.ttl("a"), RAISE),
    "keys": (lambda cache: list(cache.keys()), RAISE),
}


@pytest.fixture
def proxy(empty: Any, faulty: Any) -> Any:
    return faulty(empty)


@pytest.fixture
def cache(proxy: Any) -> Iterator[Any]:
    with alone(proxy.url) as made:
        made.put("a", 1, 600)
        made.increment("n")
        yield made


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("fault", FAULTS)
def test_each_verb_answers_as_promised_and_in_time(
    fault: str, verb: str, cache: Any, proxy: Any
) -> None:
    work, answer = VERBS[verb]
    FAULTS[fault](proxy)
    # A computation reads, takes a lease and stores, each of which may fail for itself.
    with within(LONGEST * (4 if verb == "remember" else 1)):
        if answer is RAISE:
            with pytest.raises(StoreUnavailable):
                work(cache)
        else:
            assert work(cache) == answer
    proxy.healthy()
    assert cache.get("a") in (1, None, 2 if verb.startswith("put") else "made")
    assert cache.put("after", "ward", 60)
    assert cache.get("after") == "ward"


def test_drip_is_bounded_for_a_long_answer_too(cache: Any, proxy: Any) -> None:
    cache.put("long", "x" * 2000, 60)
    proxy.drip(0.02)  # each byte comes in time, all of them would take a minute
    with within(LONGEST):
        assert cache.get("long") is None


@pytest.mark.parametrize("verb", ["increment", "add"])
def test_a_lost_reply_is_told_and_nothing_is_done_twice(verb: str, cache: Any, proxy: Any) -> None:
    works: dict[str, Callable[[], Any]] = {
        "increment": lambda: cache.increment("n"),
        "add": lambda: cache.add("fresh", 1, 60),
    }
    before = cache.get("n")
    proxy.lose_one_reply()
    with pytest.raises(OutcomeUnknown):
        works[verb]()
    assert cache.get("n") == before + (verb == "increment")
    assert cache.get("fresh") == (1 if verb == "add" else None)


@pytest.mark.parametrize("awaited", [False, True])
def test_the_lost_reply_to_a_cas_is_told_and_it_is_done_once(
    awaited: bool, cache: Any, proxy: Any
) -> None:
    given: list[int] = []

    def change(number: int) -> int:
        given.append(number)
        proxy.lose_one_reply(after=1)  # behind that of the look before the swap
        return number + 10

    with pytest.raises(OutcomeUnknown):
        asyncio.run(cache.acas("n", change)) if awaited else cache.cas("n", change)
    assert given == [1]
    assert cache.get("n") == 11
    assert cache.cas("n", plus_one) == 12


def test_what_surely_did_not_happen_is_no_unknown_outcome(cache: Any, proxy: Any) -> None:
    proxy.refuse()
    with pytest.raises(StoreUnavailable) as caught:
        cache.increment("n")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_errors_tell_no_address_and_no_value(cache: Any, proxy: Any) -> None:
    proxy.refuse()
    with pytest.raises(StoreUnavailable) as caught:
        cache.increment("n")
    assert str(proxy.port) not in str(caught.value)


def test_a_read_is_tried_once_more_a_write_is_not(cache: Any, proxy: Any) -> None:
    proxy.lose_one_reply()
    assert cache.get("a") == 1
    proxy.lose_one_reply()
    assert cache.many(["a"]) == {"a": 1}
    proxy.lose_one_reply()
    assert cache.put("a", 2) is False  # it may have been stored, or not
    assert cache.get("a") == 2


def test_retries_have_a_budget(cache: Any, proxy: Any) -> None:
    proxy.refuse()
    wire = driver_of().engine.wire
    wire.budget.left = 2.0
    tries = []
    whole = wire.place.pool(None).get_connection

    def counted() -> Any:
        tries.append(1)
        return whole()

    wire.place.pool(None).get_connection = counted
    for _ in range(20):
        assert cache.get("a") is None
    assert 20 + 2 <= len(tries) <= 20 + 4  # what was left, and a tenth of the calls


def test_a_call_waits_for_a_connection_and_then_gives_up(proxy: Any) -> None:
    kwargs = {"max_connections": 1, "timeout": 0.2}
    with alone(proxy.url, CONNECTION_POOL_KWARGS=kwargs) as cache:
        cache.put("a", 1)
        pool = driver_of().engine.wire.place.pool(None)
        taken = pool.get_connection()
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            cache.increment("n")
        assert 0.2 <= time.monotonic() - began < 0.5
        assert not isinstance(caught.value, OutcomeUnknown)
        pool.release(taken)
        assert cache.increment("n") == 1


def test_a_read_that_waited_in_vain_is_not_tried_again(proxy: Any) -> None:
    kwargs = {"max_connections": 1, "timeout": 0.7}
    with alone(proxy.url, CONNECTION_POOL_KWARGS=kwargs) as cache:
        pool = driver_of().engine.wire.place.pool(None)
        taken = pool.get_connection()
        with within(1.2):
            assert cache.get("a", "default") == "default"
        pool.release(taken)


@pytest.mark.parametrize("start", range(0, 60, 3))
def test_a_spoilt_answer_is_a_miss_and_the_next_one_is_right(
    start: int, cache: Any, proxy: Any
) -> None:
    cache.put("b", "other", 600)
    proxy.garble(start, start + 2)
    assert cache.get("a") in (1, None)  # the bits spoilt may be those that nobody reads
    proxy.healthy()
    assert cache.get("b") == "other"
    assert cache.get("a") == 1


AWAITED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "get": (lambda cache: cache.aget("a", "default"), "default"),
    "put": (lambda cache: cache.aput("a", 2), False),
    "many": (lambda cache: cache.amany(["a"]), {"a": None}),
    "increment": (lambda cache: cache.aincrement("n"), RAISE),
    "cas": (lambda cache: cache.acas("n", plus_one), RAISE),
    "touch": (lambda cache: cache.atouch("a", 60), False),
}


@pytest.mark.parametrize("verb", AWAITED)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_awaited_face_too(fault: str, verb: str, cache: Any, proxy: Any) -> None:
    work, answer = AWAITED[verb]

    async def hurt() -> None:
        assert await cache.aget("a") == 1
        FAULTS[fault](proxy)
        with within(LONGEST):
            if answer is RAISE:
                with pytest.raises(StoreUnavailable):
                    await work(cache)
            else:
                assert await work(cache) == answer
        proxy.healthy()
        assert await cache.aput("after", "ward")
        assert await cache.aget("after") == "ward"

    asyncio.run(hurt())


def test_a_lost_reply_counts_once_when_awaited(cache: Any, proxy: Any) -> None:
    async def lose() -> None:
        await cache.aget("a")
        proxy.lose_one_reply()
        with pytest.raises(OutcomeUnknown):
            await cache.aincrement("n")

    before = cache.get("n")
    asyncio.run(lose())
    assert cache.get("n") == before + 1
