"""What became of the reads in a scope of tags, counted by this process.

Reads without a scope are not counted: a miss of theirs belongs to no tag, and they cost nothing.
"""

from typing import Any, NamedTuple

from ..core import clock
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import Face
from ..core.operation import Operation
from .base import Proceed

TAGS = 10_000
"""Of how many tags one process keeps counts, per alias; the least recently used goes first."""


class Counts(NamedTuple):
    """Hold the counts of one tag; ``last_flush`` is a Unix time, or None."""

    hits: int = 0
    misses: int = 0
    flushes: int = 0
    last_flush: float | None = None


NONE = Counts()


class TagStats:
    """Count hits, misses and flushes by tag.

    No lock is taken: of two threads in the very same step one may not be counted.
    """

    def __init__(self) -> None:
        self._counts: Bounded[str, Counts] = Bounded(TAGS)

    def idle(self, op: Operation) -> bool:
        """Tell whether there is nothing to count."""
        return op.quiet or not op.tags or (op.verb != "read" and op.verb != "flush")

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        result = await proceed(face, op)
        if op.verb == "flush":
            self._flushed(op.tags)
        else:
            hits = sum(key in result.values and not _over(result.values[key]) for key in op.keys)
            self.read(op.tags, hits, len(op.keys) - hits)
        return result

    def of(self, tag: str) -> Counts:
        """Return the counts of a tag."""
        return self._counts.get(tag) or NONE

    def read(self, tags: tuple[str, ...], hits: int, misses: int) -> None:
        """Count a read in the scope of ``tags``."""
        for tag in tags:
            old = self.of(tag)
            self._counts.put(tag, old._replace(hits=old.hits + hits, misses=old.misses + misses))

    def _flushed(self, tags: tuple[str, ...]) -> None:
        for tag in tags:
            old = self.of(tag)
            fresh = old._replace(flushes=old.flushes + 1, last_flush=clock.now())
            self._counts.put(tag, fresh)


def _over(value: Any) -> bool:
    return type(value) is Entry and value.over
