"""Hear every signal of the cache for a while: what this request, and no other, had it do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.dispatch import Signal

from django_cachekit import signals

NAMES = {signal: name for name, signal in vars(signals).items() if isinstance(signal, Signal)}
QUIET = "memory"  # the store in which the tour keeps what it shows

_listeners: ContextVar[tuple[list[dict[str, Any]], ...]] = ContextVar("listeners", default=())


@contextmanager
def hearing() -> Iterator[list[dict[str, Any]]]:
    """Give a list that fills with what is told meanwhile, by threads started inside too."""
    told: list[dict[str, Any]] = []
    token = _listeners.set((*_listeners.get(), told))

    def note(signal: Signal, **facts: Any) -> None:
        if facts["store"] != QUIET and any(told is one for one in _listeners.get()):
            told.append(_line(NAMES[signal], facts))

    for signal in NAMES:
        signal.connect(note)
    try:
        yield told
    finally:
        for signal in NAMES:
            signal.disconnect(note)
        _listeners.reset(token)


def _line(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    about = facts.get("key") or facts.get("name") or ", ".join(facts.get("keys") or ())
    took = facts.get("duration")
    return {
        "signal": name,
        "about": str(about),
        "tags": [str(tag) for tag in facts.get("tags") or ()],
        "ms": None if took is None else took * 1000,
    }
