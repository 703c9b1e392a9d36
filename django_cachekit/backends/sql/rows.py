"""What stands in a row, and what it is to the engine."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from .. import numbers
from ..engine import Blob

T = TypeVar("T")

_NAME = re.compile("[0-9a-f]{64}").fullmatch
_LATEST = 2**63 - 1  # the largest number in a bigint

ROOM = 4 * 2**20
"""Bytes of values in one statement, of which MariaDB takes 16 MiB and no more, escapes included."""


def to_ms(seconds: float) -> int:
    """Return Unix milliseconds, rounded up: a row never goes before its entry has expired."""
    return min(math.ceil(seconds * 1000), _LATEST)


def content(blob: Blob) -> tuple[bytes, int | None, int | None]:
    """Return value, expires and number as they stand in a row."""
    value, number = numbers.apart(blob.data)
    return value, None if blob.expires is None else to_ms(blob.expires), number


class Stored(NamedTuple):
    """Hold what stands in a row, as the database gave it."""

    value: Any
    number: Any = None

    @property
    def data(self) -> bytes:
        """Return the bytes that the engine was given."""
        # SQLite may hold text even there, if somebody put it.
        number = self.number if isinstance(self.number, int) else None
        return numbers.together(bytes(self.value or b""), number)


def epoch_of(row: Stored | None) -> int:
    """Return the number in the epoch's row; 0 if the row is missing, or not as it was made."""
    if row is None or len(row.data) != 8:
        return 0
    return int.from_bytes(row.data, "big")


def name_of(text: Any) -> bytes | None:
    """Return the name a row stands for; None for a row that somebody else put there."""
    plain = text if isinstance(text, str) else text.decode("ascii", "replace")
    return bytes.fromhex(plain) if _NAME(plain) else None


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Cut into pieces of a size."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def loads(rows: Iterable[tuple[Any, ...]], size: int) -> list[list[tuple[Any, ...]]]:
    """Cut rows to be written into pieces of a size in rows, and in bytes of their values."""
    made: list[list[tuple[Any, ...]]] = []
    left = 0
    for row in rows:
        left -= len(row[2])
        if not made or left < 0 or len(made[-1]) == size:
            made.append([])
            left = ROOM - len(row[2])
        made[-1].append(row)
    return made
