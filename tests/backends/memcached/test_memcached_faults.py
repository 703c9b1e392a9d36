"""What a network does to a store on memcached: late, never wrong, and right again afterwards."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable
from tests.faultproxy import FaultProxy

from .conftest import Configure, at

TIMEOUT = 0.15
PAUSE = 0.05
LONGEST = 4 * TIMEOUT
"""A call may connect, ask which server it is, and ask: each has the timeout. One spare."""

FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "refuse": FaultProxy.refuse,
    "reset": FaultProxy.reset,
    "blackhole": FaultProxy.blackhole,
    "blackhole down": FaultProxy.blackhole_down,
    "latency": lambda proxy: proxy.latency(1.0),
    "drip": lambda proxy: proxy.drip(0.05),
    "cut": lambda proxy: proxy.cut_after(3),
    "cut late": lambda proxy: proxy.cut_after(70),
    "garble": FaultProxy.garble,
    "garble the start": lambda proxy: proxy.garble(0, 2),
    "garble the end": lambda proxy: proxy.garble(-3, None),
}

RAISES = object()

ANSWERS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "get": (lambda store: store.get("key", "default"), "default"),
    "many": (lambda store: store.many({"key": "default"}), {"key": "default"}),
    "has": (lambda store: store.has("key"), False),
    "pull": (lambda store: store.pull("key", "default"), "default"),
    "put": (lambda store: store.put("key", "new", 60), False),
    "put_many": (lambda store: store.put_many({"key": "new"}, 60), False),
    "touch": (lambda store: store.touch("key", 60), False),
    "forget": (lambda store: store.forget("key"), False),
    "remember": (lambda store: store.remember("cold", 60, lambda: "made"), "made"),
    "add": (lambda store: store.add("key", "new", 60), RAISES),
    "increment": (lambda store: store.increment("n"), RAISES),
    "cas": (lambda store: store.cas("key", str), RAISES),
    "flush": (lambda store: store.flush(), RAISES),
    "flush of a tag": (lambda store: store.tags("t").flush(), RAISES),
}


@pytest.fixture
def through(proxy: FaultProxy, configure: Configure) -> Any:
    """Return the facade over one node behind the proxy, with short deadlines."""
    return configure(
        at(proxy), timeout=TIMEOUT, connect_timeout=TIMEOUT, dead_timeout=PAUSE, SIGNALS=False
    )


def back(proxy: FaultProxy) -> None:
    """Let everything pass, and wait until the store will ask again."""
    proxy.healthy()
    time.sleep(PAUSE * 1.3)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_verb_answers_in_time_and_the_next_call_is_right(
    fault: str, proxy: FaultProxy, through: Any
) -> None:
    slow, wrong = [], []
    for verb, (call, answer) in ANSWERS.items():
        assert through.put("key", "old", 60) is True, verb
        FAULTS[fault](proxy)
        began = time.monotonic()
        try:
            found = call(through)
        except StoreUnavailable:
            found = RAISES
        took = time.monotonic() - began
        # A reply short enough comes through a proxy that cuts late.
        if found != answer and fault != "cut late":
            wrong.append((verb, found))
        if took > LONGEST:
            slow.append((verb, took))
        back(proxy)
        assert through.get("key") in ("old", "new", None), verb
        assert through.put("key", "other", 60) is True, verb
        assert through.get("key") == "other", verb
        through.forget("cold")
    assert wrong == []
    assert slow == []


@pytest.mark.parametrize("fault", ["blackhole down", "cut", "latency", "lost reply", "garble"])
def test_nothing_is_counted_twice(fault: str, proxy: FaultProxy, through: Any) -> None:
    counted = 0
    for _ in range(10):
        proxy.lose_one_reply() if fault == "lost reply" else FAULTS[fault](proxy)
        with pytest.raises(StoreUnavailable):
            through.increment("n")
        back(proxy)
        now = through.get("n", 0)
        assert now - counted in (0, 1)
        counted = now
        assert through.increment("n") == counted + 1
        counted += 1


@pytest.mark.parametrize("verb", ["add", "increment", "cas"])
def test_a_lost_reply_is_told_and_nothing_is_done_twice(
    verb: str, proxy: FaultProxy, through: Any
) -> None:
    through.put("n", 1, 60)
    given: list[int] = []

    def change(number: int) -> int:
        given.append(number)
        proxy.lose_one_reply(after=1)  # behind that of the look before the swap
        return number + 10

    def lost(call: Callable[[], Any], after: int) -> None:
        proxy.lose_one_reply(after=after)
        call()

    calls: dict[str, Callable[[], Any]] = {
        "add": lambda: lost(lambda: through.add("new", 1, 60), 0),
        "increment": lambda: lost(lambda: through.increment("n", 10), 1),
        "cas": lambda: through.cas("n", change),
    }
    with pytest.raises(OutcomeUnknown):
        calls[verb]()
    back(proxy)
    assert given == ([1] if verb == "cas" else [])
    assert through.get("n") == (1 if verb == "add" else 11)
    assert through.get("new") == (1 if verb == "add" else None)


def test_the_lost_reply_to_the_look_before_a_cas_leaves_nothing_unknown(
    proxy: FaultProxy, through: Any
) -> None:
    through.put("n", 1, 60)
    proxy.lose_one_reply()
    with pytest.raises(StoreUnavailable) as told:
        through.cas("n", pytest.fail)
    assert not isinstance(told.value, OutcomeUnknown)


def test_it_says_whether_the_server_may_have_acted(proxy: FaultProxy, through: Any) -> None:
    through.put("key", 1, 60)
    proxy.refuse()
    with pytest.raises(StoreUnavailable, match="NotConnected: Connection refused") as told:
        through.add("new", 1)
    assert not isinstance(told.value, OutcomeUnknown)
    with pytest.raises(StoreUnavailable, match="NodeDown") as told:
        through.add("new", 1)
    assert not isinstance(told.value, OutcomeUnknown)
    for fault in ("blackhole", "blackhole down", "cut", "garble"):
        back(proxy)
        through.put("key", 1, 60)
        FAULTS[fault](proxy)
        with pytest.raises(OutcomeUnknown):
            through.increment("n")


def test_what_is_told_has_no_address(proxy: FaultProxy, through: Any) -> None:
    through.put("key", 1, 60)
    for fault in FAULTS.keys() - {"cut late"}:
        FAULTS[fault](proxy)
        with pytest.raises(StoreUnavailable) as told:
            through.flush()
        assert str(proxy.port) not in str(told.value)
        assert proxy.host not in str(told.value)
        back(proxy)


@pytest.mark.parametrize("verb", ["get", "increment", "pull"])
def test_one_flipped_bit_anywhere_is_a_miss_or_an_error(
    verb: str, memcached: Any, proxy: FaultProxy, configure: Configure
) -> None:
    """A garbled length makes it wait; all else must be seen, wherever in the reply it is."""
    store = configure(at(proxy), timeout=0.05, dead_timeout=0.001, SIGNALS=False)
    store.put("key", 5, 60)
    proxy.latency(0)
    for place in range(230):
        store.put("key", 5, 60)
        store.get("key")
        proxy.garble(place, place + 1)
        try:
            if verb == "get":
                assert store.get("key") in (None, 5), place
            elif verb == "pull":
                assert store.pull("key") in (None, 5), place
            else:
                assert store.increment("key") in (1, 6), place
        except StoreUnavailable:
            pass
        proxy.healthy()
        time.sleep(0.003)
        assert store.get("key") in (None, 1, 5, 6), place


# -- interrupted in the middle of a call ---------------------------------------------------------


class Interrupted(BaseException):
    pass


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    def handler(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_after_an_interrupted_call_the_next_answers_are_right(
    proxy: FaultProxy, configure: Configure
) -> None:
    store = configure(at(proxy), timeout=2, SIGNALS=False)
    store.put_many({"a": 1, "b": 2, "c": 3}, 60)
    for call in (store.get, store.forget, store.increment, store.pull, store.has):
        proxy.latency(0.15)
        with pytest.raises(Interrupted), interrupted_after(0.05):
            call("a")
        proxy.healthy()
        assert store.many(["b", "c"]) == {"b": 2, "c": 3}
        assert store.get("b") == 2
        assert store.put("a", 1, 60) is True
    node = cache._home.stack().driver.engine.node
    assert node._pool.used == ()


def test_an_interrupted_connection_is_not_used_again(
    proxy: FaultProxy, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Break the guard once: a wire that stays open gives the next call this one's answer."""
    from django_cachekit.backends.memcache.wire import Wire

    store = configure(at(proxy), timeout=2, SIGNALS=False)
    store.put_many({"a": 1, "b": 2}, 60)
    node = cache._home.stack().driver.engine.node
    monkeypatch.setattr(node._pool, "destroy", node._pool.release)
    monkeypatch.setattr(Wire, "close", lambda self: None)
    monkeypatch.setattr(Wire, "quiet", lambda self: True)
    proxy.latency(0.8)
    with pytest.raises(Interrupted), interrupted_after(0.4):
        store.get("a")
    proxy.healthy()
    time.sleep(0.8)
    assert store.get("b") is None  # never another key's value: the envelope and the number see it
    monkeypatch.undo()
    for wire in (*node._pool.used, *node._pool.free):
        wire.close()


def test_a_cancelled_task_leaves_the_connection_in_order(
    proxy: FaultProxy, configure: Configure
) -> None:
    store = configure(at(proxy), timeout=2, SIGNALS=False)
    store.put_many({"a": 1, "b": 2}, 60)
    proxy.latency(0.1)

    async def work() -> list[Any]:
        for _ in range(3):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(store.aget("a"), 0.02)
        proxy.healthy()
        return await asyncio.gather(*(store.aget("b") for _ in range(10)))

    assert asyncio.run(work()) == [2] * 10


# -- a node that is down -----------------------------------------------------------------------


def test_a_node_that_is_down_costs_its_timeout_once(
    proxy: FaultProxy, configure: Configure
) -> None:
    store = configure(at(proxy), timeout=0.3, connect_timeout=0.3, dead_timeout=1)
    store.put("key", 1, 60)
    proxy.blackhole()
    assert store.get("key") is None
    began = time.monotonic()
    for _ in range(50):
        assert store.get("key") is None
    assert time.monotonic() - began < 0.3
    proxy.healthy()
    while store.get("key") is None:
        assert time.monotonic() - began < 2
        time.sleep(0.01)


def test_one_call_at_a_time_looks_whether_it_is_back(
    proxy: FaultProxy, configure: Configure
) -> None:
    store = configure(at(proxy), timeout=0.3, connect_timeout=0.3, dead_timeout=0.5, SIGNALS=False)
    store.put("key", 1, 60)
    proxy.blackhole()
    store.get("key")
    time.sleep(0.7)
    with proxy.counting() as counts:
        threads = [threading.Thread(target=store.get, args=("key",)) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert counts.connections == 1


def test_a_server_that_was_started_anew_is_used_at_once(memcached: Any, store: Any) -> None:
    for key in ("a", "b"):
        store.put(key, 1, 60)
    memcached.stop()
    memcached.start()
    # The connection that was kept is seen to have ended before anything is sent on it.
    assert store.increment("a") == 1
    assert store.add("b", 2) is True


def test_connections_from_before_a_failure_are_not_used_again(
    proxy: FaultProxy, configure: Configure
) -> None:
    """They may be dead without a word, and each would cost its timeout."""
    store = configure(at(proxy), timeout=0.3, dead_timeout=0.05, SIGNALS=False)
    store.put("key", 1, 60)
    proxy.latency(0.1)
    threads = [threading.Thread(target=store.get, args=("key",)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    node = cache._home.stack().driver.engine.node
    before = set(node._pool.free)
    assert len(before) == 3
    proxy.blackhole()
    assert store.get("key") is None
    proxy.healthy()
    time.sleep(0.07)
    assert store.get("key") == 1
    assert before.isdisjoint(node._pool.free)


def test_a_pool_that_is_used_up_is_an_unavailable_store(
    proxy: FaultProxy, configure: Configure
) -> None:
    store = configure(at(proxy), max_pool_size=1, timeout=2, SIGNALS=False)
    store.put("key", 1, 60)
    proxy.latency(0.3)
    other = threading.Thread(target=store.get, args=("key",))
    other.start()
    time.sleep(0.1)
    with pytest.raises(StoreUnavailable, match="PoolExhausted"):
        store.increment("n")
    other.join()
    proxy.healthy()
    assert store.increment("n") == 1  # and the node was not taken for down
