"""Several nodes that share the keys: where a key lies, and what a lost node comes to."""

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from pymemcache.client.hash import HashClient

from django_cachekit import cache
from django_cachekit.backends.memcache.packets import key_of
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation, tag_record
from django_cachekit.errors import StoreUnavailable, ValueTooLarge
from tests.faultproxy import FaultProxy

from .conftest import Configure, at

KEYS = [f"key{number}" for number in range(60)]
QUICK = {"timeout": 0.2, "connect_timeout": 0.2, "dead_timeout": 0.1}


@pytest.fixture
def store(memcached_pool: Any, configure: Configure) -> Any:
    made = configure(memcached_pool.location, **QUICK)
    made.put_many(dict.fromkeys(KEYS, "old"), 600)
    return made


def driver() -> Any:
    return cache._home.stack().driver


def lie_on(node: str) -> list[str]:
    """Return the keys that belong to a node."""
    return [key for key in KEYS if driver()._at(key, None).engine.node.name == node]


def by_node() -> dict[str, list[str]]:
    return {one.engine.node.name: lie_on(one.engine.node.name) for one in driver().ones}


def again() -> None:
    """Wait until nodes that were down are asked again."""
    time.sleep(0.14)


def test_keys_lie_where_pymemcaches_client_would_put_them(store: Any, memcached_pool: Any) -> None:
    client = HashClient(memcached_pool.location, timeout=5)
    for key in KEYS:
        one = driver()._at(key, None)
        physical = key_of(one.entries.name(key, None)).decode()
        assert "{}:{}".format(*client._get_client(physical).server) == one.engine.node.name
        assert client.get(physical) is not None
    client.close()
    assert min(map(len, by_node().values())) > 5


def test_a_pool_of_django_and_one_of_ours_agree(memcached_pool: Any, store: Any) -> None:
    """The same hash over the same names: no key of one is sought elsewhere by the other."""
    client = HashClient(memcached_pool.location)
    names = [one.engine.node.name for one in driver().ones]
    for number in range(300):
        assert client.hasher.get_node(f"k{number}") == names[driver()._place(f"k{number}")]
    client.close()


def test_a_lost_node_is_misses_for_its_own_keys_alone(store: Any, memcached_pool: Any) -> None:
    gone = memcached_pool.nodes[1]
    its = set(lie_on(gone.location))
    gone.stop()
    assert store.many(KEYS) == {key: None if key in its else "old" for key in KEYS}
    for key in KEYS:
        assert store.get(key) == (None if key in its else "old")
        assert store.put(key, "new", 60) is (key not in its)
    assert store.put_many(dict.fromkeys(KEYS, "newer"), 60) is False
    assert set(caches["default"].set_many(dict.fromkeys(KEYS, "newer"), 60)) == its
    assert store.forget_many(KEYS) == len(KEYS) - len(its)
    one = next(iter(its))
    with pytest.raises(StoreUnavailable):
        store.increment(one)
    assert store.remember(one, 60, lambda: "made") == "made"
    made = store.remember_many(KEYS, 60, lambda keys: dict.fromkeys(keys, "made"))
    assert made == dict.fromkeys(KEYS, "made")
    asked: list[str] = []
    store.remember_many(KEYS, 60, lambda keys: asked.extend(keys) or dict.fromkeys(keys, "again"))
    assert set(asked) == its  # the others were stored


def test_with_raise_a_lost_node_is_an_error(memcached_pool: Any, configure: Configure) -> None:
    store = configure(memcached_pool.location, RAISE=True, **QUICK)
    store.put_many(dict.fromkeys(KEYS, 1), 60)
    memcached_pool.nodes[0].stop()
    with pytest.raises(StoreUnavailable):
        store.many(KEYS)
    with pytest.raises(StoreUnavailable):
        store.put_many(dict.fromkeys(KEYS, 1), 60)


@pytest.mark.parametrize("fault", ["stopped", "paused"])
def test_a_flush_that_did_not_reach_every_node_says_so(
    fault: str, store: Any, memcached_pool: Any
) -> None:
    """And what a flush that succeeded has covered is never served again."""
    lost = memcached_pool.nodes[2]
    lost.stop() if fault == "stopped" else lost.pause()
    with pytest.raises(StoreUnavailable):
        store.flush()
    its = set(lie_on(lost.location))
    assert store.many(KEYS) == dict.fromkeys(KEYS)  # those on the others were flushed
    lost.heal()
    again()
    found = store.many(KEYS)
    assert all(found[key] is None for key in KEYS if key not in its)
    assert store.flush() is True
    assert store.many(KEYS) == dict.fromkeys(KEYS)
    for key in KEYS:
        assert store.get(key) is None


def test_a_node_that_restarts_is_empty_and_nothing_lives_again(
    store: Any, memcached_pool: Any
) -> None:
    node = memcached_pool.nodes[0]
    its = lie_on(node.location)
    node.stop()
    node.start()
    again()
    assert store.many(its) == dict.fromkeys(its)
    assert store.put_many(dict.fromkeys(its, "new"), 60) is True
    assert store.many(its) == dict.fromkeys(its, "new")


@pytest.fixture
def proxied(
    memcached_pool: Any, faulty: Callable[..., FaultProxy], configure: Configure
) -> tuple[Any, list[FaultProxy]]:
    proxies = [faulty(node) for node in memcached_pool.nodes]
    store = configure([at(proxy) for proxy in proxies], **QUICK)
    store.put_many(dict.fromkeys(KEYS, "old"), 600)
    return store, proxies


@pytest.mark.parametrize("fault", [FaultProxy.blackhole, FaultProxy.blackhole_down])
def test_what_a_node_missed_while_it_was_away(
    fault: Any, proxied: tuple[Any, list[FaultProxy]]
) -> None:
    """Every flush and removal that it missed was refused to its caller."""
    store, proxies = proxied
    lost = proxies[1]
    its = lie_on(at(lost))
    fault(lost)
    told = [store.forget(its[0]), store.put(its[1], "new", 60)]
    assert told == [False, False]
    with pytest.raises(StoreUnavailable):
        store.flush()
    lost.healthy()
    again()
    # The one hazard: a write that was refused leaves what was there, or comes to pass late.
    assert store.get(its[1]) in ("old", "new", None)
    assert store.flush() is True
    assert store.many(KEYS) == dict.fromkeys(KEYS)


def test_no_read_after_a_flush_of_a_tag_on_whatever_node(
    proxied: tuple[Any, list[FaultProxy]],
) -> None:
    store, proxies = proxied
    for number, lost in enumerate(proxies):
        for tag in (f"a{number}", f"b{number}", f"c{number}", f"d{number}"):
            scope = store.tags(tag)
            for key in KEYS[:6]:
                assert scope.put(key, "tagged", 60) is True
            lost.blackhole()
            try:
                scope.flush()
                flushed = True
            except StoreUnavailable:
                flushed = False
            lost.healthy()
            again()
            if flushed:
                assert store.many(KEYS[:6]) == dict.fromkeys(KEYS[:6])
            else:
                scope.flush()
                assert store.many(KEYS[:6]) == dict.fromkeys(KEYS[:6])


def test_an_entry_whose_tags_cannot_be_read_is_not_taken_for_flushed(
    proxied: tuple[Any, list[FaultProxy]],
) -> None:
    """``add`` over it would replace what may be alive."""
    store, proxies = proxied
    by = by_node()
    home = at(proxies[0])
    key = by[home][0]
    tag = next(
        f"t{number}"
        for number in range(100)
        if driver()._at(tag_record(f"t{number}"), None).engine.node.name == at(proxies[1])
    )
    store.tags(tag).put(key, "tagged", 60)
    proxies[1].refuse()
    assert store.get(key) is None
    with pytest.raises(StoreUnavailable):
        store.add(key, "added", 60)
    with pytest.raises(StoreUnavailable):
        store.increment(key)
    assert store.pull(key) is None
    assert store.touch(key, 60) is False
    proxies[1].healthy()
    again()
    assert store.get(key) == "tagged"


def test_a_computation_is_not_stored_where_a_flush_came_between(store: Any) -> None:
    store.flush()
    for key in KEYS:

        def make() -> str:
            store.flush()
            return "computed before"

        assert store.remember(key, 60, make) == "computed before"
        assert store.get(key) is None

    def make_many(keys: Any) -> dict[str, str]:
        store.flush()
        return dict.fromkeys(keys, "before")

    assert store.remember_many(KEYS, 60, make_many) == dict.fromkeys(KEYS, "before")
    assert store.many(KEYS) == dict.fromkeys(KEYS)


def test_a_computation_is_not_stored_where_its_node_could_not_be_read(
    proxied: tuple[Any, list[FaultProxy]],
) -> None:
    store, proxies = proxied
    store.flush()
    its = lie_on(at(proxies[0]))
    proxies[0].refuse()

    def make_many(keys: Any) -> dict[str, str]:
        proxies[0].healthy()
        again()
        return dict.fromkeys(keys, "made")

    assert store.remember_many(KEYS, 60, make_many) == dict.fromkeys(KEYS, "made")
    found = store.many(KEYS)
    assert {key for key in KEYS if found[key] is None} == set(its)


def test_a_stamp_of_no_key_is_one_of_every_node(store: Any) -> None:
    """As a warmer asks for, which does not know yet what it will store."""
    ask = Operation("read", Kind.READ, (), snapshot=True)
    for flushed in (False, True):
        store.flush()
        stamp = run_now(driver().perform(BLOCKING, ask)).stamp
        assert len(stamp.epoch) == 3
        if flushed:
            store.flush()
        values = dict.fromkeys(KEYS, "warm")
        write = Operation("write", Kind.WRITE, tuple(KEYS), values=values, stamp=stamp)
        assert run_now(driver().perform(BLOCKING, write)) == set()
        assert store.many(KEYS) == dict.fromkeys(KEYS, None if flushed else "warm")


def test_one_value_that_cannot_be_stored_leaves_all_as_it_was(store: Any) -> None:
    with pytest.raises(Exception, match=r"pickle|plain|lambda"):
        store.put_many({**dict.fromkeys(KEYS, "new"), "bad": lambda: None}, 60)
    assert store.many(KEYS) == dict.fromkeys(KEYS, "old")
    for size in (2**21, 2**24):
        with pytest.raises(ValueTooLarge):
            store.put_many({**dict.fromkeys(KEYS, "new"), KEYS[-1]: b"x" * size}, 60)
        assert set(store.many(KEYS[:-1]).values()) == {"old"}
    assert store.get(KEYS[-1]) is None


def test_each_node_is_asked_once(proxied: tuple[Any, list[FaultProxy]]) -> None:
    store, proxies = proxied
    store.flush()
    for work in (
        lambda: store.put_many(dict.fromkeys(KEYS, 1), 60),
        lambda: store.many(KEYS),
        lambda: store.forget_many(KEYS),
    ):
        counters = [proxy.counting() for proxy in proxies]
        counts = [counter.__enter__() for counter in counters]
        work()
        for counter in counters:
            counter.__exit__(None, None, None)
        assert [count.round_trips for count in counts] == [1, 1, 1]


def test_a_lost_node_is_told_in_the_log(
    store: Any, memcached_pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    memcached_pool.nodes[0].stop()
    with caplog.at_level(logging.WARNING, "django_cachekit"):
        store.many(KEYS)
    (record,) = caplog.records
    assert "1 of 3 nodes" in record.getMessage()
    assert memcached_pool.nodes[0].location not in record.getMessage()


def test_a_value_is_made_where_the_key_is_away_and_its_tag_is_not(
    store: Any, memcached_pool: Any
) -> None:
    for key in KEYS:
        store.tags("t").put(key, "tagged", 600)
    tag = driver()._at(tag_record("t"), None).engine.node.name
    name, keys = next((name, keys) for name, keys in by_node().items() if name != tag and keys)
    (node,) = [one for one in memcached_pool.nodes if f"{one.host}:{one.port}" == name]
    node.stop()
    assert caches["default"].get_or_set(keys[0], lambda: "made", 60) == "made"
    assert store.get_or_set(keys[0], lambda: "made", 60) == "made"
    assert store.remember(keys[0], 60, lambda: "made") == "made"
