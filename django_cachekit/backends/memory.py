"""Slots in memory: bounded by entries and bytes, the least recently used out first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ..core import clock
from ..core.marks import Verdict, verdict
from ..core.operation import Record, tag_record
from .locking import OwnLocks

Checks = tuple[tuple[Record, bytes], ...]


def _checks(stamps: Mapping[str, bytes]) -> Checks:
    """Return stamps as they are checked: each record with what it must still begin with."""
    return tuple((tag_record(tag), mark) for tag, mark in stamps.items())


class Slot(NamedTuple):
    """Hold one value: ``thaw`` gives a copy out (None: as it is), ``size`` is in bytes.

    An ``odd`` one is not for the straight line: its key is one that Django warns of whenever it is
    used, or its value has an end of its own.
    """

    held: Any
    thaw: Callable[[Any], Any] | None
    expires: float | None
    size: int
    key: str | None
    version: int
    checks: Checks = ()
    created: float = 0.0
    fresh: float | None = None
    odd: bool = False
    tags: tuple[str, ...] = ()
    ends: float | None = None
    cost: float | None = None

    def value(self) -> Any:
        """Return the value, a copy where it could be changed."""
        return self.held if self.thaw is None else self.thaw(self.held)

    def bears(self, tags: Iterable[str]) -> bool:
        """Tell whether the value bears every one of ``tags``."""
        return tags == self.tags or set(self.tags).issuperset(tags)

    def stamped(self, stamps: Mapping[str, bytes]) -> "Slot":
        """Return the slot with tags, which are checked before it is given out."""
        return self._replace(checks=_checks(stamps), tags=tuple(stamps))

    def live(self) -> bool:
        """Tell whether the value has not expired."""
        return self.expires is None or self.expires > clock.now()

    def over(self) -> bool:
        """Tell whether the value has ended, and is only a spare one any more."""
        return self.ends is not None and self.ends <= clock.now()


class Memory:
    """Keep slots by name, bounded by entries and bytes; all aliases of one LOCATION share it.

    A name is the full key, or a record, which no key ever equals.
    """

    def __init__(self) -> None:
        self.slots: OrderedDict[Any, Slot] = OrderedDict()
        self.lock = threading.RLock()
        self.bytes = self.evicted = 0
        self.epoch = 0
        # Who computes a name now; one that is written or dropped takes the claim along.
        self.claims: dict[Any, bytes] = {}
        self.locks = OwnLocks()

    def find(self, name: Any) -> Slot | None:
        """Return a live slot and count it as used; drop one that has expired or was flushed."""
        slot = self.slots.get(name)
        if slot is None:
            return None
        if slot.live() and not slot.over() and (not slot.checks or self.valid(slot)):
            self.used(name)
            return slot
        if not slot.live() or self.verdict(slot) is Verdict.DEAD:
            self.drop(name)
        return None

    def stale(self, name: Any) -> Slot | None:
        """Return a slot that may have ended, or a tag of it expired; but none was flushed."""
        slot = self.slots.get(name)
        if slot is None or not slot.live() or self.verdict(slot) is Verdict.DEAD:
            return None
        return slot

    def verdict(self, slot: Slot) -> Verdict:
        """Judge a slot by the records of its tags."""
        current = {record: self.slots.get(record) for record, _ in slot.checks}
        records = {record: there.held for record, there in current.items() if there is not None}
        return verdict({record.name: mark for record, mark in slot.checks}, records)

    def used(self, name: Any) -> None:
        """Make ``name`` the last to be dropped."""
        try:
            self.slots.move_to_end(name)
        except KeyError:
            pass  # another thread dropped it a moment ago

    def valid(self, slot: Slot) -> bool:
        """Tell whether none of the slot's tags was flushed since it was computed."""
        slots = self.slots
        for record, mark in slot.checks:
            current = slots.get(record)
            if current is None or not current.held.startswith(mark):
                return self.verdict(slot) is Verdict.LIVE
            # As used() does; every tag of every read comes by here.
            try:
                slots.move_to_end(record)
            except KeyError:
                pass  # another thread dropped it a moment ago
        return True

    def keep(self, name: Any, slot: Slot, entries: int, room: int) -> None:
        """Store a slot, dropping the least recently used ones that no longer fit."""
        self.drop(name)
        self.claims.pop(name, None)
        self.slots[name] = slot
        self.bytes += slot.size
        while len(self.slots) > entries or self.bytes > room:
            _, old = self.slots.popitem(last=False)
            self.bytes -= old.size
            self.evicted += 1

    def drop(self, name: Any) -> bool:
        """Remove a slot, and tell whether there was one."""
        with self.lock:
            slot = self.slots.pop(name, None)
            if slot is not None:
                self.bytes -= slot.size
            return slot is not None

    def clear(self) -> None:
        """Drop everything; what was being computed meanwhile is not kept."""
        with self.lock:
            self.epoch += 1
            self.claims.clear()
            self.slots.clear()
            self.bytes = 0
