"""What this process did with an alias, counted: only where ``STATS`` asks for it.

It stands inside ``policy``, so that it sees what the store answered: one that could not be reached
is an error, and no miss. Reads that a memo answers do not come by here.
"""

import weakref
from collections import deque
from collections.abc import Callable
from itertools import count, islice
from typing import Any

from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face, after_fork
from ..core.operation import MISSING, UNSURE, Operation
from ..errors import StoreUnavailable
from .base import Proceed

NAMES = (
    "hits",
    "misses",
    "writes",
    "forgets",
    "counts",
    "flushes",
    "computations",
    "waits",
    "errors",
)
"""What is counted."""


class Tally:
    """Be a number that threads add to without a lock: each step is one call of a function in C."""

    __slots__ = ("_before", "steps")

    def __init__(self) -> None:
        self.steps = count()
        self._before = 0

    def add(self, number: int) -> None:
        """Add a number, which may be 0."""
        if number == 1:
            next(self.steps)
        else:
            deque(islice(self.steps, number), maxlen=0)

    @property
    def value(self) -> int:
        """Return how much was added."""
        # Its repr is the only way to look at a count that does not move it.
        return int(repr(self.steps)[len("count(") : -1]) - self._before

    def begin(self) -> None:
        """Count from 0 on; whoever adds to it goes on doing so."""
        self._before += self.value


class Stats:
    """Count what a store answered, and what was computed; one per alias and process."""

    def __init__(self) -> None:
        self.tallies = {name: Tally() for name in NAMES}
        self.hits, self.misses = self.tallies["hits"], self.tallies["misses"]
        self.began = clock.now()
        self.last_flush: float | None = None
        _counting.add(self)

    def __repr__(self) -> str:
        """Say what was counted, but for what never happened."""
        told = ", ".join(f"{value} {name}" for name, value in self.numbers().items() if value)
        return f"<stats {told or 'of nothing yet'}>"

    def numbers(self) -> dict[str, int]:
        """Return what was counted, by name."""
        return {name: tally.value for name, tally in self.tallies.items()}

    def begin(self) -> None:
        """Count anew."""
        self.began, self.last_flush = clock.now(), None
        for tally in self.tallies.values():
            tally.begin()

    def idle(self, op: Operation) -> bool:
        """Tell whether there is nothing to count."""
        return op.quiet or op.verb not in _COUNT

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        try:
            result = await proceed(face, op)
        except StoreUnavailable:
            self.tallies["errors"].add(1)
            raise
        for name, number in _COUNT[op.verb](op, result):
            self.tallies[name].add(number)
        if op.verb in _FLUSHING:
            self.last_flush = clock.now()
        return result

    def around(self, quick: Callable[..., Any]) -> Callable[..., Any]:
        """Return a straight line that counts what it answers."""
        hits, misses = self.hits.steps, self.misses.steps

        def counted(
            key: Any, version: int | None, tags: tuple[str, ...] = (), told: bool | None = False
        ) -> Any:
            found = quick(key, version, tags, told)
            if found is MISSING:
                next(misses)
            elif found is not UNSURE:
                next(hits)
            return found

        return counted

    def computed(self, key: str, tags: tuple[str, ...], seconds: float) -> None:
        """Count a value that was computed."""
        next(self.tallies["computations"].steps)

    def waited(self, key: str, tags: tuple[str, ...]) -> None:
        """Count a caller who waited for what another computes."""
        next(self.tallies["waits"].steps)


def missed(found: Any) -> bool:
    """Tell whether a read found nothing, or only a spare value."""
    return found is MISSING or (type(found) is Entry and found.over)


Counted = list[tuple[str, int]]


def _read(op: Operation, result: Any) -> Counted:
    hits = sum(not missed(result.values.get(key, MISSING)) for key in op.keys)
    return [("hits", hits), ("misses", len(op.keys) - hits)]


def _pull(op: Operation, result: Any) -> Counted:
    return [("misses", 1)] if result is MISSING else [("hits", 1), ("forgets", 1)]


_COUNT: dict[str, Callable[[Operation, Any], Counted]] = {
    "read": _read,
    "pull": _pull,
    "write": lambda op, failed: [("writes", len(op.keys) - len(failed))],
    "add": lambda op, added: [("writes", int(added))],
    "swap": lambda op, swapped: [("writes", int(swapped))],
    "delete": lambda op, there: [("forgets", len(there))],
    "incr": lambda op, number: [("counts", int(number is not MISSING))],
    "clear": lambda op, _: [("flushes", 1)],
    "flush": lambda op, _: [("flushes", 1)],
    "touch": lambda op, _: [],
}
"""What the answer to each verb adds to."""

_FLUSHING = ("clear", "flush")

_counting: "weakref.WeakSet[Stats]" = weakref.WeakSet()


def _forked() -> None:
    """Count a child's own calls alone."""
    for stats in list(_counting):
        stats.begin()


after_fork(_forked)
