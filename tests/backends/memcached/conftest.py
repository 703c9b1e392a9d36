"""Caches on memcached as these tests want them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import override_settings
from pymemcache import Client

from django_cachekit import cache
from tests.faultproxy import FaultProxy
from tests.stores import INDEX_KEY, KEY

BACKEND = "django_cachekit.backends.memcached.MemcachedCache"
SEAL = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}

Configure = Callable[..., Any]


@pytest.fixture
def configure(request: pytest.FixtureRequest) -> Iterator[Configure]:
    """Make ``CACHES`` of one alias, or of several: ``configure(location, timeout=0.1)``."""
    with ExitStack() as stack:

        def make(location: Any, *, beside: Any = None, prefix: str = "", **options: Any) -> Any:
            options.setdefault("STORE_ID", request.node.nodeid)
            config = {"BACKEND": BACKEND, "LOCATION": location, "KEY_PREFIX": prefix}
            caches = {"default": {**config, "OPTIONS": options}, **(beside or {})}
            stack.enter_context(override_settings(CACHES=caches))
            return cache

        yield make


@pytest.fixture
def store(memcached: Any, configure: Configure) -> Any:
    """Return the facade over one node."""
    return configure(memcached.location)


@pytest.fixture
def proxy(memcached: Any, faulty: Any) -> FaultProxy:
    """Return a proxy before the node."""
    made: FaultProxy = faulty(memcached)
    return made


@pytest.fixture
def through(proxy: FaultProxy, configure: Configure) -> Any:
    """Return the facade over one node behind the proxy, with short deadlines."""
    return configure(at(proxy), timeout=0.3, connect_timeout=0.3, dead_timeout=0.2)


@pytest.fixture
def raw(memcached: Any) -> Iterator[Client]:
    """Return a plain client of the node."""
    with_deadline = Client(memcached.location, timeout=5, default_noreply=False)
    yield with_deadline
    with_deadline.close()


def at(server: Any) -> str:
    """Return the LOCATION of a server or a proxy."""
    return f"{server.host}:{server.port}"


def dump(server: Any) -> list[str]:
    """Return the keys of all items of a server."""
    with socket.create_connection((server.host, server.port), timeout=5) as wire:
        wire.sendall(b"lru_crawler metadump all\r\n")
        with wire.makefile("rb") as lines:
            words = (line.decode().split() for line in iter(lines.readline, b"END\r\n"))
            return [unquote(first.removeprefix("key=")) for first, *_ in words]
