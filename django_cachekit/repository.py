"""The table of verbs: one line gives both faces of a flow.

A ``Repository`` is one alias; ``tags(...)`` and ``memo()`` give the same alias in another scope.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from django.core.exceptions import ImproperlyConfigured

from . import conf, verbs
from .core.bounded import Bounded
from .core.faces import AWAITING, BLOCKING, both, faced, run_now
from .core.operation import MISSING, UNSURE
from .core.ttl import TTLOrFunction
from .flows import aging, compute, compute_many, exchange, invalidation, locks, tagged, values
from .flows import statistics as counted
from .flows.functions import Decorator
from .flows.funnels import Funnel
from .flows.grips import Duration
from .flows.locks import Lock
from .flows.options import Given
from .layers.ground import backend_of
from .layers.pending import BUSY
from .scopes import Port, Stack, tag_names
from .scopes import namespace as spaced

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from .signatures import Signatures
else:
    Signatures = object

T = TypeVar("T")


class Home(Protocol):
    """Be where a repository finds the stack of its alias, as it is configured now."""

    @property
    def alias(self) -> str:
        """Return the alias's name."""

    @property
    def ready(self) -> Stack | None:
        """Return the alias's stack, or None if it has to be built."""

    def stack(self) -> Stack:
        """Return the alias's stack."""

    def memoised(self) -> Stack:
        """Return the alias's stack with a memory for reads."""


class Stores(Protocol):
    """Be who knows the other repositories."""

    def store(self, alias: str | None = None) -> "Repository":
        """Return the repository of an alias."""


SCOPES = 100
"""How many scopes of tags a repository keeps: making one takes longer than a read from memory."""


@faced
class Repository(Signatures):
    """Be one cache alias: Django's cache object and more.

    Every verb that does I/O has a coroutine twin with an ``a`` before its name. Keys are text (or
    Enum members); a ttl is None (for ever), seconds, a timedelta or a datetime.
    """

    def __init__(
        self,
        home: Home,
        stores: Stores,
        tags: tuple[str, ...] = (),
        *,
        memo: bool = False,
        space: str = "",
    ) -> None:
        self._home = home
        self._stores = stores
        self._tags = tags
        self._memo = memo
        self._twin: Self | None = None  # with a memory
        stack = home.memoised if memo else home.stack
        self._scopes: Bounded[Any, TaggedRepository] = Bounded(SCOPES)
        self._bare = not (memo or tags or space)
        self._now = Port(BLOCKING, stack, tags, space)
        self._later = Port(AWAITING, stack, tags, space)

    def __repr__(self) -> str:
        """Say which alias and tags these are, and whose class; nothing is made ready for that."""
        apart = ", namespace=True" if self._now.space else ""
        scope = f".tags({', '.join(map(repr, self._tags))}{apart})" if self._tags else ""
        memo = ".memo()" if self._memo else ""
        try:
            alias = self._home.alias
        except ImproperlyConfigured:  # a shell without settings
            return f"<cache{scope}{memo}, without settings>"
        return f"<cache {alias!r}{scope}{memo} ({conf.kind_of(alias)})>"

    # Scopes

    @property
    def alias(self) -> str:
        """Return the alias's name in ``CACHES``."""
        return self._home.alias

    def store(self, alias: str | None = None) -> "Repository":
        """Return the repository of another alias; an unknown one is InvalidCacheBackendError."""
        return self._stores.store(alias)

    def tags(self, *names: Any, namespace: bool = False) -> "TaggedRepository":
        """Return this alias with every entry written bearing ``names``, and read only if it does.

        Lists may be given, and calls nest: ``tags("a").tags("b")`` is a and b. With ``namespace``
        (which nesting keeps) keys are the tags' own: the same key elsewhere is another entry.
        """
        scope = self._scopes.get((names, namespace)) if _short(names) else None
        if scope is None:
            scope = self._scope(tag_names((self._tags, names)), namespace)
            if _short(names):
                self._scopes.put((names, namespace), scope)
        return scope

    def _scope(self, tags: tuple[str, ...], namespace: bool) -> "TaggedRepository":
        if not tags:
            raise ValueError("tags() needs at least one tag.")
        space = spaced(tags) if namespace or self._now.space else ""
        return TaggedRepository(self._home, self._stores, tags, memo=self._memo, space=space)

    def memo(self) -> "Self":
        """Return this alias with a memory: what this request or task read is not read again.

        A value read twice is the same object twice.
        """
        twin = self if self._memo else self._twin
        if twin is None:
            space = self._now.space
            twin = type(self)(self._home, self._stores, self._tags, memo=True, space=space)
            self._twin = twin
        return twin

    # Reading

    if not TYPE_CHECKING:  # see signatures
        _get, _aget = both(values.get)

        def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
            """Return the value, or ``default``; a default that can be called is called."""
            if self._bare and not BUSY:  # what the port does then, by two calls less
                found = (self._home.ready or self._home.stack()).quick(key, version)
            else:
                found = self._now.quick(key, version)
            if found is UNSURE:
                return self._get(key, default, version)
            if found is MISSING:
                return default() if callable(default) else default
            return found

        async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
            """Return the value, or ``default``; a default that can be called is called."""
            found = self._later.quick(key, version)
            if found is UNSURE:
                return await self._aget(key, default, version)
            if found is MISSING:
                return await AWAITING.user(default) if callable(default) else default
            return found

        many, amany = both(values.many)
        pull, apull = both(values.pull)
        string, astring = both(values.string)
        integer, ainteger = both(values.integer)
        float, afloat = both(values.float_)
        boolean, aboolean = both(values.boolean)
        array, aarray = both(values.array)

    has, ahas = both(values.has)
    missing, amissing = both(values.missing)
    ttl, attl = both(values.ttl)
    stats, astats = both(counted.stats)

    # Writing

    put, aput = both(values.put)
    forever, aforever = both(values.forever)
    put_many, aput_many = both(values.put_many)
    increment, aincrement = both(values.increment)
    decrement, adecrement = both(values.decrement)
    touch, atouch = both(values.touch)
    forget, aforget = both(values.forget)
    forget_many, aforget_many = both(values.forget_many)
    forget_pattern, aforget_pattern = both(values.forget_pattern)
    flush, aflush = both(values.flush)
    prune, aprune = both(values.prune)

    # Django's own

    get_many, aget_many = both(verbs.get_many)
    has_key, ahas_key = both(verbs.has_key)
    set, aset = both(verbs.put_value)
    set_many, aset_many = both(verbs.set_many)
    add, aadd = both(verbs.add)
    delete, adelete = both(verbs.delete)
    delete_many, adelete_many = both(verbs.delete_many)
    incr, aincr = both(verbs.incr)
    decr, adecr = both(verbs.decr)
    incr_version, aincr_version = both(verbs.incr_version)
    decr_version, adecr_version = both(verbs.decr_version)
    clear, aclear = both(verbs.clear)

    def keys(self, glob: str = "*") -> Iterator[str]:
        """Iterate over the keys that match; NotSupported where the store cannot list its keys."""
        return iter(run_now(values.listing(self._now, glob)))

    async def akeys(self, glob: str = "*") -> AsyncIterator[str]:
        """Iterate over the keys that match, as ``keys`` does."""
        for key in await values.listing(self._later, glob):
            yield key

    def close(self, **kwargs: Any) -> None:
        """Close the backend's connections, as Django does at the end of a request."""
        backend_of(self.alias).close(**kwargs)

    async def aclose(self, **kwargs: Any) -> None:
        """Close the backend's connections, as Django does at the end of a request."""
        await AWAITING.verb(backend_of(self.alias), "close", **kwargs)

    def __contains__(self, key: Any) -> bool:
        return self.has(key)

    # Computing

    if not TYPE_CHECKING:  # see signatures
        remember, aremember = both(aging.remember)
        remember_forever, aremember_forever = both(aging.remember_forever)
        sear, asear = remember_forever, aremember_forever
        flexible, aflexible = both(aging.flexible)
        refresh, arefresh = both(aging.refresh)
        remember_many, aremember_many = both(compute_many.remember_many)
        get_or_set, aget_or_set = both(compute.get_or_set)
        cas, acas = both(exchange.cas)

    def cached(
        self,
        ttl: TTLOrFunction,
        *,
        key: str | Callable[..., str] | None = None,
        tags: Iterable[Any] | Callable[..., Iterable[Any]] = (),
        **options: "Unpack[Given]",
    ) -> Decorator:
        """Return a decorator that remembers a function's results here; see ``cached``."""
        return Decorator(lambda: self, ttl, key, tags, options)

    # Locks

    def lock(
        self,
        name: Any,
        ttl: Duration,
        owner: str | None = None,
        *,
        auto_refresh: bool = False,
        max_hold: Duration | None = None,
    ) -> Lock:
        """Return the lock of that name, not yet taken; once it is, it lasts for ``ttl`` at most.

        ``owner`` is what proves whose it is, 16 random bytes unless given. ``auto_refresh`` keeps
        it alive while the thread or task that took it lives, for ``max_hold`` seconds at most.
        Locks are none of the alias's entries: no flush and no key reaches them. Taking one is
        NotSupported where the store cannot do it rightly.
        """
        given: Any = {"auto_refresh": auto_refresh, "max_hold": max_hold}
        return locks.lock(self._now, self._later, name, ttl, owner, **given)

    def restore_lock(self, name: Any, owner: str) -> Lock:
        """Return a lock that another process took, for its owner to refresh or give back here."""
        return locks.restored(self._now, self._later, name, owner)

    def funnel(self, name: Any, limit: int = 3, ttl: Duration = 60) -> Funnel:
        """Return what lets ``limit`` callers in at a time, each for ``ttl`` at most."""
        return Funnel(self._now, self._later, name, limit, ttl)

    def without_overlapping(
        self,
        name: Any,
        callback: Callable[[], T],
        *,
        lock_for: Duration = 300,
        wait_for: Duration = 10,
    ) -> T:
        """Return what ``callback`` does while no other of that name runs; LockTimeout if one did.

        It waits for ``wait_for`` seconds at most, and may take ``lock_for``: a lock that ended
        before is LockLost.
        """
        return self.lock(name, lock_for).block(wait_for, callback)

    @overload
    async def awithout_overlapping(
        self,
        name: Any,
        callback: Callable[[], Awaitable[T]],
        *,
        lock_for: Duration = 300,
        wait_for: Duration = 10,
    ) -> T: ...
    @overload
    async def awithout_overlapping(
        self,
        name: Any,
        callback: Callable[[], T],
        *,
        lock_for: Duration = 300,
        wait_for: Duration = 10,
    ) -> T: ...
    async def awithout_overlapping(
        self, name: Any, callback: Any, *, lock_for: Duration = 300, wait_for: Duration = 10
    ) -> Any:
        """Return what ``callback`` does while no other of that name runs; see its twin."""
        return await self.lock(name, lock_for).ablock(wait_for, callback)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return what only the backend has (``key_prefix``, ``make_key``, extras)."""
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(backend_of(self.alias), name)


@faced
class TaggedRepository(Repository):
    """Be one alias in the scope of some tags; ``flush`` takes the tagged entries away.

    In a namespace the same key under other tags is another entry; the plain key does not read it.
    """

    flush, aflush = both(invalidation.flush_tags)  # type: ignore[assignment]  # of the tags only
    expire, aexpire = both(invalidation.expire_tags)
    clear, aclear = flush, aflush

    # What bears the tags, where the alias keeps an index: OPTIONS {"TAG_INDEX": True}

    count, acount = both(tagged.count)
    stats, astats = both(tagged.stats)

    def items(self, glob: str = "*") -> Iterator[tuple[str, Any]]:
        """Iterate over key and value of the live entries that bear every tag, and match."""
        return tagged.each(self._now, run_now(tagged.candidates(self._now, glob)))

    async def aitems(self, glob: str = "*") -> AsyncIterator[tuple[str, Any]]:
        """Iterate over key and value of the live entries that bear every tag, and match."""
        async for pair in tagged.aeach(self._later, await tagged.candidates(self._later, glob)):
            yield pair

    def keys(self, glob: str = "*") -> Iterator[str]:
        """Iterate over the keys of the live entries that bear every tag, and match."""
        return (key for key, _ in self.items(glob))

    async def akeys(self, glob: str = "*") -> AsyncIterator[str]:
        """Iterate over the keys of the live entries that bear every tag, and match."""
        async for key, _ in self.aitems(glob):
            yield key


def _short(names: tuple[Any, ...]) -> bool:
    """Tell whether tags are plain text, and little enough of it that a number bounds them."""
    return all(type(name) is str and len(name) <= 100 for name in names) and len(names) <= 10
