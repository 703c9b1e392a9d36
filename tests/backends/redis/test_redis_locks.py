"""Locks on a Redis: what they are made of there, and what others may do to them."""

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit.backends.locking import LINGER
from django_cachekit.core import background, clock
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable

from .helping import SEALED, alone, client, driver_of

HOUR = 3600


def lock_key(name: str, alias: str = "default") -> bytes:
    """Return the server's key of a lock's record."""
    driver = driver_of(alias)
    key: bytes = driver.locks.keys.record(driver.entries.name(lock_record(name), None))
    return key


def wipe(alias: str = "default") -> int:
    gone: int = run_now(driver_of(alias).locks.wipe(BLOCKING))
    return gone


def now(raw: Any) -> int:
    """Return the milliseconds of the server's clock."""
    seconds, more = raw.time()
    return int(seconds * 1000 + more // 1000)


def test_a_lock_is_one_hash_apart_from_the_entries(empty: Any, raw: Any) -> None:
    with alone(empty.url, STORE_ID="shop:1", KEY_PREFIX="a{b") as cache:
        lock = cache.lock("invoice 5", 30)
        assert lock.acquire() is True
        key = lock_key("invoice 5")
        assert raw.keys("*") == [key]
        assert key.startswith(b"ckl:shop%3A1:a%7Bb:{")
        assert key.endswith(b"}:lock:invoice 5")
        told = raw.hgetall(key)
        assert int(told[b"fence"]) == lock.fence
        assert len(told[b"owner"]) == 16
        assert lock.owner.encode() not in raw.dump(key)
        assert 29_000 < int(told[b"end"]) - now(raw) <= 30_000
        assert LINGER * 1000 < raw.pttl(key) <= (LINGER + 30) * 1000 + 1
        assert lock.release() is True
        assert raw.hgetall(key) == {b"fence": told[b"fence"]}
        assert LINGER * 1000 - 5_000 < raw.pttl(key) <= LINGER * 1000 + 1


def test_sealed_it_tells_no_name(empty: Any, raw: Any) -> None:
    with alone(empty.url, **SEALED) as cache:
        assert cache.lock("invoice", 30).acquire() is True
        (key,) = raw.keys("*")
        assert b"invoice" not in key
        assert b"default" not in key
        assert len(key) == len(b"ckl::{}:") + 64


def test_a_long_name_is_cut_and_another_lock_all_the_same(empty: Any, raw: Any) -> None:
    with alone(empty.url) as cache:
        assert cache.lock("é" * 999 + "1", 30).acquire() is True
        assert cache.lock("é" * 999 + "2", 30).acquire() is True
        assert all(len(key) < 200 for key in raw.keys("*"))


def test_no_sweep_walks_over_it(store: Any, raw: Any) -> None:
    lock = store.lock("name", 30)
    assert lock.acquire() is True
    store.put("name", 1)
    assert list(store.keys()) == ["name"]
    store.flush()
    run_now(driver_of().engine.prune(BLOCKING))
    assert raw.exists(lock_key("name"))
    assert lock.release() is True
    fence = lock.fence
    store.flush()
    assert lock.acquire() is True
    assert lock.fence > fence


def test_aliases_on_one_server_have_locks_of_their_own(empty: Any) -> None:
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"KEY_PREFIX": "a"}, {"KEY_PREFIX": "b"}),
        ({"STORE_ID": "a"}, {"STORE_ID": "b"}),
        ({**SEALED, "KEY_PREFIX": "a"}, {**SEALED, "KEY_PREFIX": "b"}),
    ]
    for one, other in pairs:
        with alone(empty.url, **one) as cache:
            held = cache.lock("name", 30)
            assert held.acquire() is True
        with alone(empty.url, **other) as cache:
            assert cache.lock("name", 30).acquire() is True
            assert wipe() == 1
        with alone(empty.url, **one) as cache:
            assert held.is_owned_by_current_process() is True
            assert wipe() == 1


def test_wipe_frees_all_and_keeps_the_numbers(store: Any, raw: Any) -> None:
    fences = {}
    for number in range(5):
        lock = store.lock(f"lock {number}", 30)
        assert lock.acquire() is True
        fences[number] = lock.fence
    store.lock("lock 0", 30).force_release()
    assert store.funnel("name", limit=2).block(0)
    backend: Any = caches["default"]
    assert backend.lock("plain", timeout=30).acquire(blocking=False) is True
    assert wipe() == 6
    assert wipe() == 0
    for number, fence in fences.items():
        lock = store.lock(f"lock {number}", 30)
        assert lock.acquire() is True
        assert lock.fence > fence


def test_a_number_is_never_under_the_clock_nor_forgotten_above_it(store: Any, raw: Any) -> None:
    lock, key = store.lock("name", 30), lock_key("name")
    before = now(raw)
    assert lock.acquire() is True
    assert before <= lock.fence <= now(raw)
    assert lock.release() is True
    ahead = now(raw) + HOUR * 1000
    raw.hset(key, "fence", ahead)
    assert lock.acquire() is True
    assert lock.fence == ahead + 1
    assert raw.pttl(key) > (LINGER + HOUR) * 1000
    assert lock.release() is True
    assert raw.pttl(key) > (LINGER + HOUR) * 1000 - 5_000
    raw.hset(key, "fence", 5)  # what a failover may bring back
    assert lock.acquire() is True
    assert lock.fence >= before
    raw.delete(key)  # or an eviction
    assert lock.refresh() is False
    fence = lock.fence
    assert lock.acquire() is True
    assert lock.fence >= fence


GARBAGE: dict[str, Callable[[Any, bytes], Any]] = {
    "text": lambda raw, key: raw.set(key, "junk"),
    "list": lambda raw, key: raw.rpush(key, "junk"),
    "no end": lambda raw, key: raw.hset(key, "owner", "x" * 16),
    "odd end": lambda raw, key: raw.hset(key, mapping={"owner": "x", "end": "inf"}),
    "no owner": lambda raw, key: raw.hset(key, "end", "9" * 14),
    "empty owner": lambda raw, key: raw.hset(key, mapping={"owner": "", "end": "9" * 14}),
    "odd number": lambda raw, key: raw.hset(key, "fence", "0x7fffffffffffffff"),
    "vast number": lambda raw, key: raw.hset(key, "fence", "9" * 20),
    "negative": lambda raw, key: raw.hset(key, "fence", "-5"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_what_another_program_wrote_there_is_a_free_lock(what: str, store: Any, raw: Any) -> None:
    lock, key = store.lock("name", 30), lock_key("name")
    GARBAGE[what](raw, key)
    assert lock.is_locked() is False
    assert lock.remaining() == 0
    assert lock.release() is False
    assert lock.refresh() is False
    before = now(raw)
    assert lock.acquire() is True
    assert before <= lock.fence <= now(raw)
    assert store.lock("name", 30).acquire() is False
    assert lock.release() is True


def test_who_may_not_read_locks_breaks_none(empty: Any, raw: Any) -> None:
    raw.acl_setuser("blind", enabled=True, passwords="+p", keys="*", commands=["+@all", "-hmget"])
    try:
        with alone(empty.url) as cache:
            held = cache.lock("name", 30)
            assert held.acquire() is True
        with alone(empty.url, USERNAME="blind", PASSWORD="p") as cache:
            lock = cache.lock("name", 30)
            for ask in (lock.acquire, lock.release, lock.force_release, lock.is_locked):
                with pytest.raises(StoreUnavailable):
                    ask()
        with alone(empty.url):
            assert held.release() is True
    finally:
        raw.acl_deluser("blind")


def test_out_of_memory_none_is_taken_and_any_given_back(store: Any, raw: Any) -> None:
    lock, other = store.lock("name", 30), store.lock("other", 30)
    assert lock.acquire() is True
    raw.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable) as caught:
        other.acquire()
    assert not isinstance(caught.value, OutcomeUnknown)
    assert lock.release() is True
    raw.config_set("maxmemory", 0)
    assert lock.is_locked() is False
    assert other.acquire() is True


def test_it_takes_two_trips_and_two_commands(empty: Any, raw: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        assert cache.lock("name", 30).get(lambda: "warm") == "warm"
        lock = cache.lock("name", 30)
        with client(empty) as other, other.monitor() as monitor:
            raw.ping()
            with proxy.counting() as counts:
                assert lock.acquire() is True
                assert lock.release() is True
            raw.echo("over")
            heard = iter(lambda: next(monitor.listen()), None)
            told = itertools.takewhile(lambda said: said["command"] != "ECHO over", heard)
            sent = [said["command"].split()[0] for said in told if said["client_type"] != "lua"]
        assert counts.round_trips == counts.requests == 2
        assert sent[-2:] == ["EVALSHA", "EVALSHA"]
        assert set(sent[:-2]) <= {"HELLO", "CLIENT", "PING"}  # of the other client


def test_no_clock_of_a_client_matters(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    true = time.time
    for wrong in (HOUR, -HOUR):
        assert store.lock("name", 30).acquire() is True
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda wrong=wrong: true() + wrong)
            patch.setattr(clock, "now", lambda: time.time())
            assert store.lock("name", 30).acquire() is False
            assert 28 < store.lock("name", 30).remaining() <= 30
            held = store.lock("mine", 30)
            assert held.acquire() is True
            assert held.refresh(20) is True
        assert 18 < store.lock("mine", 30).remaining() <= 20
        assert store.lock("mine", 30).acquire() is False
        assert wipe() == 2


def test_a_server_that_is_down_gives_none(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        lock = cache.lock("name", 30)
        proxy.refuse()
        for ask in (lock.acquire, lock.release, lock.refresh, lock.is_locked):
            with pytest.raises(StoreUnavailable) as caught:
                ask()
            assert not isinstance(caught.value, OutcomeUnknown)
        with pytest.raises(StoreUnavailable):
            lock.block(5)
        proxy.healthy()
        assert lock.acquire() is True


def test_a_lost_reply_is_no_lock_and_leaves_none(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        lock, other = cache.lock("name", 30), cache.lock("name", 30)
        assert lock.get(lambda: "warm") == "warm"
        proxy.lose_one_reply()
        with pytest.raises(OutcomeUnknown):
            lock.acquire()
        assert other.block(5)  # it was given back behind the caller, long before its end
        while background.CREW._room._value < background.WAITING:
            time.sleep(0.01)  # whose answer is not the one to be lost
        proxy.lose_one_reply()
        with pytest.raises(OutcomeUnknown):
            other.release()
        assert other.is_locked() is False


@pytest.mark.parametrize("start", range(0, 24, 2))
def test_a_spoilt_answer_is_never_a_lock(start: int, empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    with alone(proxy.url) as cache:
        held = cache.lock("name", 30)
        assert held.acquire() is True
        proxy.garble(start, start + 2)
        for ask in (cache.lock("name", 30).acquire, cache.lock("name", 30).release):
            try:
                assert ask() is False
            except StoreUnavailable:
                pass
        proxy.healthy()
        assert held.release() is True
