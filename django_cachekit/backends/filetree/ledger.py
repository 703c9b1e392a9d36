"""The ledger of a file store: per shard, how much lies there, so that nobody has to look.

One file in the tree it counts: a header (a mark, and the epoch under which the tree was begun),
then a slot per shard, written only by who holds the shard's lock. A shard whose slot begins with 0
has not been counted; a count that a crash left wrong is right again after the shard's next sweep.
"""

import os
import struct
from array import array
from collections.abc import Iterable
from types import TracebackType
from typing import NamedTuple

from .disk import LOCK

SHARDS = 256
LATEST = 2**63 - 1

_MARK = 0x434B_4C45_4447_4531
_HEADER = struct.Struct("=QQ")
_SLOT = struct.Struct("=4q")
_SIZE = _HEADER.size + SHARDS * _SLOT.size


class Bounds(NamedTuple):
    """Say how much a store may hold."""

    entries: int
    bytes: int


class Found(NamedTuple):
    """Describe one entry's file: times in nanoseconds, ``expires`` as its access time hints."""

    written: int
    changed: int
    name: str
    expires: int
    size: int


class Slot(NamedTuple):
    """Count one shard; ``oldest`` and ``soonest`` are not later than its first write and expiry."""

    entries: int
    bytes: int
    oldest: int
    soonest: int

    def put(self, old: int | None, new: int, written: int, expires: int) -> "Slot":
        """Return the count after a file of ``new`` bytes came, over one of ``old`` if not None."""
        if self.entries <= (old is not None):
            return Slot(1, new, written, expires)
        return Slot(
            self.entries + (old is None),
            self.bytes + new - (old or 0),
            min(self.oldest, written),
            min(self.soonest, expires),
        )

    def without(self, old: int) -> "Slot":
        """Return the count after a file of ``old`` bytes went."""
        if self.entries <= 1:
            return EMPTY
        return self._replace(entries=self.entries - 1, bytes=max(0, self.bytes - old))


EMPTY = Slot(0, 0, LATEST, LATEST)


def tally(files: Iterable[Found]) -> Slot:
    """Return the exact count of some files."""
    entries, size, oldest, soonest = EMPTY
    for found in files:
        entries += 1
        size += found.size
        oldest = min(oldest, found.written)
        soonest = min(soonest, found.expires)
    return Slot(entries, size, oldest, soonest)


class Ledger:
    """Read and write the counts in an open ledger file, which ``with`` closes."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, LOCK)
        try:
            self._data = os.pread(self._fd, _SIZE, 0)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def epoch(self) -> int | None:
        """Return the epoch under which the tree was begun, or None if this is no ledger."""
        if len(self._data) != _SIZE:
            return None
        mark, epoch = _HEADER.unpack_from(self._data)
        return int(epoch) if mark == _MARK else None

    def slot(self, shard: int) -> Slot | None:
        """Return the count of one shard, or None if it was not counted."""
        entries, *rest = _SLOT.unpack_from(self._data, _HEADER.size + shard * _SLOT.size)
        return Slot(entries - 1, *rest) if entries > 0 else None

    def note(self, shard: int, slot: Slot) -> None:
        """Write the count of a shard whose lock is held."""
        data = _SLOT.pack(slot.entries + 1, *slot[1:])
        os.pwrite(self._fd, data, _HEADER.size + shard * _SLOT.size)

    def totals(self) -> tuple[int, int]:
        """Return how many entries and bytes there are, in what was counted."""
        slots = self._slots()
        entries = slots[::4]
        return sum(entries) - (SHARDS - entries.count(0)), sum(slots[1::4])

    def victims(self, now: int, spare: int | None) -> tuple[int | None, int]:
        """Return the shard to make room in, and the oldest write among the others.

        The shard is the one where something has expired, else the one of the oldest entry; None
        if all are empty. What lies alone in the shard ``spare`` was written just now, and stays.
        """
        slots = self._slots()
        if spare is not None and slots[spare * 4] <= 2:  # one more than the entries there
            slots[spare * 4 + 2] = slots[spare * 4 + 3] = LATEST
        oldest, soonest = slots[2::4], slots[3::4]
        due = min(soonest)
        first = soonest.index(due) if due <= now else oldest.index(min(oldest))
        if due > now and oldest[first] == LATEST:
            return None, LATEST
        oldest[first] = LATEST
        return first, min(oldest)

    def _slots(self) -> "array[int]":
        slots = array("q")
        slots.frombytes(self._data[_HEADER.size :])
        return slots


def blank(epoch: int) -> bytes:
    """Return the bytes of a ledger in which no shard has been counted."""
    return _HEADER.pack(_MARK, epoch) + _SLOT.pack(0, 0, LATEST, LATEST) * SHARDS
