"""One decoder per code, and which of them a configuration may use.

====  ==========  ===================================================
code  name        holds
====  ==========  ===================================================
1     JSON        plain values (see ``plain``), strictly
2     MessagePack plain values, by msgspec (extra ``msgpack``)
3     raw         bytes
4     text        str
5     integer     int, as decimal digits
6     pickle      anything Python can pickle
7     custom      what the user's own ``dumps`` and ``loads`` hold
====  ==========  ===================================================

Codes stand in stored bytes, so they are never given a second meaning.
"""

import json
import pickle
from collections.abc import Callable, Collection
from io import BytesIO
from typing import Any

from ..core.extras import install
from ..errors import Misconfigured
from . import plain
from .base import NotPlain
from .frame import octets, text

JSON, MSGPACK, RAW, TEXT, INTEGER, PICKLE, CUSTOM = range(1, 8)
_TAG = "$"


class Json:
    """Write strict JSON: ``{"a":1}`` stays as it is, a date is ``{"$":["d","2030-01-31"]}``.

    ``dumps`` raises NotPlain (a TypeError) for NaN and infinity, and for
    integers of more digits than ``int`` may read back (4,300 by default);
    ``loads`` refuses those, and a key that stands twice in one object.
    """

    code = JSON

    def __init__(self) -> None:
        self._walk = plain.Walker(
            plain.NATIVE | plain.SPELLINGS.keys(), lambda spelling: {_TAG: spelling}, _TAG
        ).walk
        self._encode = json.JSONEncoder(
            ensure_ascii=False,
            check_circular=False,
            allow_nan=False,
            separators=(",", ":"),
            default=lambda value: {_TAG: plain.SPELLINGS[type(value)](value)},
        ).encode
        # Not its decode(), which lets spaces stand around a value, as we never write them.
        self._scan = json.JSONDecoder(
            object_pairs_hook=_object, parse_float=_finite, parse_constant=_no_constant
        ).raw_decode

    def dumps(self, value: Any) -> bytes:
        """Return JSON in UTF-8, without spaces; NotPlain if the value would not come back."""
        try:
            return octets(self._encode(self._walk(value)))
        except ValueError:
            raise plain.refuse(value, "a float or int that JSON cannot hold") from None
        except RecursionError:
            raise plain.refuse(value, "a value nested this deeply, or in itself,") from None

    def loads(self, data: bytes) -> Any:
        """Return the value; raise ValueError, TypeError, KeyError, RecursionError."""
        source = text(data)
        value, end = self._scan(source)
        if end != len(source):
            raise ValueError("more than one value")
        return value


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    if _TAG not in found:
        return found
    if len(found) != 1:
        raise ValueError("a tag stands beside other keys")
    return plain.read(found[_TAG])


def _finite(digits: str) -> float:
    value = float(digits)
    if value - value:  # only infinity less itself is not 0
        raise ValueError("a number past what a float holds")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


class MessagePack:
    """Write MessagePack by msgspec; what it lacks goes in extension type 1.

    NaN and infinity come back exactly. NotPlain for ints beyond 64 bits and
    for text with lone surrogates. What is read must be as long as ``dumps``
    would write it: so a key that stands twice, or a number spelled longer
    than need be, is refused.
    """

    code = MSGPACK

    def __init__(self) -> None:
        try:
            from msgspec import msgpack
        except ImportError as error:
            raise Misconfigured(f"msgpack needs msgspec: {install('msgpack')}") from error
        encode = msgpack.Encoder().encode
        self._encode = encode
        self._walk = plain.Walker(
            plain.NATIVE | {bytes}, lambda spelling: msgpack.Ext(1, encode(spelling))
        ).walk
        self._decode = msgpack.Decoder(ext_hook=self._extension).decode

    def dumps(self, value: Any) -> bytes:
        """Return MessagePack; NotPlain if the value would not come back."""
        try:
            return self._encode(self._walk(value))
        except OverflowError:
            raise plain.refuse(value, "an int beyond 64 bits") from None
        except ValueError:
            raise plain.refuse(value, "text that is not Unicode") from None
        except RecursionError:
            raise plain.refuse(value, "a value nested this deeply, or in itself,") from None

    def loads(self, data: bytes) -> Any:
        """Return the value; raise ValueError, TypeError, KeyError, RecursionError."""
        value = self._decode(data)
        if len(self.dumps(value)) != len(data):
            raise ValueError("not as it would be written")
        return value

    def _extension(self, code: int, data: memoryview) -> Any:
        if code != 1:
            raise ValueError("an unknown extension type")
        return plain.read(self._decode(data))


class Raw:
    """Store bytes as they are."""

    code = RAW

    def dumps(self, value: bytes) -> bytes:
        """Return the bytes."""
        return value

    def loads(self, data: bytes) -> bytes:
        """Return the bytes."""
        return data


class Text:
    """Store a str as UTF-8; lone surrogates pass."""

    code = TEXT

    def dumps(self, value: str) -> bytes:
        """Return the UTF-8."""
        return octets(value)

    def loads(self, data: bytes) -> str:
        """Return the str; ValueError if it is not UTF-8."""
        return text(data)


class Integer:
    """Store an int as decimal digits, which servers can count up."""

    code = INTEGER

    def dumps(self, value: int) -> bytes:
        """Return the digits; NotPlain for more than ``int`` reads back (4,300 by default)."""
        try:
            return b"%d" % value
        except ValueError:
            raise plain.refuse(value, "an int of so many digits") from None

    def loads(self, data: bytes) -> int:
        """Return the int; ValueError unless it is spelled as ``dumps`` spells it."""
        value = int(data)
        if b"%d" % value != data:
            raise ValueError("not as it would be written")
        return value


class Pickle:
    """Store what Python can pickle; read it only from behind a guard.

    ``classes`` limits the classes and functions a pickle may name, as dotted
    paths: ``dumps`` raises PicklingError and ``loads`` UnpicklingError for any
    other. None: no limit.
    """

    code = PICKLE
    # The highest of every Python this runs on, so that a fleet can be upgraded one by one.
    protocol = 5

    def __init__(self, classes: Collection[str] | None = None) -> None:
        self._allowed = None if classes is None else frozenset(classes)

    def dumps(self, value: Any) -> bytes:
        """Return the pickle; raise what pickle raises (PicklingError, TypeError, ...)."""
        if self._allowed is None:
            return pickle.dumps(value, self.protocol)
        out = BytesIO()
        _Pickler(out, self.protocol, self._allowed).dump(value)
        return out.getvalue()

    def loads(self, data: bytes) -> Any:
        """Return the value; a pickle may raise anything at all."""
        if self._allowed is None:
            return pickle.loads(data)  # noqa: S301 - a guard has vouched for the bytes
        return _Unpickler(BytesIO(data), self._allowed).load()


class _Pickler(pickle.Pickler):
    """Refuse, when storing, what could not be read back."""

    def __init__(self, out: BytesIO, protocol: int, allowed: frozenset[str]) -> None:
        super().__init__(out, protocol)
        self._allowed = allowed

    def reducer_override(self, value: Any) -> Any:
        # Pickle asks for each object it has no opcode for, thus for every class and function.
        name = getattr(value, "__qualname__", None)
        path = f"{getattr(value, '__module__', None)}.{name}"
        if isinstance(name, str) and path not in self._allowed:
            raise pickle.PicklingError(f'{path} is not in OPTIONS["PICKLE_CLASSES"]')
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Look up only what is allowed."""

    def __init__(self, data: BytesIO, allowed: frozenset[str]) -> None:
        super().__init__(data)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        if f"{module}.{name}" not in self._allowed:
            raise pickle.UnpicklingError(f'{module}.{name} is not in OPTIONS["PICKLE_CLASSES"]')
        return super().find_class(module, name)


class Custom:
    """Store with a user's own ``dumps`` and ``loads``."""

    code = CUSTOM

    def __init__(self, dumps: Callable[[Any], bytes], loads: Callable[[bytes], Any]) -> None:
        self._dumps = dumps
        self.loads = loads

    def dumps(self, value: Any) -> bytes:
        """Return what the user's ``dumps`` returns; TypeError if that is not bytes."""
        data = self._dumps(value)
        if not isinstance(data, bytes):
            raise TypeError(f'dumps of OPTIONS["SERIALIZER"] returned {type(data).__name__}')
        return data


__all__ = ["Custom", "Integer", "Json", "MessagePack", "NotPlain", "Pickle", "Raw", "Text"]
