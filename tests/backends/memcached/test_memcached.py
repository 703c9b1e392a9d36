"""What is special to a store on memcached: keys, sizes, expiry, flushes, and trips."""

import logging
import math
import random
import re
import socket
import time
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from pymemcache import Client
from pymemcache.exceptions import MemcacheUnknownError

from django_cachekit import cache
from django_cachekit.backends.memcache import engine, packets
from django_cachekit.backends.memcache.packets import key_of
from django_cachekit.backends.memcache.wire import Wire
from django_cachekit.core import clock as package_clock
from django_cachekit.errors import NotSupported, StoreUnavailable, ValueTooLarge
from tests.faultproxy import FaultProxy
from tests.servers.memcached import Memcached
from tests.servers.process import wait_until

from .conftest import SEAL, Configure, at, dump

ODD = [
    *map(chr, range(0x21)),
    *map(chr, range(0x7F, 0xA1)),
    "",
    "a b",
    "a\r\nset x 0 0 1\r\ny\r\n",
    "\r\n",
    "x" * 251,
    "x" * 100_000,
    "ключ",
    "🗝" * 100,
    "\ud800",
    "\0epoch\0",
    ":ck:h:1",
    "ck:",
    *(unicodedata.normalize(form, "é") for form in ("NFC", "NFD")),
]
MONTH = 30 * 24 * 60 * 60


def test_any_text_is_a_key_and_no_two_are_one(store: Any, raw: Any) -> None:
    assert store.put_many({key: number for number, key in enumerate(ODD)}, 60) is True
    assert list(store.many(ODD).values()) == list(range(len(ODD)))
    for key in ODD:
        assert store.forget(key) is True
        assert store.get(key) is None
    assert raw.get("x") is None


@pytest.fixture
def alone() -> Iterator[Memcached]:
    """Give a memcached in which there is nothing else."""
    with Memcached() as server:
        yield server


def test_keys_on_the_server_are_short_and_plain(alone: Any, configure: Configure) -> None:
    configure(alone.location).put_many(dict.fromkeys(ODD, 1), 60)
    wait_until(lambda: len(dump(alone)) == len(ODD) + 1, "the dump of all keys", 5)
    for key in dump(alone):
        assert re.fullmatch(r"ck:[\w-]{43}", key, re.ASCII)


def test_a_sealed_alias_tells_nothing(alone: Any, configure: Configure) -> None:
    store = configure(alone.location, **SEAL)
    store.tags("secret-tag").put("secret-key", "secret-value", 60)
    store.put("secret-number", 12345678, 60)
    store.increment("secret-number")
    assert store.tags("secret-tag").get("secret-key") == "secret-value"
    wait_until(lambda: len(dump(alone)) == 4, "the dump of all keys", 5)
    raw = Client(alone.location, timeout=5)
    everything = b"".join(b"%b %b " % (key.encode(), raw.get(key)) for key in dump(alone))
    raw.close()
    for hidden in (b"secret", b"12345678", b"12345679"):
        assert hidden not in everything
    assert len(everything) > 400


# -- sizes: acceptance M2 ----------------------------------------------------------------------


def big(size: int) -> bytes:
    return random.Random(1).randbytes(size)


def test_what_is_too_large_says_so_and_takes_the_old_value_along(store: Any) -> None:
    store.put("key", "old", 60)
    store.put("other", "kept", 60)
    with pytest.raises(ValueTooLarge, match="1048576 bytes"):
        store.put("key", big(2**21), 60)
    assert store.many(["key", "other"]) == {"key": None, "other": "kept"}
    store.put("key", "old", 60)
    with pytest.raises(ValueTooLarge):
        store.put_many({"other": 1, "key": big(2**24)}, 60)  # over MAX_VALUE_BYTES too
    assert store.many(["key", "other"]) == {"key": None, "other": "kept"}
    with pytest.raises(ValueTooLarge):
        store.put_many({"other": 1, "key": big(2**21)}, 60)
    assert store.many(["key", "other"]) == {"key": None, "other": "kept"}
    with pytest.raises(ValueTooLarge):
        store.add("key", big(2**21), 60)
    assert store.get("key") is None


def test_a_server_that_does_not_tell_its_limit_is_believed_when_it_refuses(
    memcached: Any, configure: Configure
) -> None:
    store = configure(memcached.location, item_size_max=2**25)
    store.put("key", "old", 60)
    with pytest.raises(ValueTooLarge):
        store.put("key", big(2**21), 60)
    assert store.get("key") is None
    with pytest.raises(ValueTooLarge):
        store.add("key", big(2**21), 60)
    assert store.get("key") is None
    store.put("key", "new", 60)
    assert store.get("key") == "new"


def test_sizes_about_the_limit_are_stored_or_refused(store: Any) -> None:
    """Whatever the exact limit is, there is no size that is neither."""
    stored = []
    for size in range(2**20 - 700, 2**20 + 1, 20):
        value = big(size)
        store.put("key", "old", 60)
        try:
            assert store.put("key", value, 60) is True
        except ValueTooLarge:
            assert store.get("key") is None
            stored.append(False)
        else:
            assert store.get("key") == value
            stored.append(True)
    assert stored[0] is True
    assert stored[-1] is False
    assert stored == sorted(stored, reverse=True)


def test_many_and_large_values_go_and_come(store: Any) -> None:
    values = {f"key{number}": big(200_000) for number in range(60)}
    assert store.put_many(values, 60) is True
    assert store.many(values) == values
    names = [f"n{number}" for number in range(3 * packets.NAMES + 1)]
    assert store.put_many(dict.fromkeys(names, "v" * 500), 60) is True
    assert set(store.many(names).values()) == {"v" * 500}
    assert store.forget_many(names) == len(names)
    assert set(store.many(names).values()) == {None}


# -- expiry: acceptance M5 ---------------------------------------------------------------------


@pytest.mark.parametrize("ttl", [1, 60, MONTH - 1, MONTH, MONTH + 1, 400 * 24 * 3600, 10**9, None])
def test_no_ttl_ends_at_once(store: Any, ttl: Any) -> None:
    assert store.put("key", 1, ttl) is True
    assert store.get("key") == 1
    left = store.ttl("key")
    assert left is None if ttl is None else ttl - 5 < left <= ttl
    assert store.add("added", 1, ttl) is True
    assert store.touch("key", ttl) is True
    assert store.get("key") == 1
    caches["default"].set("plain", 1, ttl)
    assert caches["default"].get("plain") == 1


@pytest.mark.parametrize("ttl", [0, -1, -MONTH - 1, timedelta(0), 0.0, -0.5])
def test_a_ttl_that_is_over_removes(store: Any, ttl: Any) -> None:
    store.put("key", 1, 60)
    store.put("key", 2, ttl)
    assert store.get("key") is None
    caches["default"].set("plain", 1, 60)
    if not isinstance(ttl, timedelta):
        caches["default"].set("plain", 2, ttl)
        assert caches["default"].get("plain") is None


def test_the_server_drops_an_entry_after_it_has_expired_and_never_before(
    store: Any, raw: Any
) -> None:
    began = time.time()
    store.put("key", 1, 1.2)
    driver = cache._home.stack().driver
    key = key_of(driver.entries.name("key", None)).decode()
    while time.time() < began + 1.15:
        assert store.get("key") == 1
        time.sleep(0.05)
    time.sleep(0.1)
    assert store.get("key") is None
    time.sleep(max(0.0, began + 3.7 - time.time()))
    assert raw.get(key) is None


def test_the_servers_own_expiry_is_after_ours() -> None:
    now = package_clock.now()
    assert packets.server_ttl(None) == 0
    assert packets.server_ttl(now - 5) == 1
    assert packets.server_ttl(now + 0.5) == 2
    assert packets.server_ttl(now + MONTH - 1) <= MONTH
    assert packets.server_ttl(now + MONTH + 1) == math.ceil(now + MONTH + 1) + 1
    assert packets.server_ttl(now + 10**10) == 0


# -- flushes -----------------------------------------------------------------------------------


def test_a_flush_leaves_other_aliases_prefixes_and_programs(
    memcached: Any, configure: Configure, raw: Any, request: Any
) -> None:
    raw.set("theirs", b"1")
    other = {
        "BACKEND": "django_cachekit.backends.memcached.MemcachedCache",
        "LOCATION": memcached.location,
    }
    prefixed = {**other, "KEY_PREFIX": "p", "OPTIONS": {"STORE_ID": request.node.nodeid}}
    store = configure(memcached.location, beside={"other": other, "prefixed": prefixed})
    for alias in ("default", "other", "prefixed"):
        cache.store(alias).put("key", alias, 60)
    assert store.flush() is True
    assert store.get("key") is None
    assert cache.store("other").get("key") == "other"
    assert cache.store("prefixed").get("key") == "prefixed"
    assert raw.get("theirs") == b"1"


def test_what_was_flushed_is_a_plain_miss(
    store: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.tags("t").put("key", 1, 60)
    store.put("number", 1, 60)
    store.put("dead", 1, 60)
    store.increment("number")
    store.flush()
    with caplog.at_level(logging.DEBUG, "django_cachekit"):
        assert store.many(["key", "number"]) == {"key": None, "number": None}
        assert store.touch("key", 60) is False
        assert store.forget("key") is False
        assert store.pull("key") is None
        assert store.increment("number") == 1
        assert store.add("key", 2, 60) is True
        assert store.get("key") == 2
        with monkeypatch.context() as patch:
            patch.setattr(engine, "TRIES", 0)  # it makes room at the first try
            assert store.add("dead", 2, 60) is True
        assert store.get("dead") == 2
    assert caplog.records == []
    assert not cache._home.stack().driver.unreadable


def test_a_lost_epoch_makes_everything_miss_and_nothing_live_again(store: Any, raw: Any) -> None:
    driver = cache._home.stack().driver
    store.put("key", 1, 60)
    raw.delete(driver.engine._epoch_key.decode())
    assert store.get("key") is None
    assert store.put("key", 2, 60) is True
    raw.delete(driver.engine._epoch_key.decode())
    assert store.put("other", 3, 60) is True  # sealed under the lost one, then anew
    assert store.many(["key", "other"]) == {"key": None, "other": 3}
    raw.delete(driver.engine._epoch_key.decode())
    assert store.add("other", 4, 60) is True
    assert store.increment("number", 5) == 5
    assert store.many(["other", "number"]) == {"other": 4, "number": 5}


def test_a_remembered_entry_that_was_flushed_is_not_counted_on(store: Any) -> None:
    """The process remembers what it counted last; another one flushes."""
    assert [store.increment("n") for _ in range(3)] == [1, 2, 3]
    engine_here = cache._home.stack().driver.engine
    other = engine.Engine(engine_here.node, b"")
    other._epoch_key, other._ask_epoch = engine_here._epoch_key, engine_here._ask_epoch
    other.clear()
    assert engine_here._seen.get(cache._home.stack().driver.entries.name("n", None)) is not None
    assert store.increment("n") == 1


def test_a_remembered_entry_that_has_expired_says_nothing(store: Any, clock: Any) -> None:
    store.increment("n", ttl=60)
    clock.advance(61)
    store.put("n", 7, 600)
    assert store.touch("n", 600) is True
    assert store.increment("n") == 8
    clock.advance(601)
    store.put("n", 7, 600)
    assert store.pull("n") == 7


def test_a_reply_to_another_request_is_seen() -> None:
    """Replies carry the number of their request, should a connection ever be out of step."""
    ours, theirs = socket.socketpair()
    wire = Wire("unused", timeout=1)
    wire.sock = ours
    theirs.sendall(b"VA 8 O1\r\n12345678\r\n")
    assert wire.exchange([b"mg e v"], 1)[0].data == b"12345678"
    theirs.sendall(b"VA 8 O1\r\n12345678\r\n")
    with pytest.raises(MemcacheUnknownError, match="another request"):
        wire.exchange([b"mg e v"], 1)
    assert wire.sock is None
    theirs.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"VA 8 O1\r\n123456789\r\n",
        b"VA 7 O1\r\n12345678\r\n",
        b"VA x O1\r\n12345678\r\n",
        b"VA -8 O1\r\n12345678\r\n",
        b"VA 99999999999 O1\r\n12345678\r\n",
        b"VB 8 O1\r\n12345678\r\n",
        b"HD O1\r\nHD\r\n",
        b"MN\r\n",
        b"\r\n",
        b"x" * 5000,
    ],
)
def test_what_memcached_never_says_ends_the_connection(reply: bytes) -> None:
    ours, theirs = socket.socketpair()
    wire = Wire("unused", timeout=1)
    wire.sock = ours
    theirs.sendall(reply)
    with pytest.raises(MemcacheUnknownError):
        wire.exchange([b"mg e v"], 1)
    assert wire.sock is None
    theirs.close()


# -- one trip ----------------------------------------------------------------------------------


def trips(proxy: FaultProxy, work: Any) -> int:
    with proxy.counting() as counts:
        work()
    return counts.round_trips


def test_round_trips_of_each_verb(proxy: FaultProxy, configure: Configure) -> None:
    store = configure(at(proxy), SIGNALS=False)
    store.put("warm", 1)
    plain = caches["default"]
    many = {f"k{number}": number for number in range(100)}
    tagged = store.tags("t", "u")
    found = {
        "get": trips(proxy, lambda: store.get("warm")),
        "get, missing": trips(proxy, lambda: store.get("nothing")),
        "django get": trips(proxy, lambda: plain.get("warm")),
        "put": trips(proxy, lambda: store.put("key", 1, 60)),
        "put_many 100": trips(proxy, lambda: store.put_many(many, 60)),
        "many 100": trips(proxy, lambda: store.many(many)),
        "add": trips(proxy, lambda: store.add("new", 1)),
        "add, there": trips(proxy, lambda: store.add("new", 1)),
        "increment, new": trips(proxy, lambda: store.increment("n")),
        "increment": trips(proxy, lambda: store.increment("n")),
        "touch": trips(proxy, lambda: store.touch("key", 60)),
        "pull": trips(proxy, lambda: store.pull("warm")),
        "pull, missing": trips(proxy, lambda: store.pull("warm")),
        "forget": trips(proxy, lambda: store.forget("new")),
        "forget_many 100": trips(proxy, lambda: store.forget_many(many)),
        "tagged put, new tags": trips(proxy, lambda: tagged.put("t", 1, 60)),
        "tagged put": trips(proxy, lambda: tagged.put("t", 1, 60)),
        "tagged get": trips(proxy, lambda: tagged.get("t")),
        "get of a tagged": trips(proxy, lambda: store.get("t")),
        "flush of tags": trips(proxy, lambda: tagged.flush()),
        "flush": trips(proxy, lambda: store.flush()),
        "put after a flush": trips(proxy, lambda: store.put("key", 1, 60)),
    }
    assert found == {
        "get": 1,
        "get, missing": 1,
        "django get": 1,
        "put": 1,
        "put_many 100": 1,
        "many 100": 1,
        "add": 1,
        "add, there": 1,
        "increment, new": 2,
        "increment": 1,
        "touch": 2,
        "pull": 2,
        "pull, missing": 1,
        "forget": 1,
        "forget_many 100": 1,
        "tagged put, new tags": 4,
        "tagged put": 2,
        "tagged get": 1,
        "get of a tagged": 1,
        "flush of tags": 1,
        "flush": 1,
        "put after a flush": 1,
    }


# -- what it cannot ----------------------------------------------------------------------------


def test_it_cannot_list(store: Any) -> None:
    with pytest.raises(NotSupported, match="cannot list"):
        list(store.keys())
    with pytest.raises(NotSupported, match="cannot list"):
        store.forget_pattern("*")


def test_an_entry_that_others_change_all_the_time_is_given_up(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "TRIES", 3)
    driver = cache._home.stack().driver
    name = driver.entries.name("n", None)
    blobs = {}

    def meddle(data: bytes | None, epoch: int) -> Any:
        driver.engine.write(blobs, epoch)
        return blob, None

    store.put("n", 1, 60)
    _, found = driver.engine.read([name])
    blob = engine.Blob(found[name], None)
    blobs[name] = blob
    with pytest.raises(StoreUnavailable, match="others changed"):
        driver.engine.update(name, meddle)
