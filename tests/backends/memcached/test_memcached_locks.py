"""Locks on memcached: whose clock, what is sent, what goes with the server, and on which node."""

import asyncio
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymemcache import Client

from django_cachekit.backends.locking import LINGER
from django_cachekit.backends.memcache import locks
from django_cachekit.backends.memcache.node import Node
from django_cachekit.backends.memcache.wire import Wire
from django_cachekit.core import clock
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record
from django_cachekit.errors import NotSupported, OutcomeUnknown, StoreUnavailable
from tests.backends.locked import (
    NAME,
    end_with_the_holder,
    heed_no_wall_clock,
    lose_nothing,
    outlive_a_stopped_holder,
)
from tests.faultproxy import FaultProxy

from .conftest import SEAL, Configure, dump

LATE = 1.5
"""Seconds: the server's begun one, and the pause of one who is told of nothing."""

OWNER, OTHER = bytes(range(1, 17)), bytes(range(2, 18))


def driver(store: Any) -> Any:
    return store._home.stack().driver


def key_of(store: Any, name: str = NAME) -> str:
    """Return the key of a lock's item."""
    found = driver(store)
    one = found.ones[0] if hasattr(found, "ones") else found
    return locks._key(one.entries.name(lock_record(name), None)).decode()


def node_of(store: Any) -> Node:
    node = driver(store).engine.node
    assert isinstance(node, Node)
    return node


@contextmanager
def before_each_exchange(patch: pytest.MonkeyPatch, number: int, work: Any) -> Iterator[None]:
    """Do something right before the exchange of that number, counted from 1."""
    exchange, seen = Wire.exchange, [0]

    def exchanged(wire: Wire, commands: Any, count: int) -> Any:
        seen[0] += 1
        if seen[0] == number:
            work(wire)
        return exchange(wire, commands, count)

    with patch.context() as patched:
        patched.setattr(Wire, "exchange", exchanged)
        yield


def test_processes_exclude_each_other(store: Any, tmp_path: Path) -> None:
    lose_nothing(store, tmp_path)


def test_a_killed_holder_keeps_nothing(store: Any) -> None:
    end_with_the_holder(store, 1, late=LATE)


def test_a_stopped_holder_harms_nobody(store: Any) -> None:
    outlive_a_stopped_holder(store, 1)


@pytest.mark.parametrize("off", [-3600, 3600])
def test_no_clients_clock_matters(store: Any, monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    heed_no_wall_clock(store, monkeypatch, off, late=LATE)


@pytest.mark.parametrize("off", [-7200, 7200])
def test_numbers_begin_with_the_servers_clock(
    store: Any, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    monkeypatch.setattr(clock, "now", lambda: time.time() + off)
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    assert abs(lock.fence / 1000 - time.time()) < 30


def test_numbers_begin_with_the_clients_clock_where_the_server_tells_none(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wire, "clock", lambda wire: None)
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    assert lock.fence == pytest.approx(1_000_000, abs=50)


def test_no_lock_ends_before_its_time(store: Any) -> None:
    for ttl in (0.3, 1, 1.6):
        lock = store.lock(f"{ttl}", ttl)
        began = time.monotonic()
        assert lock.acquire()
        while lock.is_locked():
            time.sleep(0.005)
        assert ttl <= time.monotonic() - began <= ttl + 2.1
        assert lock.refresh() is False


def test_what_is_sent(proxy: FaultProxy, through: Any) -> None:
    through.lock("before", 30).acquire()  # connects, and asks what time it is
    lock, other = through.lock(NAME, 30), through.lock(NAME, 30)
    trips = []
    for verb in (
        lock.acquire,
        other.acquire,
        lock.refresh,
        lock.is_locked,
        lock.release,
        other.release,
        other.acquire,
    ):
        with proxy.counting() as counts:
            verb()
        trips.append(counts.round_trips)
    assert trips == [1, 1, 2, 1, 2, 1, 2]


def test_an_item_tells_nothing(store: Any, raw: Client, memcached: Any) -> None:
    lock = store.lock("who is it", 30)
    assert lock.acquire()
    data = raw.get(key_of(store, "who is it"))
    assert len(data) == 32
    assert lock.owner.encode() not in data
    assert bytes.fromhex(lock.owner) not in data
    assert not [key for key in dump(memcached) if "who" in key]


@pytest.mark.parametrize("config", [{}, SEAL], ids=["signed", "sealed"])
def test_no_flush_reaches_a_lock(memcached: Any, configure: Configure, config: Any) -> None:
    store = configure(memcached.location, **config)
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    store.flush()
    assert store.lock(NAME, 30).acquire() is False
    assert lock.release() is True
    store.flush()
    again = store.lock(NAME, 30)
    assert again.acquire()
    assert again.fence == lock.fence + 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"5",
        b"CKH1",
        struct.pack("<4s16sQI", b"CKH2", OTHER, 5, 0),
        struct.pack("<4s16sQI", b"CKH1", OTHER, 2**60, 0),
    ],
    ids=["empty", "digit", "cut", "mark", "fence"],
)
def test_what_is_no_record_is_free(store: Any, raw: Client, data: bytes) -> None:
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    assert raw.set(key_of(store), data, expire=1000)
    assert lock.is_locked() is False
    assert lock.release() is False
    assert lock.acquire() is True
    assert lock.fence > 10**12
    assert lock.release() is True


def test_what_never_ends_is_no_record(store: Any, raw: Client) -> None:
    assert raw.set(key_of(store), struct.pack("<4s16sQI", b"CKH1", OTHER, 5, LINGER))
    lock = store.lock(NAME, 30)
    assert lock.is_locked() is False
    assert lock.acquire() is True
    assert lock.fence > 10**12


def test_the_longest_lock_is_counted_in_seconds_too(store: Any) -> None:
    month = 30 * 24 * 3600
    lock = store.lock(NAME, month)
    assert lock.acquire()
    assert month - 10 < lock.remaining() <= month
    assert store.lock(NAME, 10).acquire() is False
    assert lock.refresh(month - 3600) is True
    assert month - 3610 < lock.remaining() <= month - 3600
    assert lock.release() is True


def test_it_is_forgotten_a_week_after_its_last_use(store: Any, raw: Client) -> None:
    def lives() -> int:
        told = node_of(store).ask([b"mg %b t" % key_of(store).encode()], 1)[0]
        return int(told.flag(b"t"))

    lock = store.lock(NAME, 30)
    assert lock.acquire()
    assert lives() - LINGER in (30, 31)
    assert lock.release()
    assert LINGER - 2 <= lives() <= LINGER


def test_one_who_was_overtaken_takes_nothing(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, third = (store.lock(NAME, 30) for _ in range(3))
    assert one.acquire()
    assert one.release()
    with before_each_exchange(monkeypatch, 2, lambda wire: other.acquire()):
        assert third.acquire() is False
    assert other.is_owned_by_current_process()


def test_one_who_was_overtaken_gives_nothing_back(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = store.lock(NAME, 30), store.lock(NAME, 30)
    assert one.acquire()

    def overtake(wire: Wire) -> None:
        store.lock(NAME, 30).force_release()
        assert other.acquire()

    for verb in (one.release, one.refresh):
        with before_each_exchange(monkeypatch, 2, overtake):
            assert verb() is False
        assert other.is_owned_by_current_process()
        other.force_release()
        assert one.acquire()


def test_who_lost_his_turn_tries_again(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = store.lock(NAME, 30), store.lock(NAME, 30)
    assert one.acquire()
    assert one.release()

    def overtake(wire: Wire) -> None:
        assert one.acquire()
        assert one.release()

    with before_each_exchange(monkeypatch, 2, overtake):
        assert other.acquire() is True
    assert other.fence == one.fence + 1


def test_one_server_answers_throughout(
    memcached: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was started again numbers versions anew: an old number is somebody's lock."""
    one, other = store.lock(NAME, 30), store.lock(NAME, 30)
    assert one.acquire()
    assert one.release()

    exchange, seen = Wire.exchange, [0]

    def exchanged(wire: Wire, commands: Any, count: int) -> Any:
        replies = exchange(wire, commands, count)
        seen[0] += 1
        if seen[0] == 1:
            memcached.stop()
            memcached.start()
        return replies

    monkeypatch.setattr(Wire, "exchange", exchanged)
    with pytest.raises(StoreUnavailable):
        other.acquire()


def test_with_the_server_all_is_lost_but_the_order(memcached: Any, store: Any) -> None:
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    memcached.stop()
    with pytest.raises(StoreUnavailable):
        store.lock(NAME, 30).acquire()
    memcached.start()
    node_of(store).health.well()
    assert lock.release() is False
    again = store.lock(NAME, 30)
    assert again.acquire() is True
    assert again.fence > lock.fence


def test_where_the_reply_is_lost_nobody_knows(proxy: FaultProxy, through: Any) -> None:
    lock = through.lock(NAME, 30)
    assert lock.acquire()
    assert lock.release()
    proxy.lose_one_reply()
    with pytest.raises(OutcomeUnknown):
        lock.acquire()
    until = time.monotonic() + 10
    while not through.lock(NAME, 30).acquire():  # it is given back behind the caller
        assert time.monotonic() < until
        time.sleep(0.02)


def test_without_a_server_nobody_has_it(proxy: FaultProxy, through: Any) -> None:
    lock = through.lock(NAME, 30)
    assert lock.acquire()
    proxy.refuse()
    for verb in (through.lock(NAME, 30).acquire, lock.refresh, lock.release, lock.is_locked):
        with pytest.raises(StoreUnavailable):
            verb()
    proxy.healthy()
    until = time.monotonic() + 10
    while True:
        try:
            assert lock.release() is True
            return
        except StoreUnavailable:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_what_the_server_refuses_was_not_taken(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_set", lambda *_: b"ms %b 2000000\r\n%b" % (b"k", bytes(2000000)))
    with pytest.raises(StoreUnavailable, match="Refused") as raised:
        store.lock(NAME, 30).acquire()
    assert not isinstance(raised.value, OutcomeUnknown)


def test_memcached_cannot_list_them(store: Any) -> None:
    with pytest.raises(NotSupported, match="force_release"):
        run_now(driver(store).locks.wipe(BLOCKING))


def test_a_lock_lies_on_its_node_and_on_no_other(memcached_pool: Any, configure: Configure) -> None:
    store = configure(memcached_pool.location, timeout=1, connect_timeout=1, dead_timeout=0.1)
    found: dict[int, list[str]] = {0: [], 1: [], 2: []}
    for number in range(40):
        assert store.lock(f"lock {number}", 60).acquire()
        key = key_of(store, f"lock {number}")
        (where,) = [n for n, node in enumerate(memcached_pool.nodes) if key in dump(node)]
        found[where].append(f"lock {number}")
    assert all(found.values())
    memcached_pool.nodes[0].kill()
    for name in found[0]:
        with pytest.raises(StoreUnavailable):
            store.lock(name, 60).acquire()
    for name in found[1] + found[2]:
        assert store.lock(name, 60).acquire() is False


def test_a_fork_asks_by_connections_of_its_own(store: Any) -> None:
    lock = store.lock(NAME, 30)
    assert lock.acquire()
    pid = os.fork()
    if not pid:
        os._exit(store.lock(NAME, 30).acquire() or not store.lock("child's", 30).acquire())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert lock.release() is True


def test_who_stops_waiting_spoils_nothing(store: Any) -> None:
    async def wait() -> None:
        lock = store.lock(NAME, 30)
        assert await lock.aacquire()
        for _ in range(5):
            waiting = asyncio.ensure_future(store.lock(NAME, 30).wait(20))
            await asyncio.sleep(0.03)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        assert await lock.arelease()
        again = store.lock(NAME, 30)
        assert await again.aacquire()
        assert await again.arefresh()

    asyncio.run(wait())
