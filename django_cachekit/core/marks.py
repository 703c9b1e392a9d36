"""What a tag's record holds, what an entry keeps of it, and what the two say of the entry.

::

    record   hard 8 | soft 8 | joint 8 | joint before it 8 | size of the joint flush 1
    stamp    hard 8 | soft 8 | joint 8

All but the size are random. A flush changes all of a record, ``expire`` its soft part. A flush of
what bears *all* of several tags gives their records one joint part, the same in each, and keeps
the one before it; so an entry can tell that it was meant, which it was if it bears as many of
those tags as were named. What a record no longer tells is held against the entry.
"""

import os
from collections.abc import Mapping
from enum import Enum
from typing import Any

from .operation import tag_record

PART = 8
STAMP = 3 * PART
WIDTH = 4 * PART + 1


class Verdict(Enum):
    """Say what the records say of an entry."""

    LIVE = "none of its tags was flushed"
    STALE = "a tag has expired: to be served only while it is computed anew"
    DEAD = "a tag was flushed, or its record is lost"


def fresh() -> bytes:
    """Return a record that no entry was stamped with."""
    return os.urandom(WIDTH - 1) + b"\0"


def part() -> bytes:
    """Return 64 random bits."""
    return os.urandom(PART)


def stamp(record: bytes) -> bytes:
    """Return what an entry keeps of a record."""
    return record[:STAMP]


def is_record(value: Any) -> bool:
    """Tell whether a value can be a tag's record."""
    return type(value) is bytes and len(value) == WIDTH


def changed(record: Any, match: str, joint: bytes, size: int) -> bytes:
    """Return the record after an ``expire`` (``soft``) or its part in a joint flush (``all``).

    One that was lost kills: nothing is known of what it said.
    """
    if not is_record(record):
        return fresh()
    if match == "soft":
        return bytes(record[:PART] + part() + record[2 * PART :])
    before = record[2 * PART : STAMP]
    return bytes(record[: 2 * PART] + joint + before + bytes([min(size, 255)]))


def verdict(stamps: Mapping[str, bytes], records: Mapping[Any, Any]) -> Verdict:
    """Judge an entry by the stamps it bears and the records of their tags."""
    for tag, mark in stamps.items():
        record: Any = records.get(tag_record(tag))
        if not is_record(record) or not record.startswith(mark):
            return _judged(stamps, records)
    return Verdict.LIVE


def _judged(stamps: Mapping[str, bytes], records: Mapping[Any, Any]) -> Verdict:
    stale, joint = False, list[tuple[bytes, bytes]]()
    for tag, mark in stamps.items():
        record: Any = records.get(tag_record(tag))
        if not is_record(record) or record[:PART] != mark[:PART]:
            return Verdict.DEAD
        stale = stale or record[PART : 2 * PART] != mark[PART : 2 * PART]
        if record[2 * PART : STAMP] != mark[2 * PART :]:
            joint.append((record, mark))
    if len(joint) > 1 and _meant(joint):
        return Verdict.DEAD
    return Verdict.STALE if stale else Verdict.LIVE


def _meant(joint: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether a joint flush meant an entry, by those of its tags that took part in one."""
    seen: dict[bytes, int] = {}
    for record, mark in joint:
        if record[STAMP : STAMP + PART] != mark[2 * PART :]:
            return True  # more than one since: which tags an earlier one named is not known
        flush = record[2 * PART : STAMP]
        seen[flush] = seen.get(flush, 0) + 1
    return any(seen[record[2 * PART : STAMP]] >= record[-1] for record, _ in joint)
