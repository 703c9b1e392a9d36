"""One environment variable, `MERIDIAN_STORE`, says where the store `default` lies.

| value | store |
|---|---|
| unset | files in `var/cache` |
| `redis://localhost:6379/0` (`rediss://`, `unix://`) | a Redis |
| `memcached://localhost:11211` (several: `host:port,host:port`) | a memcached |
| `postgresql://user:password@localhost:5432/name` | a table in a PostgreSQL |
| `dynamodb://table?region=eu-central-1&endpoint=http://localhost:8000` | a table of DynamoDB |

Each takes `?timeout=SECONDS`, for a server that is far or busy. Entries are sealed in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

BACKENDS = "django_cachekit.backends."
LISTS = {"TAG_INDEX": True}  # so that the tour can list what bears a tag


@dataclass(frozen=True)
class Chosen:
    """A store: what it is called, its entry in `CACHES`, and what `DATABASES` needs for it."""

    said: str
    cache: dict[str, Any]
    databases: dict[str, Any] = field(default_factory=dict)


def chosen(url: str, var: Path) -> Chosen:
    """Return the store that a URL names; files, if it is empty."""
    if not url:
        return _files(var)
    try:
        parts = urlsplit(url)
        make, module, install = SCHEMES[parts.scheme]
        asked = dict(parse_qsl(parts.query))
        timeout = float(asked.pop("timeout", 0))
        _ = "," in parts.netloc or parts.port  # a ValueError if it is none
    except (KeyError, ValueError):
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ImproperlyConfigured(
            f"MERIDIAN_STORE begins with none of {known} (unset: files in var/cache), "
            "or cannot be read as an address."
        ) from None
    if find_spec(module) is None:
        raise ImproperlyConfigured(
            f"MERIDIAN_STORE wants {parts.scheme}://, and {module} is not installed: "
            f"pip install '{install}'."
        )
    return make(parts._replace(query=urlencode(asked)), timeout)


def _files(var: Path) -> Chosen:
    cache = {
        "BACKEND": f"{BACKENDS}file.EncryptedFileCache",
        "LOCATION": str(var / "cache"),
        "OPTIONS": {**LISTS, "MAX_ENTRIES": 20_000},
    }
    return Chosen("files, sealed, in var/cache", cache)


def _redis(parts: SplitResult, timeout: float) -> Chosen:
    query = f"?{parts.query}" if parts.query else ""  # geturl() would write unix:/path
    cache = {
        "BACKEND": f"{BACKENDS}redis.RedisCache",
        "LOCATION": f"{parts.scheme}://{parts.netloc}{parts.path}{query}",
        "OPTIONS": {
            **LISTS,
            "STORE_ID": "meridian",
            **_each(timeout, "SOCKET_CONNECT_TIMEOUT", "SOCKET_TIMEOUT"),
        },
    }
    return Chosen(f"a Redis at {_place(parts)}", cache)


def _memcached(parts: SplitResult, timeout: float) -> Chosen:
    nodes = parts.netloc.rpartition("@")[2]
    cache = {
        "BACKEND": f"{BACKENDS}memcached.MemcachedCache",
        "LOCATION": nodes.split(","),
        "OPTIONS": {"STORE_ID": "meridian", **_each(timeout, "connect_timeout", "timeout")},
    }
    return Chosen(f"a memcached at {nodes}", cache)


def _postgresql(parts: SplitResult, timeout: float) -> Chosen:
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "localhost",
        "PORT": parts.port or 5432,
        "OPTIONS": {"connect_timeout": max(int(timeout), 2)},
    }
    cache = {
        "BACKEND": f"{BACKENDS}database.DatabaseCache",
        "LOCATION": "meridian_cache",
        "OPTIONS": {**LISTS, "DATABASE": "store", "MAX_ENTRIES": 20_000},
    }
    return Chosen(f"a PostgreSQL at {_place(parts)}", cache, {"store": database})


def _dynamodb(parts: SplitResult, timeout: float) -> Chosen:
    asked = dict(parse_qsl(parts.query))
    names = {"endpoint": "ENDPOINT_URL", "region": "REGION_NAME"}
    where = {names[name]: text for name, text in asked.items() if name in names}
    waits = _each(timeout, "CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE")
    cache = {
        "BACKEND": f"{BACKENDS}dynamodb.DynamoDBCache",
        "LOCATION": parts.hostname or "meridian",
        "OPTIONS": {**LISTS, "STORE_ID": "meridian", **where, **waits},
    }
    return Chosen(f"the DynamoDB table {cache['LOCATION']}", cache)


def _each(timeout: float, *names: str) -> dict[str, float]:
    """Set each of these options, if a timeout was asked for."""
    return dict.fromkeys(names, timeout) if timeout else {}


def _place(parts: SplitResult) -> str:
    """Say where it is, without user and password."""
    host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    return f"{host}{parts.path.rstrip('/')}"


SCHEMES = {
    "redis": (_redis, "django_redis", "django-cachekit[redis]"),
    "rediss": (_redis, "django_redis", "django-cachekit[redis]"),
    "unix": (_redis, "django_redis", "django-cachekit[redis]"),
    "memcached": (_memcached, "pymemcache", "django-cachekit[memcached]"),
    "postgresql": (_postgresql, "psycopg", "psycopg[binary]"),
    "dynamodb": (_dynamodb, "boto3", "django-cachekit[dynamodb]"),
}
