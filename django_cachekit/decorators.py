"""``@cached``: a function whose results are remembered."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .facade import cache
from .flows.functions import Decorator
from .flows.options import Given

if TYPE_CHECKING:
    from typing_extensions import Unpack


def cached(
    ttl: Any,
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
