"""What every backend of ours is made of: Django's coat over a driver, and what drivers share.

A store of bytes gives an ``Engine`` (a few hooks) and has the rest from ``Bytes``; see
``docs/extending``. A backend object is made per thread and per task by Django, so all state lies in
its driver, of which a process has one per configuration.
"""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache, default_key_func
from django.core.exceptions import SynchronousOnlyOperation
from django.core.signals import setting_changed

from .. import conf, verbs
from ..core import clock
from ..core.faces import AWAITING, BLOCKING, Face, Hop, both
from ..core.keys import harmless
from ..core.operation import MISSING, UNSURE, Key, Operation, Record
from ..core.remedies import unable
from ..errors import Misconfigured, NotSupported
from ..layers import standard
from ..layers.base import Driver, Guesses
from ..layers.own import own_layers
from ..layers.tagindex import Book
from ..scopes import Port, Stack
from .asked import indexed, staleness
from .locking import Locks

T = TypeVar("T")

_stacks: dict[Any, Stack] = {}
# Re-entrant: building one alias may build the alias under it.
_lock = threading.RLock()


class Names:
    """Make the names under which one configured alias keeps its keys."""

    def __init__(self, cache: BaseCache) -> None:
        self.prefix: str = cache.key_prefix
        self.version: int = cache.version
        self.function: Callable[[str, str, int], str] = cache.key_func
        self.timeout: float | None = cache.default_timeout

    def made(self, key: str, version: int | None) -> str:
        """Return the full key, as Django's ``make_key`` does."""
        return self.function(key, self.prefix, self.version if version is None else version)

    @property
    def lead(self) -> str | None:
        """Return what every full key of this version begins with, or None if that is not fixed."""
        return f"{self.prefix}:{self.version}:" if self.function is default_key_func else None

    def expires(self, ttl: Any) -> float | None:
        """Return the moment (Unix seconds) at which a ttl given now runs out, or None."""
        if ttl is DEFAULT_TIMEOUT:
            ttl = self.timeout
        return None if ttl is None else clock.now() + ttl


class NamedDriver:
    """Hold what every driver of ours has, and find the method of a verb: ``do_<verb>``.

    ``lists`` says that it can tell what it holds, ``indexed`` that it was asked to tell which keys
    bear a tag. It has a ``book`` where that has to be noted beside the entries.
    ``along``: where tags' records are read along with a key, its straight line may do so.
    """

    shared = True
    claims = True
    silent = False
    orderly = False
    along = True
    hop: Hop | None = Hop.THREAD
    lists = False
    indexed = False
    book: Book | None = None
    locks: Locks | None = None

    def __init__(self, alias: str, sender: type, names: Names) -> None:
        self.alias = alias
        self.sender = sender
        self.names = names
        self.guesses: Guesses | None = None

    @property
    def instant(self) -> bool:
        """Tell whether it only touches memory."""
        return self.hop is Hop.NONE

    @property
    def version(self) -> int:
        """Return the alias's own version."""
        return self.names.version

    def keep_index(self) -> None:
        """Tell from now on which keys bear a tag, if the store can list what it holds."""
        self.indexed = self.lists

    def method(self, op: Operation) -> Any:
        """Return the method of a verb; one this store has none for is ``NotSupported``."""
        work = getattr(self, f"do_{op.verb}", None)
        if work is None:
            raise NotSupported(unable(f"alias {self.alias!r}", op.verb, op.name))
        return work


class SyncDriver(NamedDriver):
    """Carry out each verb by a blocking method ``do_<verb>``, in one hop for an awaiting face."""

    hop: Hop = Hop.THREAD

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation."""
        work = self.method(op)
        if self.hop is Hop.NONE:
            try:
                return work(op)
            except SynchronousOnlyOperation:
                # A queryset is evaluated when it is copied, and that asks the database.
                return await face.run(Hop.DJANGO, work, op)
        return await face.run(self.hop, work, op)


def stack_of(cache: "StoreCache", location: str, params: Mapping[str, Any]) -> Stack:
    """Return the one stack this process has for a configuration, made at its first use."""
    alias = conf.alias_of(type(cache), location, params)
    # A repr tells two configurations apart; keys it may hold stay in this dict.
    mark = (type(cache), alias, repr((location, params)))
    stack = _stacks.get(mark)
    if stack is None:
        with _lock:
            stack = _stacks.get(mark)
            if stack is None:
                stack = _stacks[mark] = _build(cache, alias)
    return stack


def _changed(*, setting: str, **_: Any) -> None:
    """Let every stack be built anew: what lies under it may be configured otherwise now."""
    if setting in ("CACHES", "CACHEKIT", "SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        renew()


def renew() -> None:
    """Let every stack be built anew at its next use, also for the backends this thread has."""
    _stacks.clear()
    for cache in caches.all(initialized_only=True):
        if isinstance(cache, StoreCache):
            cache.renew()


setting_changed.connect(_changed, dispatch_uid="cachekit.stacks")


def _build(cache: "StoreCache", alias: str) -> Stack:
    try:
        driver = cache.connect(alias)
    except OSError as error:
        raise Misconfigured(f"CACHES[{alias!r}] cannot be used: {error}") from error
    options = cache.options
    silent = options.get("SIGNALS") is False
    driver.silent = silent
    if indexed(alias, options) and isinstance(driver, NamedDriver):
        driver.keep_index()
    fresh_for = staleness(alias, options)
    if getattr(driver, "transactional", None) is not None:
        # What a transaction reads of itself may never be committed: no copy of it is good.
        fresh_for = 0
    if fresh_for and isinstance(driver, NamedDriver):
        driver.along = False  # the long way knows which records there are copies of
    given: dict[str, Any] = {"silent": silent, "strict": bool(options.get("RAISE"))}
    given |= {"staleness": fresh_for, "counted": conf.counts(alias)}
    layers = standard(alias, driver, **given, own=own_layers(alias, options))
    return Stack(alias, driver, layers)


class _CoatPort(Port):
    """Check keys as Django asks of a backend: a warning for those memcached would refuse."""

    __slots__ = ("cache", "roomy")

    def __init__(self, face: Face, cache: "StoreCache") -> None:
        super().__init__(face, lambda: cache.cachekit_stack)
        self.cache = cache
        lead = Names(cache).lead
        # Django would say nothing of a harmless key behind a harmless prefix this short.
        own = type(cache).validate_key is not BaseCache.validate_key
        self.roomy = lead is not None and len(lead) <= 60 and bool(harmless(lead)) and not own

    async def call(self, op: Operation) -> Any:
        for key in op.keys:
            if not (self.roomy and harmless(str(key))):
                self.cache.make_and_validate_key(key, op.version)
        return await super().call(op)


class StoreCache(BaseCache):
    """Be a plain Django cache whose verbs, blocking and awaited, run through the layers.

    Subclasses say how to ``connect``: once per process and configuration, never per object.
    """

    def __init__(self, location: str, params: Mapping[str, Any]) -> None:
        super().__init__(dict(params))
        self.location = location
        self.options: Mapping[str, Any] = params.get("OPTIONS") or {}
        self._params = params
        self._quick: Callable[..., Any] = self._first
        self._now = _CoatPort(BLOCKING, self)
        self._later = _CoatPort(AWAITING, self)

    @cached_property
    def cachekit_stack(self) -> Stack:
        """Return the stack, made at the first use: a misconfigured alias is then a clear error.

        Until then it is not, since Django makes every backend to check the settings, and a check
        that says what is wrong is of more use than a traceback in its place.
        """
        return stack_of(self, self.location, self._params)

    @cached_property
    def _instant(self) -> bool:
        return self.cachekit_driver.instant

    def __repr__(self) -> str:
        """Say which alias it is; never where it lies, which may hold a password."""
        alias = conf.alias_of(type(self), self.location, self._params)
        prefix = f", prefix {self.key_prefix!r}" if self.key_prefix else ""
        return f"<{type(self).__name__} {alias!r}{prefix}, version {self.version}>"

    def renew(self) -> None:
        """Have the stack made anew at the next use."""
        self._quick = self._first
        for name in ("cachekit_stack", "_instant"):
            vars(self).pop(name, None)

    def _first(self, key: Any, version: int | None, *more: Any) -> Any:
        self._quick = self.cachekit_stack.quick
        return self._quick(key, version, *more)

    @property
    def cachekit_driver(self) -> Driver:
        """Return the driver that the facade speaks to."""
        return self.cachekit_stack.driver

    def connect(self, alias: str) -> Driver:
        """Return the driver for this configuration."""
        raise NotImplementedError

    _get, _aget = both(verbs.get)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or ``default``; what bears no tags takes a straight line."""
        found = self._quick(key, version)
        if found is UNSURE:
            return self._get(key, default, version)
        return default if found is MISSING else found

    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or ``default``; what bears no tags takes a straight line."""
        found = self._quick(key, version, (), None) if self._instant else UNSURE
        if found is UNSURE:
            return await self._aget(key, default, version)
        return default if found is MISSING else found

    get_many, aget_many = both(verbs.get_many)
    has_key, ahas_key = both(verbs.has_key)
    set, aset = both(verbs.put_value)
    set_many, aset_many = both(verbs.set_many)
    add, aadd = both(verbs.add)
    touch, atouch = both(verbs.touch)
    delete, adelete = both(verbs.delete)
    delete_many, adelete_many = both(verbs.delete_many)
    incr, aincr = both(verbs.incr)
    decr, adecr = both(verbs.decr)
    get_or_set, aget_or_set = both(verbs.get_or_set)
    incr_version, aincr_version = both(verbs.incr_version)
    decr_version, adecr_version = both(verbs.decr_version)
    clear, aclear = both(verbs.clear)

    def __contains__(self, key: Any) -> bool:
        return bool(self.has_key(key))


def record_text(key: Key) -> str:
    """Return the text that stands for a record beside full keys, which never begin as it does."""
    return f"\0{key.kind}\0{key.name}" if isinstance(key, Record) else _escaped(key)


def _escaped(full: str) -> str:
    return "\0\0" + full if full.startswith("\0") else full
