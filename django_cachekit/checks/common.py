"""What the checks know of ``CACHES``, and how they say what they find."""

import os
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .. import conf
from ..codecs import Problem, problems

Messages = Iterator[checks.CheckMessage]

OURS = "django_cachekit.backends."
FILE = OURS + "file.EncryptedFileCache"
ARRAY = OURS + "array.ArrayCache"
DATABASE = OURS + "database.DatabaseCache"
DYNAMODB = OURS + "dynamodb.DynamoDBCache"
TAGGED = OURS + "tagged.TaggedCache"
NULL = OURS + "null.NullCache"
REDIS = OURS + "redis.RedisCache"
MEMCACHED = OURS + "memcached.MemcachedCache"
BYTES = {FILE, DATABASE, DYNAMODB, REDIS, MEMCACHED}
"""The backends that take the OPTIONS of the codecs."""


class Alias(NamedTuple):
    """Be one entry of ``CACHES``; ``kinds`` are the dotted paths of its class and all bases."""

    name: str
    config: Mapping[str, Any]
    kinds: frozenset[str]

    @property
    def options(self) -> Mapping[str, Any]:
        """Return its OPTIONS."""
        given = self.config.get("OPTIONS")
        return given if isinstance(given, Mapping) else {}

    def says(self, text: str) -> str:
        """Return a message about it."""
        return f"CACHES[{self.name!r}]: {text}"


def ours() -> list[Alias]:
    """Return the aliases whose backend is of this package, or built on one that is."""
    found = [Alias(name, config, kinds_of(config)) for name, config in conf.caches().items()]
    return [alias for alias in found if any(kind.startswith(OURS) for kind in alias.kinds)]


def kinds_of(config: Mapping[str, Any]) -> frozenset[str]:
    """Return the dotted paths of the backend's class and all its bases."""
    backend = imported(config.get("BACKEND"))
    bases = backend.__mro__ if isinstance(backend, type) else ()
    return frozenset(f"{base.__module__}.{base.__qualname__}" for base in bases)


def imported(path: Any) -> Any:
    """Return what a dotted path leads to, or None."""
    try:
        return import_string(path)
    except (ImportError, TypeError, AttributeError, ValueError):
        return None


def problems_of(alias: Alias) -> list[Problem]:
    """Return what is wrong with the OPTIONS of the codecs, keys included."""
    return problems(alias.options, store_id=alias.name, secret_keys=_secrets())


def _secrets() -> list[bytes]:
    try:
        return conf.secret_keys()
    except ImproperlyConfigured:
        return []  # which Django tells of itself


def root_of(alias: Alias) -> Path | None:
    """Return LOCATION as a path, or None if it is none."""
    location = alias.config.get("LOCATION")
    return Path(location) if isinstance(location, (str, os.PathLike)) and location else None


def meant(name: Any, names: Collection[str]) -> str | None:
    """Return the question that a misspelt name calls for, or None."""
    found = get_close_matches(str(name).upper(), list(names), 1, 0.8)
    return f"Did you mean {found[0]}?" if found else None


def choose(alias: Any) -> str:
    """Return the hint for an alias that cannot be meant."""
    others = [name for name in conf.caches() if name != alias]
    return f"CACHES has {', '.join(map(repr, others)) or 'no other alias'}: name one of them."


def under(name: Any) -> Any:
    """Return the alias that holds the values of one, through however many are over others."""
    for _ in conf.caches():
        options = conf.caches().get(name, {}).get("OPTIONS")
        name = (isinstance(options, Mapping) and options.get("STORE")) or name
    return name


def warning(id: str, text: str, hint: str) -> checks.Warning:
    """Return a warning of ours."""
    return checks.Warning(text, hint=hint, id=f"cachekit.{id}")


def error(id: str, text: str, hint: str) -> checks.Error:
    """Return an error of ours."""
    return checks.Error(text, hint=hint, id=f"cachekit.{id}")
