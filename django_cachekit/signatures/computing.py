"""How the verbs are typed that compute: by what ``make`` takes, and whether it is awaited."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ..core.ttl import KEEP, TTL, Kept, TTLOrFunction
from ..flows.compute import Draft
from ..flows.options import Given

if TYPE_CHECKING:
    from typing_extensions import Unpack

K = TypeVar("K")
T = TypeVar("T")


class Computing:
    """Be the verbs that compute, as a checker sees them: a key's value is of what ``make`` gives.

    A checker gives the parameter of a lambda its type only where it need not choose, so whether
    ``make`` takes the entry is a matter of overloads.
    """

    @overload
    def remember(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    def remember(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    def remember(self, key: Any, ttl: TTLOrFunction, make: Any, **options: "Unpack[Given]") -> Any:
        """Return the cached value, or what ``make`` gives, stored for ``ttl``; one caller computes.

        ``early``: the chance of computing anew before the end (1.0 is usual). ``jitter``:
        the part of its ttl that a value may lose. ``stale_if_error``, ``soft_timeout``:
        for how many seconds the old value serves where ``make`` fails, and after how many
        where it takes long. ``negative_ttl``: how long a None lives. ``on_error``:
        ``"share"`` an error with those who wait, or let them ``"retry"``.
        """

    @overload
    async def aremember(
        self,
        key: Any,
        ttl: TTLOrFunction,
        make: Callable[[], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def aremember(
        self,
        key: Any,
        ttl: TTLOrFunction,
        make: Callable[[Draft], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def aremember(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def aremember(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    async def aremember(
        self, key: Any, ttl: TTLOrFunction, make: Any, **options: "Unpack[Given]"
    ) -> Any:
        """Return the cached value, or what ``make`` gives, stored for ``ttl``; one caller computes.

        ``early``: the chance of computing anew before the end (1.0 is usual). ``jitter``:
        the part of its ttl that a value may lose. ``stale_if_error``, ``soft_timeout``:
        for how many seconds the old value serves where ``make`` fails, and after how many
        where it takes long. ``negative_ttl``: how long a None lives. ``on_error``:
        ``"share"`` an error with those who wait, or let them ``"retry"``.
        """

    @overload
    def remember_forever(
        self, key: Any, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    def remember_forever(
        self, key: Any, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    def remember_forever(self, key: Any, make: Any, **options: "Unpack[Given]") -> Any:
        """Return the cached value, or what ``make`` gives, stored for ever; one caller computes."""

    @overload
    async def aremember_forever(
        self, key: Any, make: Callable[[], Awaitable[T]], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def aremember_forever(
        self, key: Any, make: Callable[[Draft], Awaitable[T]], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def aremember_forever(
        self, key: Any, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def aremember_forever(
        self, key: Any, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    async def aremember_forever(self, key: Any, make: Any, **options: "Unpack[Given]") -> Any:
        """Return the cached value, or what ``make`` gives, stored for ever; one caller computes."""

    sear, asear = remember_forever, aremember_forever

    @overload
    def flexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    def flexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    def flexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Any, **options: "Unpack[Given]"
    ) -> Any:
        """Return the value, and have it computed anew behind the caller once it is stale.

        ``ttl`` is ``(fresh, stale)``, counted from when it was computed: younger than ``fresh`` it
        is served as it is; until ``stale`` it is served at once, while one caller in the fleet
        computes it anew; older or absent, it is as in ``remember``.
        """

    @overload
    async def aflexible(
        self,
        key: Any,
        ttl: tuple[TTL, TTL],
        make: Callable[[], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def aflexible(
        self,
        key: Any,
        ttl: tuple[TTL, TTL],
        make: Callable[[Draft], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def aflexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def aflexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    async def aflexible(
        self, key: Any, ttl: tuple[TTL, TTL], make: Any, **options: "Unpack[Given]"
    ) -> Any:
        """Return the value, and have it computed anew behind the caller once it is stale.

        ``ttl`` is ``(fresh, stale)``, counted from when it was computed: younger than ``fresh`` it
        is served as it is; until ``stale`` it is served at once, while one caller in the fleet
        computes it anew; older or absent, it is as in ``remember``.
        """

    @overload
    def refresh(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    def refresh(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    def refresh(self, key: Any, ttl: TTLOrFunction, make: Any, **options: "Unpack[Given]") -> Any:
        """Compute the value anew and store it, whatever is cached; that is read meanwhile."""

    @overload
    async def arefresh(
        self,
        key: Any,
        ttl: TTLOrFunction,
        make: Callable[[], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def arefresh(
        self,
        key: Any,
        ttl: TTLOrFunction,
        make: Callable[[Draft], Awaitable[T]],
        **options: "Unpack[Given]",
    ) -> T: ...
    @overload
    async def arefresh(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[], T], **options: "Unpack[Given]"
    ) -> T: ...
    @overload
    async def arefresh(
        self, key: Any, ttl: TTLOrFunction, make: Callable[[Draft], T], **options: "Unpack[Given]"
    ) -> T: ...
    async def arefresh(
        self, key: Any, ttl: TTLOrFunction, make: Any, **options: "Unpack[Given]"
    ) -> Any:
        """Compute the value anew and store it, whatever is cached; that is read meanwhile."""

    def remember_many(
        self, keys: Iterable[K], ttl: TTL, make_many: Callable[[list[K]], Mapping[K, T]]
    ) -> dict[K, T]:
        """Return a dict of ``keys``: one read, one ``make_many(missing) -> dict``, one write.

        A key that ``make_many`` leaves out is not cached and is not in the result.
        """
        raise NotImplementedError

    @overload
    async def aremember_many(
        self, keys: Iterable[K], ttl: TTL, make_many: Callable[[list[K]], Awaitable[Mapping[K, T]]]
    ) -> dict[K, T]: ...
    @overload
    async def aremember_many(
        self, keys: Iterable[K], ttl: TTL, make_many: Callable[[list[K]], Mapping[K, T]]
    ) -> dict[K, T]: ...
    async def aremember_many(self, keys: Any, ttl: TTL, make_many: Any) -> Any:
        """Return a dict of ``keys``: one read, one ``make_many(missing) -> dict``, one write.

        A key that ``make_many`` leaves out is not cached and is not in the result.
        """

    @overload
    def get_or_set(
        self,
        key: Any,
        default: Callable[[], T],
        timeout: TTL = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> T: ...
    @overload
    def get_or_set(
        self, key: Any, default: T, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
    ) -> T: ...
    def get_or_set(
        self, key: Any, default: Any, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
    ) -> Any:
        """Return the value, or ``default`` (called if it can be), stored; one caller computes.

        What another has set meanwhile stays, and is returned, as with Django.
        """

    @overload
    async def aget_or_set(
        self,
        key: Any,
        default: Callable[[], Awaitable[T]],
        timeout: TTL = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> T: ...
    @overload
    async def aget_or_set(
        self,
        key: Any,
        default: Callable[[], T],
        timeout: TTL = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> T: ...
    @overload
    async def aget_or_set(
        self, key: Any, default: T, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
    ) -> T: ...
    async def aget_or_set(
        self, key: Any, default: Any, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
    ) -> Any:
        """Return the value, or ``default`` (called if it can be), stored; one caller computes.

        What another has set meanwhile stays, and is returned, as with Django.
        """

    def cas(
        self, key: Any, change: Callable[[Any], T], *, default: Any = None, ttl: TTL | Kept = KEEP
    ) -> T:
        """Put ``change(value)`` in the value's place, unless another came between: then anew.

        ``change`` is given the default (called, if it can be) where there is no value, and may be
        called several times; if it raises, all stays as it was. Returns the new value.
        """
        raise NotImplementedError

    @overload
    async def acas(
        self,
        key: Any,
        change: Callable[[Any], Awaitable[T]],
        *,
        default: Any = None,
        ttl: TTL | Kept = KEEP,
    ) -> T: ...
    @overload
    async def acas(
        self, key: Any, change: Callable[[Any], T], *, default: Any = None, ttl: TTL | Kept = KEEP
    ) -> T: ...
    async def acas(
        self, key: Any, change: Any, *, default: Any = None, ttl: TTL | Kept = KEEP
    ) -> Any:
        """Put ``change(value)`` in the value's place, unless another came between: then anew.

        ``change`` is given the default (called, if it can be) where there is no value, and may be
        called several times; if it raises, all stays as it was. Returns the new value.
        """
