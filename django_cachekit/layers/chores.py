"""Send the signals of work that commands do: what ended is no verb, so no layer sees it pass."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import Signal

from .. import signals
from ..core.faces import BLOCKING, run_now
from .base import Layer
from .events import Events


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
