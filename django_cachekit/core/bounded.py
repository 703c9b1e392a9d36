"""A map that cannot grow without end: the least recently used entry makes room."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """Keep at most ``entries`` pairs, safe between threads; keys over ``longest`` are not kept.

    With keys and values of bounded size, the number of entries bounds the bytes too.
    """

    def __init__(self, entries: int, longest: int = 512) -> None:
        self.entries = entries
        self.longest = longest
        self._pairs: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._pairs)

    def get(self, key: K) -> V | None:
        """Return what is kept for ``key``, or None; it counts as used."""
        value = self._pairs.get(key)
        if value is not None:
            with self._lock:
                if key in self._pairs:
                    self._pairs.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep ``value``, dropping the least recently used pair at the bound."""
        if isinstance(key, str) and len(key) > self.longest:
            return
        with self._lock:
            self._pairs[key] = value
            self._pairs.move_to_end(key)
            if len(self._pairs) > self.entries:
                self._pairs.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forget ``key`` if it is kept."""
        with self._lock:
            self._pairs.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._pairs.clear()
