"""The ground: one ``CACHES`` alias as a driver. The only caller of a Django cache's verbs.

A backend of ours brings its own driver, which the ground hands on. Any other backend, also one
never seen before, is spoken to in the verbs that Django documents, and nothing else; only what it
holds is told by a look inside, see ``facts``.
"""

from collections import Counter
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import Error as DatabaseError

from ... import signals
from ...core.bounded import Bounded
from ...core.entry import Entry
from ...core.faces import Face
from ...core.keys import harmless
from ...core.operation import MISSING, UNSURE, Operation
from ...core.remedies import unable, unreachable
from ...errors import NotSupported, StoreUnavailable
from ..base import GUESSES, Driver, Guesses
from ..events import told as tell
from .call import Call
from .verbs import VERBS

HIT, MISS = signals.cache_hit, signals.cache_missed
ONE, MANY = signals.retrieving_key, signals.retrieving_many_keys

CLIENTS = ("redis", "valkey", "pymemcache", "pylibmc", "botocore", "django_redis")
"""Packages whose errors mean that their server could not be asked."""

INSTANT = (LocMemCache, DummyCache)
"""Backends within this process: their records cost no trip, and no other process sees them."""


def driver_of(alias: str) -> Driver:
    """Return the driver of an alias: the backend's own if it has one, else one over its verbs.

    An alias that is not in ``CACHES`` raises Django's ``InvalidCacheBackendError``.
    """
    cache = caches[alias]
    driver: Driver | None = getattr(cache, "cachekit_driver", None)
    return driver if driver is not None else Foreign(alias, cache)


def backend_of(alias: str) -> BaseCache:
    """Return Django's cache object of the alias, for this thread or task."""
    return caches[alias]


class Foreign:
    """Drive a cache that is not ours by the verbs Django documents."""

    def __init__(self, alias: str, cache: BaseCache) -> None:
        self.alias = alias
        self.sender = type(cache)
        self.instant = isinstance(cache, INSTANT)
        self.shared = not self.instant
        self.claims = self.shared
        self.beside = True
        self.guesses: Guesses | None = None if self.instant else Bounded(GUESSES)
        self.silent = False
        self.orderly = False
        self.tagged = False
        self.unreadable: Counter[str] = Counter()
        # With a prefix this short, a harmless key fits whatever its version.
        self.roomy = len(str(cache.make_key("", 10**9))) <= 60
        self.path = f"{self.sender.__module__}.{self.sender.__qualname__}"

    @property
    def version(self) -> int:
        """Return the alias's own version."""
        return int(caches[self.alias].version)

    def fits(self, key: str) -> bool:
        """Tell at a glance whether the cache takes the key as it is; False may still be so."""
        return self.roomy and harmless(key) is not None

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value of an untagged entry, MISSING, or UNSURE for the long way round."""
        # As fits() and reading_is_heard() say; two calls more would be a tenth of the whole.
        if tags or type(key) is not str or not self.roomy or harmless(key) is None:
            return UNSURE
        heard = HIT.receivers or MISS.receivers or ONE.receivers or MANY.receivers
        if heard and not told:
            return (
                UNSURE if told is None or version is not None else tell(self, self.alias, key, ())
            )
        try:
            found = caches[self.alias].get(key, MISSING, version)
        except Exception:  # whatever it is, the long way meets it again and says what it means
            return UNSURE
        return UNSURE if type(found) is Entry else found

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation; a client library's own error is a ``StoreUnavailable``."""
        verb = VERBS.get(op.verb)
        if verb is None:
            what = f"{self.path} (alias {self.alias!r})"
            raise NotSupported(unable(what, op.verb, op.name))
        # Only where this process has met envelopes is a dead one looked for, before a forget say.
        self.tagged = self.tagged or op.soft or not op.plain
        call = Call(self, face, op)
        try:
            return await verb(call)
        except (OSError, DatabaseError) as error:
            raise self._unavailable(op, error) from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] in CLIENTS:
                raise self._unavailable(op, error) from error
            raise

    def _unavailable(self, op: Operation, error: Exception) -> StoreUnavailable:
        # The class only: a client's text may hold an address with a password.
        return StoreUnavailable(unreachable(self.alias, op.name, type(error).__name__))
