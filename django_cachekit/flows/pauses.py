"""How long a key is left alone whose computation failed: one note of it, for the whole fleet.

Whoever fails writes it under the lease, before he gives that back; whoever has the lease reads it
before he computes. So in each pause one computes at most, whichever process he is in. It decides
nothing but that: a note that is lost is a computation too many.
"""

import struct
from typing import Any, NamedTuple

from ..core import clock
from ..core.operation import Kind, Operation, Record
from ..errors import CacheKitError
from ..scopes import Port

FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0
"""Seconds before what failed is tried again: from, up to, twice as long each time."""

_FORM = struct.Struct(">dd")


class Pause(NamedTuple):
    """Say until when (Unix seconds) a key is left alone, and how long that is."""

    until: float = 0.0
    length: float = FIRST_PAUSE / 2

    @classmethod
    def of(cls, found: Any) -> "Pause | None":
        """Return what a note says; None if there is none."""
        if type(found) is not bytes or len(found) != _FORM.size:
            return None
        return cls(*_FORM.unpack(found))

    def lasts(self) -> bool:
        """Tell whether it is not over; a clock that is far off makes none endless."""
        return 0 < self.until - clock.now() <= LAST_PAUSE


def note_on(name: tuple[str, int, str]) -> Record:
    """Name the note on one key, as flights name its computation."""
    return Record("pause", f"{name[1]}:{name[2]}")


async def lengthen(port: Port, note: Record, last: Pause | None) -> None:
    """Let a key be left alone from now on, for twice as long as the last time."""
    length = min((last or Pause()).length * 2, LAST_PAUSE)
    data = _FORM.pack(clock.now() + length, length)
    op = Operation("write", Kind.WRITE, (note,), values={note: data}, quiet=True)
    # It outlives the pause, so that the next failure knows how long this one was.
    await _tell(port, op._replace(ttl=length + LAST_PAUSE))


async def end(port: Port, note: Record) -> None:
    """Leave the key alone no longer."""
    await _tell(port, Operation("delete", Kind.WRITE, (note,), quiet=True))


async def _tell(port: Port, op: Operation) -> None:
    try:
        await port.call(op)
    except CacheKitError:  # what matters is the value, or the error of what was to compute it
        return
