"""What the tests of the Redis store share: aliases on a server, and looks into it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import caches
from django.test import override_settings
from redis import Redis as Client

from django_cachekit import cache

BACKEND = "django_cachekit.backends.redis.RedisCache"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
INDEX_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
SEALED = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}

DJANGO = {"KEY_PREFIX", "TIMEOUT", "VERSION", "KEY_FUNCTION"}


def config(location: Any, **more: Any) -> dict[str, Any]:
    """Return one entry of CACHES; names that are not Django's own go to OPTIONS."""
    options = {name: value for name, value in more.items() if name not in DJANGO}
    own = {name: value for name, value in more.items() if name in DJANGO}
    return {"BACKEND": BACKEND, "LOCATION": location, "OPTIONS": options, **own}


@contextmanager
def alone(location: Any, **more: Any) -> Iterator[Any]:
    """Give the facade over one alias."""
    with override_settings(CACHES={"default": config(location, **more)}):
        yield cache


def driver_of(alias: str = "default") -> Any:
    """Return the driver of an alias."""
    return caches[alias].cachekit_driver


def client(server: Any) -> Client:
    """Return redis-py's own client of a server."""
    return Client(host=server.host, port=server.port)


def key_of(name: str, alias: str = "default") -> bytes:
    """Return the server's key of a key."""
    driver = driver_of(alias)
    key: bytes = driver.engine.naming.key(driver.entries.name(name, None))
    return key


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Demand that what is inside takes no longer."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < seconds, f"took {took:.2f} s"


Verbs = dict[str, Callable[[Any], Any]]


def odd_key(key: str, prefix: str, version: int) -> str:
    """Make keys in a way of the project's own."""
    return f"{key}/{version}/{prefix}"
