"""Send the signals of work that is no verb (warmers, rotation, health): no layer sees it pass."""

from collections.abc import Sequence
from typing import Any

from django.dispatch import Signal

from .. import signals
from ..core.faces import BLOCKING, Face, run_now
from .base import Layer
from .events import Events


def tell_warmed(layers: Sequence[Layer], name: str, duration: float, error: str | None) -> None:
    """Send ``cache_warmed`` for one warmer, from the alias that has these layers."""
    _tell(layers, signals.cache_warmed, name=name, duration=duration, error=error)


def tell_rotated(layers: Sequence[Layer], count: int, duration: float) -> None:
    """Send ``key_rotated`` for the entries of one alias that were sealed anew."""
    _tell(layers, signals.key_rotated, count=count, duration=duration)


async def tell_health(
    face: Face, layers: Sequence[Layer], status: str, reason: str, before: str
) -> None:
    """Send ``health_changed`` for the alias that has these layers."""
    named = {"status": status, "reason": reason, "before": before}
    await _say(face, layers, signals.health_changed, **named)


def _tell(layers: Sequence[Layer], signal: Signal, **named: Any) -> None:
    run_now(_say(BLOCKING, layers, signal, **named))


async def _say(face: Face, layers: Sequence[Layer], signal: Signal, **named: Any) -> None:
    """Send it as the alias's events layer would: not at all where that one was left out."""
    for layer in layers:
        if isinstance(layer, Events) and signal.receivers:
            await face.send(signal, layer.sender, store=layer.store, **named)
