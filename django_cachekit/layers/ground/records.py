"""A tag's record on a backend that is not ours: each of its parts under a key of its own.

Such a backend cannot change a part of a value in one step, and a record that was read, changed and
written back would undo what was flushed meanwhile. So each part is written by itself, and nothing
is known of the joint flush before the last: two tags that took part in one are held against an
entry, however many others were named.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.marks import PART, STAMP, WIDTH
from ...core.operation import Record

KINDS = {"soft": "soft", "all": "joint"}
"""Which part each kind of ``mark`` writes."""

_UNKNOWN = bytes(PART) + bytes([2])


def parts(key: Any) -> tuple[Any, ...]:
    """Return the keys under which a key lies: three for a tag's record, else itself."""
    if isinstance(key, Record) and key.kind == "tag":
        return key, *(Record(kind, key.name) for kind in KINDS.values())
    return (key,)


def spread(values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return values with each tag's record in its parts."""
    return dict(pair for key, value in values.items() for pair in pieces(key, value))


def pieces(key: Any, value: Any) -> list[tuple[Any, Any]]:
    """Return one value in its parts."""
    names = parts(key)
    if len(names) == 1:
        return [(key, value)]
    return [(name, value[at * PART : (at + 1) * PART]) for at, name in enumerate(names)]


def together(keys: Iterable[Any], found: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what was found of ``keys``; a record of which a part is missing is missing."""
    values = {}
    for key in keys:
        names = parts(key)
        if len(names) == 1:
            if key in found:
                values[key] = found[key]
        elif (record := _whole([found.get(name) for name in names])) is not None:
            values[key] = record
    return values


def _whole(values: list[Any]) -> bytes | None:
    if any(type(value) is not bytes or len(value) != PART for value in values):
        return None
    record = b"".join(values) + _UNKNOWN
    return record if len(record) == WIDTH and len(values) * PART == STAMP else None
