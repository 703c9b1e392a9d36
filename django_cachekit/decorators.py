"""``@cached``: a function whose results are remembered."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .core.ttl import TTLOrFunction
from .facade import cache
from .flows.functions import Decorator
from .flows.grips import Duration
from .flows.options import Given
from .flows.synchronized import Synchronized

if TYPE_CHECKING:
    from typing_extensions import Unpack


def cached(
    ttl: TTLOrFunction,
    *,
    key: str | Callable[..., str] | None = None,
    tags: Iterable[Any] | Callable[..., Iterable[Any]] = (),
    store: str | None = None,
    **options: "Unpack[Given]",
) -> Decorator:
    """Remember what a function (or coroutine function) returns, for each set of arguments.

    ``key`` and ``tags`` may hold ``{argument}`` fields, or be functions of the arguments; without
    a ``key`` one is made of the function's name and its arguments, which must then be plain values
    or model instances (else TypeError). The function gains ``forget``, ``refresh``, ``key`` (each
    takes the arguments) and ``uncached``. ``options`` are those of ``remember``.
    """
    return Decorator(lambda: cache.store(store), ttl, key, tags, options)


def synchronized(
    name: str | Callable[..., str] | None = None,
    *,
    ttl: Duration,
    wait_for: Duration = 10,
    auto_refresh: bool = False,
    max_hold: Duration | None = None,
    store: str | None = None,
) -> Synchronized:
    """Let a function (or coroutine function) run once at a time, in all processes.

    ``name`` is the lock's: it may hold ``{argument}`` fields or be a function of the arguments;
    without one it is the function's. A call waits for ``wait_for`` seconds at most, then it is a
    LockTimeout; one that took longer than ``ttl`` is LockLost at its end, unless ``auto_refresh``
    kept the lock, for ``max_hold`` at most.
    """
    given = {"auto_refresh": auto_refresh, "max_hold": max_hold}
    return Synchronized(lambda: cache.store(store), name, ttl, wait_for, given)
