"""Copies of tags' records in this process, good for ``TAG_STALENESS`` seconds.

A flush of this process's own drops them when it has written; what was read before that is not kept,
so that a process never reads past its own flush.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core import clock
from ..core.bounded import Bounded
from ..core.operation import Record

RECORDS = 10_000
"""How many records one process keeps a copy of, per alias."""


class Copies:
    """Hold records with the time (monotonic seconds) at which they were asked for."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.turn = 0
        self._held: Bounded[Record, tuple[float, Any]] = Bounded(RECORDS)

    def young(self, records: Iterable[Record]) -> dict[Record, Any]:
        """Return those of ``records`` whose copy is good."""
        if not self.seconds:
            return {}
        oldest = clock.monotonic() - self.seconds
        pairs = ((record, self._held.get(record)) for record in records)
        return {record: held[1] for record, held in pairs if held and held[0] >= oldest}

    def began(self) -> tuple[int, float]:
        """Return what ``keep`` has to know of the moment before a read."""
        return self.turn, clock.monotonic()

    def keep(self, began: tuple[int, float], found: Mapping[Any, Any]) -> None:
        """Keep the records among what was found, unless this process flushed since."""
        turn, when = began
        if not self.seconds or turn != self.turn:
            return
        for key, value in found.items():
            if isinstance(key, Record):
                self._held.put(key, (when, value))
        if turn != self.turn:
            self._held.clear()  # a flush came between: it may have dropped them just before

    @contextmanager
    def flushing(self, records: Iterable[Record]) -> Iterator[None]:
        """Hold no copies of ``records`` once they are changed, or may be."""
        try:
            yield
        finally:
            self.turn += 1
            for record in records:
                self._held.drop(record)
