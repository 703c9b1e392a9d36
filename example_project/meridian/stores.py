"""One environment variable, `MERIDIAN_STORE`, says where the store `default` lies.

| value | store |
|---|---|
| unset | files in `var/cache` |
| `redis://localhost:6379/0` (`rediss://`, `unix://`) | a Redis |
| `memcached://localhost:11211` (several: `host:port,host:port`) | a memcached |
| `postgresql://user:password@localhost:5432/name` | a table in a PostgreSQL |
| `dynamodb://table?region=eu-central-1&endpoint=http://localhost:8000` | a table of DynamoDB |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

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
    except (KeyError, ValueError):
        known = ", ".join(f"{name}://" for name in SCHEMES)
        raise ImproperlyConfigured(
            f"MERIDIAN_STORE begins with none of {known} (unset: files in var/cache)."
        ) from None
    if find_spec(module) is None:
        raise ImproperlyConfigured(
            f"MERIDIAN_STORE wants {parts.scheme}://, and {module} is not installed: "
            f"pip install '{install}'."
        )
    return make(url, parts)


def _files(var: Path) -> Chosen:
    cache = {
        "BACKEND": f"{BACKENDS}file.EncryptedFileCache",
        "LOCATION": str(var / "cache"),
        "OPTIONS": {**LISTS, "MAX_ENTRIES": 20_000},
    }
    return Chosen("files, sealed, in var/cache", cache)


def _redis(url: str, parts: SplitResult) -> Chosen:
    options = {**LISTS, "STORE_ID": "meridian"}
    cache = {"BACKEND": f"{BACKENDS}redis.RedisCache", "LOCATION": url, "OPTIONS": options}
    return Chosen(f"a Redis at {_place(parts)}", cache)


def _memcached(url: str, parts: SplitResult) -> Chosen:
    cache = {
        "BACKEND": f"{BACKENDS}memcached.MemcachedCache",
        "LOCATION": parts.netloc.split(","),
        "OPTIONS": {"STORE_ID": "meridian"},
    }
    return Chosen(f"a memcached at {parts.netloc}", cache)


def _postgresql(url: str, parts: SplitResult) -> Chosen:
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "localhost",
        "PORT": parts.port or 5432,
        "OPTIONS": {"connect_timeout": 3},
    }
    cache = {
        "BACKEND": f"{BACKENDS}database.DatabaseCache",
        "LOCATION": "meridian_cache",
        "OPTIONS": {**LISTS, "DATABASE": "store", "MAX_ENTRIES": 20_000},
    }
    return Chosen(f"a PostgreSQL at {_place(parts)}", cache, {"store": database})


def _dynamodb(url: str, parts: SplitResult) -> Chosen:
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    names = {"endpoint": "ENDPOINT_URL", "region": "REGION_NAME"}
    where = {names[name]: text for name, text in asked.items() if name in names}
    cache = {
        "BACKEND": f"{BACKENDS}dynamodb.DynamoDBCache",
        "LOCATION": parts.hostname or "meridian",
        "OPTIONS": {**LISTS, "STORE_ID": "meridian", **where},
    }
    return Chosen(f"the DynamoDB table {cache['LOCATION']}", cache)


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
