"""Hold a value in memory so that nobody who has it can change what others get.

Immutable values are held as they are. A dict, list or set of immutable values, and a list of such
dicts, is copied going in and coming out, which is faster than pickling it. Anything else is held as
a pickle this process made itself a moment ago and never gave away.
"""

import pickle
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import chain
from types import NoneType
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.safestring import SafeString

ATOMS = frozenset(
    {
        *(str, bytes, int, float, complex, bool, NoneType, SafeString),
        *(datetime, date, time, timedelta, timezone, Decimal, UUID),
    }
)
OBJECT = 50
"""About how many bytes a small object takes besides what it holds."""

_SHALLOW = frozenset({dict, list, set})


class Held(NamedTuple):
    """Keep a value: what is held, how to give it out (None: as it is), and its size in bytes."""

    value: Any
    thaw: Callable[[Any], Any] | None
    size: int

    def give(self) -> Any:
        """Return the value, a copy where it could be changed."""
        return self.value if self.thaw is None else self.thaw(self.value)


def hold(value: Any) -> Held:
    """Return ``value`` as it can be kept; what cannot be copied raises what pickling it raises."""
    kind = type(value)
    if kind in ATOMS:
        return Held(value, None, sys.getsizeof(value))
    size = _frozen(value)
    if size is not None:
        return Held(value, None, size)
    if kind in _SHALLOW:
        size = _flat(value)
        if size is not None:
            return Held(value.copy(), kind.copy, size)
    if kind is list:
        size = _rows(value)
        if size is not None:
            return Held(_copied(value), _copied, size)
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return Held(data, pickle.loads, sys.getsizeof(data))


def share(value: Any) -> Held:
    """Return ``value`` to be kept and given out as it is, with no copy: the caller minds it."""
    return Held(value, None, sys.getsizeof(value))


def _frozen(value: Any) -> int | None:
    """Return the size of an immutable value, or None if it is not one through and through."""
    kind = type(value)
    if kind in ATOMS:
        return sys.getsizeof(value)
    if kind is tuple or kind is frozenset:
        return _total(sys.getsizeof(value), value)
    return None


def _flat(value: Any) -> int | None:
    total = sys.getsizeof(value)
    if type(value) is dict:
        with_keys = _total(total, value)
        return None if with_keys is None else _total(with_keys, value.values())
    return _total(total, value)


def _rows(value: list[Any]) -> int | None:
    """Return the size of a list of dicts of plain values, each another one; None if it is not."""
    # One that is there twice has to be one after copying too, as pickle sees to.
    if set(map(type, value)) != {dict} or len(set(map(id, value))) < len(value):
        return None
    inside = [*chain.from_iterable(value), *chain.from_iterable(map(dict.values, value))]
    if not ATOMS.issuperset(map(type, inside)):
        return None
    # Asking each for its size takes five times as long as to pickle them all.
    data = len(pickle.dumps(value, pickle.HIGHEST_PROTOCOL)) + OBJECT * (
        len(inside) // 2
    )  # keys are shared
    return data + sum(map(sys.getsizeof, value)) + sys.getsizeof(value)


def _copied(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    return [row.copy() for row in rows]


def _total(size: int, parts: Any) -> int | None:
    for part in parts:
        more = _frozen(part)
        if more is None:
            return None
        size += more
    return size
