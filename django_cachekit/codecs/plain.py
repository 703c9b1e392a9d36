"""Which values are plain, and how those that JSON does not know are spelled.

Plain means: of exactly one of the types below, all the way down. A subclass (a
``SafeString``, an ``IntEnum``, an ``OrderedDict``, a named tuple) is not, for it
would come back as its parent. What an encoder holds by itself stays as it is;
the rest becomes a spelling, a list of a tag and its arguments:

=============  ==================================================================
``dt`` ``t``   datetime, time: ISO text; or naive ISO text, fold, zone, where the
               zone is null, a key (``Europe/Paris``), [microseconds] or
               [microseconds, name]
``d`` ``td``   date: ISO text · timedelta: days, seconds, microseconds
``n`` ``u``    Decimal: text (finite only) · UUID: 32 hex digits
``b``          bytes: base64
``tu``         tuple · ``s`` set · ``fs`` frozenset: a list
``o``          dict whose keys are not all text, or that bears the tag key:
               a list of pairs
=============  ==================================================================
"""

import base64
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from .base import NotPlain

NATIVE = frozenset({type(None), bool, int, float, str})
"""What every encoder holds as it is."""

_TEXT = frozenset({str})
_UTC = timezone.utc
_Moment = TypeVar("_Moment", datetime, time)
_MICROSECOND = timedelta(microseconds=1)


def refuse(value: Any, why: str = "") -> NotPlain:
    """Return the error for a value that is not plain; it names the type, not the value."""
    kind = type(value)
    said = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return NotPlain(
        f"{why or said} would not come back as what it is; store a plain value, "
        'or let OPTIONS["SERIALIZER"] be "auto", which pickles such values'
    )


def _moment(tag: str, value: Any) -> list[Any]:
    """Spell a datetime or a time, whose zone and fold ISO text alone would lose."""
    zone = value.tzinfo
    if (zone is None or zone is _UTC) and not value.fold:
        return [tag, value.isoformat()]
    return [tag, value.replace(tzinfo=None, fold=0).isoformat(), value.fold, _zone(zone)]


def _zone(zone: tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is ZoneInfo and zone.key:
        return zone.key
    if type(zone) is not timezone:
        raise refuse(zone)
    offset, name = zone.utcoffset(None), zone.tzname(None)
    micro = offset // _MICROSECOND
    return [micro] if name == timezone(offset).tzname(None) else [micro, name]


def _decimal(value: Decimal) -> list[Any]:
    if not value.is_finite():
        raise refuse(value, "a Decimal that is not a number or not finite")
    return ["n", str(value)]


SPELLINGS: dict[type, Callable[[Any], list[Any]]] = {
    datetime: lambda value: _moment("dt", value),
    time: lambda value: _moment("t", value),
    date: lambda value: ["d", value.isoformat()],
    timedelta: lambda value: ["td", value.days, value.seconds, value.microseconds],
    Decimal: _decimal,
    UUID: lambda value: ["u", value.hex],
    bytes: lambda value: ["b", base64.b64encode(value).decode("ascii")],
}
"""How each type that is no container is spelled: a tag, then arguments JSON holds."""


class Walker:
    """Turn plain values into what one encoder holds, copying only what must change.

    ``leaves`` are the types that the encoder takes as they are, ``wrap`` makes a
    spelling into something it can hold, ``reserved`` is the text key that a
    dict may not use because a wrapped spelling does. One pass: the types of a
    flat list or dict are compared by a loop in C, and it is returned itself.
    """

    def __init__(
        self, leaves: frozenset[type], wrap: Callable[[list[Any]], Any], reserved: str | None = None
    ) -> None:
        self._leaves = leaves
        self._wrap = wrap
        self._reserved = reserved
        self._kinds: dict[type, Callable[[Any], Any]] = {
            list: self._list,
            dict: self._dict,
            tuple: lambda value: wrap(["tu", self._list(value)]),
            set: lambda value: wrap(["s", self._list(list(value))]),
            frozenset: lambda value: wrap(["fs", self._list(list(value))]),
        }
        for kind in SPELLINGS.keys() - leaves:
            self._kinds[kind] = self._spelled

    def walk(self, value: Any) -> Any:
        """Return the value in a form the encoder holds; NotPlain if there is none."""
        kind = type(value)
        if kind in self._leaves:
            return value
        try:
            convert = self._kinds[kind]
        except KeyError:
            raise refuse(value) from None
        return convert(value)

    def _spelled(self, value: Any) -> Any:
        return self._wrap(SPELLINGS[type(value)](value))

    def _list(self, values: Any) -> Any:
        leaves, walk = self._leaves, self.walk
        if leaves.issuperset(map(type, values)):
            return values
        return [value if type(value) in leaves else walk(value) for value in values]

    def _dict(self, values: dict[Any, Any]) -> Any:
        leaves, walk = self._leaves, self.walk
        if not _TEXT.issuperset(map(type, values)) or self._reserved in values:
            return self._wrap(["o", [[walk(key), walk(values[key])] for key in values]])
        if leaves.issuperset(map(type, values.values())):
            return values
        return {
            key: value if type(value) in leaves else walk(value) for key, value in values.items()
        }


def read(spelling: Any) -> Any:
    """Return what a spelling stands for; ValueError, TypeError or KeyError if it is none."""
    if type(spelling) is not list:
        raise TypeError("a spelling is a list")
    tag, *given = spelling
    return _READERS[tag](*given)


def _placed(value: _Moment, fold: int, zone: Any) -> _Moment:
    if zone is None and not fold:
        return value
    if value.tzinfo is not None:
        raise ValueError("two zones for one time")
    return value.replace(fold=fold, tzinfo=_read_zone(zone))


def _read_zone(zone: Any) -> tzinfo | None:
    if zone is None or type(zone) is str:
        return ZoneInfo(zone) if zone else None
    micro, *name = zone
    return timezone(timedelta(microseconds=micro), *name)


def _read_decimal(text: str) -> Decimal:
    value = Decimal(text)
    # Without its trap, a context turns text that is no number into NaN.
    if type(text) is not str or not value.is_finite():
        raise ValueError("not a finite number")
    return value


def _distinct(values: list[Any], found: Any) -> Any:
    if type(values) is not list or len(found) != len(values):
        raise ValueError("one thing twice")
    return found


def _key(pair: Any) -> Any:
    if type(pair) is not list or len(pair) != 2:
        raise ValueError("no pair")
    return pair[0]


def _read_timedelta(*parts: int) -> timedelta:
    if set(map(type, parts)) != {int}:
        raise TypeError("a timedelta is whole numbers")
    return timedelta(*parts)


def _read_tuple(values: list[Any]) -> tuple[Any, ...]:
    if type(values) is not list:
        raise TypeError("a tuple is spelled as a list")
    return tuple(values)


_READERS: dict[str, Callable[..., Any]] = {
    "dt": lambda iso, fold=0, zone=None: _placed(datetime.fromisoformat(iso), fold, zone),
    "t": lambda iso, fold=0, zone=None: _placed(time.fromisoformat(iso), fold, zone),
    "d": date.fromisoformat,
    "td": _read_timedelta,
    "n": _read_decimal,
    "u": UUID,
    "b": lambda text: base64.b64decode(text, validate=True),
    "tu": _read_tuple,
    "s": lambda values: _distinct(values, set(values)),
    "fs": lambda values: _distinct(values, frozenset(values)),
    "o": lambda pairs: _distinct(pairs, {_key(pair): pair[1] for pair in pairs}),
}
