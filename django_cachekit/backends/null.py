"""A store that keeps nothing, for development and tests."""

from itertools import count
from typing import Any

from ..core import clock
from ..core.faces import Hop
from ..core.facts import Facts
from ..core.held import FREE, Taken
from ..core.operation import MISSING, Key, Operation, Reply, Seen, Stamp
from ..layers.base import Driver
from .base import Names, StoreCache, SyncDriver


class Null(SyncDriver):
    """Answer as Django's DummyCache does: nothing is there, and everything can be written."""

    shared = False
    claims = False
    hop = Hop.NONE
    _fences = count(int(clock.now() * 1000))

    def do_read(self, op: Operation) -> Reply:
        """Find nothing."""
        return Reply({}, Stamp(None, {}) if op.snapshot else None)

    def do_write(self, op: Operation) -> set[Key]:
        """Keep nothing."""
        return set()

    def do_delete(self, op: Operation) -> set[Key]:
        """Remove nothing."""
        return set()

    def do_mark(self, op: Operation) -> None:
        """Mark nothing."""

    def do_touch(self, op: Operation) -> set[Key]:
        """Touch nothing."""
        return set()

    def do_add(self, op: Operation) -> bool:
        """Say yes, as Django's DummyCache does."""
        return True

    def do_incr(self, op: Operation) -> Any:
        """Count from nothing each time."""
        return MISSING if op.initial is None else op.initial + op.by

    def do_pull(self, op: Operation) -> Any:
        """Find nothing."""
        return MISSING

    def do_see(self, op: Operation) -> Seen:
        """See nothing."""
        return Seen(MISSING, None, Stamp(None, {}))

    def do_swap(self, op: Operation) -> bool:
        """Say yes, and keep nothing."""
        return True

    def do_ttl(self, op: Operation) -> Any:
        """Find nothing."""
        return MISSING

    def do_keys(self, op: Operation) -> list[str]:
        """List nothing."""
        return []

    def do_clear(self, op: Operation) -> None:
        """Empty nothing."""

    def do_lock(self, op: Operation) -> Any:
        """Grant every lock to everybody."""
        if op.match == "take":
            return Taken(next(self._fences))
        if op.match == "look":
            return FREE
        return op.match in ("renew", "free")

    def do_facts(self, op: Operation) -> Facts:
        """Tell of nothing."""
        return Facts(0, 0)

    def do_prune(self, op: Operation) -> int:
        """Drop nothing."""
        return 0


class NullCache(StoreCache):
    """Keep nothing: every read is a miss, every write succeeds."""

    def connect(self, alias: str) -> Driver:
        """Return the driver that keeps nothing."""
        return Null(alias, type(self), Names(self))
