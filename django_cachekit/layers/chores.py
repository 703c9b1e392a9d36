"""Send the signals of work that commands do: what ended is no verb, so no layer sees it pass."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from django.dispatch import Signal

from .. import signals
from ..core.faces import BLOCKING, run_now
from .base import Layer
from .events import Events

T = TypeVar("T")


def tell_warmed(layers: Sequence[Layer], name: str, duration: float, error: str | None) -> None:
    """Send ``cache_warmed`` for one warmer, from the alias that has these layers."""
    _tell(layers, signals.cache_warmed, name=name, duration=duration, error=error)


def tell_rotated(layers: Sequence[Layer], count: int, duration: float) -> None:
    """Send ``key_rotated`` for the entries of one alias that were sealed anew."""
    _tell(layers, signals.key_rotated, count=count, duration=duration)


def _tell(layers: Sequence[Layer], signal: Signal, **named: Any) -> None:
    """Send it as the alias's events layer would: not at all where that one was left out."""
    for layer in layers:
        if isinstance(layer, Events) and signal.receivers:
            run_now(BLOCKING.send(signal, layer.sender, store=layer.store, **named))


def finish(work: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function to its end, from code that awaits nothing, and return its result.

    Django's signals know how: an async receiver of a blocking ``send`` is run in an event loop of
    its own, and what it hands to ``sync_to_async`` comes back to the calling thread, where the
    database connections are.
    """

    async def receiver(**_: Any) -> T:
        return await work()

    once = Signal()
    once.connect(receiver, weak=False)
    ((_, result),) = once.send(None)
    return cast(T, result)
