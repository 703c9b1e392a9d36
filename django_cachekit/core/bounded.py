"""A map that cannot grow without end: the least recently used entry makes room."""

from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Keep at most ``entries`` pairs; who puts them in bounds what each of them takes.

    Each step is one operation of an OrderedDict, so threads need no lock, and a fork leaves none
    taken.
    """

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self._pairs: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._pairs)

    def get(self, key: K) -> V | None:
        """Return what is kept for ``key``, or None; it counts as used."""
        value = self._pairs.get(key)
        if value is not None:
            # A suppress() would take longer than the rest, and every read comes by here.
            try:
                self._pairs.move_to_end(key)
            except KeyError:
                pass  # another thread dropped it a moment ago
        return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value``, dropping the least recently used pair at the bound."""
        self._pairs[key] = value
        while len(self._pairs) > self.entries:
            with suppress(KeyError):  # another thread made the room
                self._pairs.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget ``key`` if it is kept."""
        self._pairs.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._pairs.clear()
