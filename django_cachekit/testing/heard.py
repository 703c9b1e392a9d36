"""What signals say while somebody writes it down."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from .. import signals

NAMES = (
    "retrieving_key",
    "retrieving_many_keys",
    "cache_hit",
    "cache_missed",
    "writing_key",
    "writing_many_keys",
    "key_written",
    "key_write_failed",
    "forgetting_key",
    "key_forgotten",
    "key_forget_failed",
    "key_touched",
    "key_incremented",
    "cache_flushing",
    "cache_flushed",
    "cache_flush_failed",
    "tags_flushed",
)
OF_LOCKS = ("lock_acquired", "lock_released", "lock_refreshed", "lock_lost", "lock_timed_out")


class Heard:
    """Write down every signal, in order."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def listener(self, name: str) -> Any:
        """Return a receiver that writes down what is said under this name."""

        def hear(*, signal: Any, sender: Any, **named: Any) -> None:
            self.said.append((name, {**named, "sender": sender}))

        return hear

    def story(self) -> list[tuple[Any, ...]]:
        """Return what was said since last asked: names, with the key or keys."""
        told = [(name, named.get("keys", named.get("key"))) for name, named in self.said]
        self.said.clear()
        return [entry if entry[1] is not None else entry[:1] for entry in told]

    def names(self) -> list[str]:
        """Return the names of what was said since last asked."""
        told = [name for name, _ in self.said]
        self.said.clear()
        return told


@contextmanager
def listening(names: Iterable[str] = NAMES) -> Iterator[Heard]:
    """Listen to signals: unless told otherwise, every one of a call on keys."""
    heard = Heard()
    receivers = {name: heard.listener(name) for name in names}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        yield heard
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
