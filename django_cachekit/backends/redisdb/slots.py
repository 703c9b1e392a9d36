"""Which server of a cluster keeps which keys."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.crc import key_slot

from ...core import clock
from .words import Garbled, Node

SLOTS = 16384
AGAIN = 0.25
"""How many seconds a map is believed at least, however much speaks against it."""


class Slots:
    """Be the map of a cluster; ``masters`` are its servers, ``stale`` asks for a new one."""

    def __init__(self, seeds: Iterable[Node]) -> None:
        self.seeds = list(seeds)
        self.stale = True
        self._map: list[Node] = [None] * SLOTS
        self._drawn = float("-inf")

    @property
    def masters(self) -> Sequence[Node]:
        """Return the servers that keep keys, in an order that is the same for everybody."""
        return sorted({node for node in self._map if node is not None})

    @property
    def known(self) -> list[Node]:
        """Return all servers that may know the map, the likely ones first."""
        return list(dict.fromkeys([*self.masters, *self.seeds]))

    def of(self, key: bytes) -> Node:
        """Return the server of a key, or one to ask if the map has a hole there."""
        return self._map[key_slot(key)] or self.known[0]

    def doubt(self) -> None:
        """Have the map drawn anew, unless that was done a moment ago."""
        if clock.monotonic() - self._drawn > AGAIN:
            self.stale = True

    def moved(self, slot: int, node: Node) -> None:
        """Learn that one slot is elsewhere; others may be too."""
        self._map[slot] = node
        self.doubt()

    def draw(self, told: Any, asked: Node) -> None:
        """Take the answer to ``CLUSTER SLOTS`` for the map."""
        fresh: list[Node] = [None] * SLOTS
        for first, last, node in map(_range, _rows(told)):
            host, port = node
            # No host means: the one that was asked.
            at = (host.decode() if host else asked[0] if asked else "localhost", port)
            fresh[first : last + 1] = [at] * (last + 1 - first)
        self._map = fresh
        self._drawn = clock.monotonic()
        self.stale = False


def _rows(told: Any) -> Sequence[Any]:
    if not isinstance(told, list):
        raise Garbled("a list of slots was expected")
    return told


def _range(row: Any) -> tuple[int, int, tuple[bytes | None, int]]:
    try:
        first, last, (host, port, *_), *_ = row
        return int(first), int(last), (host, int(port))
    except (TypeError, ValueError) as error:
        raise Garbled("a range of slots was expected") from error
