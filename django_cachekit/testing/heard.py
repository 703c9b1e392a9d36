"""What signals say while somebody writes it down."""

from collections.abc import Iterator
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


@contextmanager
def listening() -> Iterator[Heard]:
    """Listen to every signal of a call on keys."""
    heard = Heard()
    receivers = {name: heard.listener(name) for name in NAMES}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        yield heard
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)
