"""Copies of tags' records in this process, good for ``TAG_STALENESS`` seconds.

A flush of this process's own drops them when it has written; what was read before that is not kept,
so that a process never reads past its own flush.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core import clock
from ..core.bounded import Bounded
from ..core.faces import after_fork
from ..core.operation import Record

RECORDS = 10_000
"""How many records one process keeps a copy of, per alias."""


class _Guard:
    """Hold the lock under which copies are kept and dropped, in one step each."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_guard = _Guard()
after_fork(_guard.__init__)  # type: ignore[misc]  # a child may have inherited it taken


class Copies:
    """Hold records with the time (monotonic seconds) at which they were asked for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.turn = object()
        self._held: Bounded[Record, tuple[float, Any]] = Bounded(RECORDS)

    def young(self, records: Iterable[Record]) -> dict[Record, Any]:
        """Return those of ``records`` whose copy is good."""
        if not self.seconds:
            return {}
        oldest = clock.monotonic() - self.seconds
        pairs = ((record, self._held.get(record)) for record in records)
        return {record: held[1] for record, held in pairs if held and held[0] >= oldest}

    def began(self) -> tuple[object, float]:
        """Return what ``keep`` has to know of the moment before a read."""
        return self.turn, clock.monotonic()

    def keep(self, began: tuple[object, float], found: Mapping[Any, Any]) -> None:
        """Keep the records among what was found, unless this process flushed since."""
        if not self.seconds:
            return
        turn, when = began
        records = [(key, value) for key, value in found.items() if isinstance(key, Record)]
        with _guard.lock:
            if turn is self.turn:
                for record, value in records:
                    self._held.put(record, (when, value))

    @contextmanager
    def flushing(self, records: Iterable[Record]) -> Iterator[None]:
        """Hold no copies of ``records`` once they are changed, or may be."""
        try:
            yield
        finally:
            if self.seconds:
                with _guard.lock:
                    self.turn = object()  # no number, which could come again
                    for record in records:
                        self._held.drop(record)
