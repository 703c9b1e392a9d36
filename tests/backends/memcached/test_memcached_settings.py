"""LOCATION and OPTIONS of memcached: what is taken, and what is refused with a hint."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings
from pymemcache.client.rendezvous import RendezvousHash

from django_cachekit import cache
from django_cachekit.backends.memcache.settings import addresses
from django_cachekit.checks.clients import clients_can_be_made
from django_cachekit.errors import Misconfigured, StoreUnavailable

from .conftest import BACKEND, Configure

A, B = ("a.example", 11211), ("b.example", 11212)


@pytest.mark.parametrize(
    ("location", "servers"),
    [
        ("a.example", [A]),
        ("a.example:11211", [A]),
        ("a.example,b.example:11212", [A, B]),
        ("a.example ; b.example:11212;", [A, B]),
        (["a.example:11211", "b.example:11212"], [A, B]),
        (("a.example", 11211), [A]),
        ([("a.example", 11211), ("b.example", "11212")], [A, B]),
        ("unix:/run/memcached.sock", ["/run/memcached.sock"]),
        ("/run/memcached.sock", ["/run/memcached.sock"]),
        ("[::1]:11213", [("::1", 11213)]),
    ],
)
def test_location(location: Any, servers: Any) -> None:
    assert addresses(location) == servers


@pytest.mark.parametrize(
    ("location", "options", "says"),
    [
        ("", {}, "LOCATION names no server"),
        ([], {}, "LOCATION names no server"),
        (None, {}, "LOCATION names no server"),
        (5, {}, "LOCATION is not understood"),
        ("a:b:c", {}, "LOCATION is not understood"),
        ("a:99999", {}, "LOCATION is not understood"),
        ([("a", 1, 2)], {}, "LOCATION is not understood"),
        ("a,a:11211", {}, "LOCATION names one server twice"),
        ("a", {"timeout": None}, "timeout is a number of seconds above 0"),
        ("a", {"timeout": 0}, "timeout is a number of seconds above 0"),
        ("a", {"connect_timeout": "1"}, "connect_timeout is a number of seconds above 0"),
        ("a", {"dead_timeout": -1}, "dead_timeout is a number of seconds above 0"),
        ("a", {"max_pool_size": 0}, "max_pool_size is a whole number from 1"),
        ("a", {"item_size_max": "1m"}, "item_size_max is a whole number from 1"),
        ("a", {"pool_idle_timeout": -1}, "pool_idle_timeout is a number of seconds"),
        ("a", {"hasher": 5}, "hasher is a class"),
        ("a", {"serde": object()}, "'serde' cannot be used. In its place: SERIALIZER"),
        ("a", {"key_prefix": b"x"}, "KEY_PREFIX"),
        ("a", {"use_pooling": False}, "'use_pooling' cannot be used"),
        ("a", {"default_noreply": True}, "every reply is waited for"),
        ("a", {"ignore_exc": True}, "RAISE"),
        ("a", {"retry_attempts": 2}, "nothing is counted twice"),
        ("a", {"time_out": 1}, "'time_out' is no option. Perhaps timeout"),
        ("a", {"MAX_ENTRIES": 5}, "'MAX_ENTRIES' is no option"),
        ("a", {"CONNECT_TIMEOUT": 1}, "'CONNECT_TIMEOUT' is no option"),
        ("a", {"ENCRYPTION_KEY": "x"}, "Perhaps ENCRYPTION_KEYS"),
    ],
)
def test_what_is_wrong_is_a_finding_and_an_error(
    location: Any, options: Mapping[str, Any], says: str
) -> None:
    config = {"BACKEND": BACKEND, "LOCATION": location, "OPTIONS": options}
    with override_settings(CACHES={"default": config}):
        (found,) = clients_can_be_made()
        assert found.id == "cachekit.E022"
        assert says in f"{found.msg} {found.hint}"
        with pytest.raises(Misconfigured, match="CACHES\\['default'\\]") as told:
            cache.get("key")
        assert says in str(told.value)


def test_what_pymemcache_takes_is_taken(memcached: Any, configure: Configure) -> None:
    store = configure(
        memcached.location,
        connect_timeout=1,
        timeout=2.5,
        no_delay=False,
        max_pool_size=4,
        pool_idle_timeout=0,
        lock_generator=threading.RLock,
        socket_module=socket,
        use_pooling=True,
        default_noreply=False,
        ignore_exc=False,
        hasher=RendezvousHash,
        dead_timeout=5,
        COMPRESSION="zlib",
    )
    assert store.put("key", "v" * 1000, 60) is True
    assert store.get("key") == "v" * 1000
    assert clients_can_be_made() == []


def test_it_speaks_over_a_unix_socket(tmp_path: Any, configure: Configure) -> None:
    from tests.servers.memcached import Memcached
    from tests.servers.process import wait_until

    class OnSocket(Memcached):
        def command(self) -> list[str]:
            path = str(self.folder / "s")
            return [*super().command()[:1], "-u", "root", "-s", path, "-m", "64"]

        def ready(self) -> bool:
            return (self.folder / "s").exists()

    with OnSocket() as server:
        wait_until(server.ready, "the socket")
        store = configure(f"unix:{server.folder}/s")
        assert store.put("key", 1, 60) is True
        assert store.increment("key") == 2


@contextmanager
def speaking(*answers: bytes) -> Iterator[str]:
    """Answer each request in turn, as another program than memcached would."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                for answer in answers:
                    wire.recv(65536)
                    wire.sendall(answer)
                wire.recv(65536)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("version", "says"), [(b"1.4.39", "1.4.39"), (b"1.6.9", "1.6.9"), (b"1.5.22_beta", "1.5.22")]
)
def test_a_server_that_is_too_old_is_named(version: bytes, says: str, configure: Configure) -> None:
    with speaking(b"VERSION %b\r\nSTAT item_size_max 1048576\r\nEND\r\nERROR\r\n" % version) as at:
        store = configure(at)
        with pytest.raises(Misconfigured, match=f"is {says}; 1.6.10 or later is needed"):
            store.get("key")


def test_what_is_no_memcached_is_an_unavailable_store(configure: Configure) -> None:
    with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\nMN\r\n") as at:
        store = configure(at)
        with pytest.raises(StoreUnavailable, match="MemcacheUnknownError"):
            store.increment("n")


def test_one_client_for_all_threads_and_objects(memcached: Any, configure: Configure) -> None:
    configure(memcached.location)
    drivers: list[Any] = []

    def look() -> None:
        drivers.append(caches["default"].cachekit_driver)

    for _ in range(3):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert drivers == [cache._home.stack().driver] * 3
