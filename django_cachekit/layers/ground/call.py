"""One operation on a cache that is not ours, spoken in keys it can hold."""

import logging
import math
from collections.abc import Iterable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache

from ...codecs import UNREADABLE
from ...conf import shown
from ...core.faces import Face
from ...core.keys import safe
from ...core.operation import MISSING, Operation, Record
from .records import parts, together

log = logging.getLogger("django_cachekit")

FRACTIONS = (LocMemCache, FileBasedCache, DummyCache)
"""Backends that keep fractions of a second; others get whole ones, rounded up."""


class Call:
    """Hold one operation on a foreign cache, and speak to it in safe keys."""

    def __init__(self, driver: Any, face: Face, op: Operation) -> None:
        self.driver = driver
        self.face = face
        self.op = op
        self.cache = caches[driver.alias]

    def named(self, key: Any) -> str:
        """Return the key this cache can hold; a record's does not depend on the version asked."""
        version = self.version(key)
        if not isinstance(key, Record) and self.driver.fits(key):
            return str(key)
        return safe(key, lambda text: str(self.cache.make_key(text, version)))

    def version(self, key: Any) -> int | None:
        """Return the version a key lives under, None for the alias's own, as records do."""
        asked = None if isinstance(key, Record) else self.op.version
        return None if asked == self.cache.version else asked

    async def say(self, verb: str, *args: Any, **named: Any) -> Any:
        """Call a verb of the cache."""
        return await self.face.verb(self.cache, verb, *args, **named)

    async def one(self, verb: str, key: Any, *args: Any) -> Any:
        """Call a verb that takes one key."""
        return await self.say(verb, self.named(key), *args, version=self.version(key))

    async def get(self, key: Any) -> Any:
        """Return what is there, an entry that cannot be read being a miss."""
        try:
            return await self.one("get", key, MISSING)
        except UNREADABLE as error:
            self.unreadable(key, error)
            return MISSING

    async def fetch(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """Return what is under ``keys``, tags' records whole."""
        keys = tuple(keys)
        return together(keys, await self._fetch([part for key in keys for part in parts(key)]))

    async def _fetch(self, keys: list[Any]) -> dict[Any, Any]:
        """Read all keys in one trip, or two where records live under another version than asked."""
        if len(keys) == 1:
            value = await self.get(keys[0])
            return {} if value is MISSING else {keys[0]: value}
        values: dict[Any, Any] = {}
        for version in {self.version(key) for key in keys}:
            named = {self.named(key): key for key in keys if self.version(key) == version}
            try:
                found = await self.say("get_many", list(named), version=version)
            except UNREADABLE:
                # One bad entry must not hide the good ones beside it.
                found = {name: await self.get(key) for name, key in named.items()}
            pairs = [(named[n], v) for n, v in found.items() if n in named]
            values.update({key: value for key, value in pairs if value is not MISSING})
        return values

    def unreadable(self, key: Any, error: Exception) -> None:
        """Say in the log that an entry could not be read; its key as ``LOG_RAW_KEYS`` has it."""
        self.driver.unreadable[type(error).__name__] += 1
        log.warning(
            "cache %r: an entry (%s) could not be read: %s",
            self.driver.alias,
            shown(key),
            type(error).__name__,
        )

    def timeout(self) -> Any:
        """Return the ttl as this cache takes it: whole seconds, rounded up, where it must be."""
        ttl = self.op.ttl
        if ttl is None or ttl is DEFAULT_TIMEOUT or isinstance(self.cache, FRACTIONS):
            return ttl
        whole = math.ceil(ttl)
        # Its rows expire at a whole second, so a fraction needs the next one to last at all.
        return whole + 1 if whole != ttl and isinstance(self.cache, BaseDatabaseCache) else whole
