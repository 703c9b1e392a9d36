"""Which code each value is written in, and which codes may be read, by configuration.

=========== ========================================== =================
SERIALIZER  writes                                     reads
=========== ========================================== =================
auto        bytes raw, str text, int digits, other     1, 3, 4, 5, 6
            plain values JSON, the rest pickle
json        the same, but refuses the rest             1, 3, 4, 5
msgpack     the same with MessagePack, refuses too     2, 3, 4, 5
pickle      everything pickle                          1, 3, 4, 5, 6
dotted path everything by its ``dumps``                3, 4, 5, 7
=========== ========================================== =================

What can be read never depends on the stored byte alone. ``auto`` and
``pickle`` read each other, so one may be changed for the other at any time;
``json`` reads what ``auto`` wrote but for the pickles, which become misses.

What the package keeps for itself beside the values (bytes and numbers) is written as it is by all
of them: a user's ``dumps`` need know nothing of it.
"""

import importlib
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from ..errors import Misconfigured
from .base import NotPlain, Serializer, Unreadable
from .serializers import Custom, Integer, Json, MessagePack, Pickle, Raw, Text

NAMES = ("auto", "json", "msgpack", "pickle")
_BARE: dict[type, Serializer] = {bytes: Raw(), str: Text(), int: Integer()}


class Family(NamedTuple):
    """Pair how values are written with the explicit set of what may be read."""

    write: Callable[[Any], tuple[int, bytes]]
    readers: dict[int, Serializer]

    def own(self, value: Any) -> tuple[int, bytes]:
        """Write what the package keeps for itself."""
        bare = _BARE.get(type(value))
        return self.write(value) if bare is None else (bare.code, bare.dumps(value))

    def check(self, code: int) -> Serializer:
        """Return the reader of a code; Unreadable (``codec``) if it is not allowed."""
        reader = self.readers.get(code)
        if reader is None:
            raise Unreadable("codec")
        return reader

    def read(self, code: int, data: bytes) -> Any:
        """Return the value; Unreadable: ``codec`` if not allowed, ``payload`` if not decodable."""
        return self.by(self.check(code), data)

    @staticmethod
    def by(reader: Serializer, data: bytes) -> Any:
        """Return the value by a reader that was checked; Unreadable if it is not decodable."""
        # Unpickling and a user's loads run code of classes that may have changed since.
        try:
            return reader.loads(data)
        except Exception as error:
            raise Unreadable("payload") from error


def family(name: str, classes: Collection[str] | None = None) -> Family:
    """Return the family of a SERIALIZER name or dotted path.

    ``classes`` is OPTIONS["PICKLE_CLASSES"]. Raises Misconfigured for a name
    that is none and a path that leads to no ``dumps`` and ``loads``.
    """
    if name == "auto":
        return _auto(Json(), Pickle(classes))
    if name == "pickle":
        return _only(Pickle(classes), Json(), *_BARE.values())
    if name == "json":
        return _plain(Json())
    if name == "msgpack":
        return _plain(MessagePack())
    return _only(_custom(name), *_BARE.values())


def _auto(plain: Serializer, rest: Serializer) -> Family:
    def write(value: Any) -> tuple[int, bytes]:
        bare = _BARE.get(type(value), plain)
        try:
            return bare.code, bare.dumps(value)
        except NotPlain:
            pass  # and out of this block, so that an error of pickle's stands alone
        return rest.code, rest.dumps(value)

    return Family(write, _by_code(plain, rest, *_BARE.values()))


def _plain(plain: Serializer) -> Family:
    def write(value: Any) -> tuple[int, bytes]:
        bare = _BARE.get(type(value), plain)
        return bare.code, bare.dumps(value)

    return Family(write, _by_code(plain, *_BARE.values()))


def _only(writer: Serializer, *also_read: Serializer) -> Family:
    return Family(lambda value: (writer.code, writer.dumps(value)), _by_code(writer, *also_read))


def _by_code(*readers: Serializer) -> dict[int, Serializer]:
    return {reader.code: reader for reader in readers}


def _custom(path: str) -> Custom:
    found = _at(path)
    if isinstance(found, type):
        found = found()
    dumps, loads = getattr(found, "dumps", None), getattr(found, "loads", None)
    if not callable(dumps) or not callable(loads):
        raise Misconfigured(
            f'OPTIONS["SERIALIZER"]: {path} has no dumps and loads; name a module, an object or a '
            "class that has, or one of auto, json, msgpack, pickle"
        )
    return Custom(dumps, loads)


def _at(path: str) -> Any:
    """Import a module, or what a module holds."""
    module, _, name = path.rpartition(".")
    try:
        return importlib.import_module(path) if not module else _member(module, name)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise Misconfigured(
            f'OPTIONS["SERIALIZER"]: {path!r} is none of {", ".join(NAMES)}, and no dotted path '
            f"that can be imported ({error})"
        ) from error


def _member(module: str, name: str) -> Any:
    found = importlib.import_module(module)
    if not hasattr(found, name):
        return importlib.import_module(f"{module}.{name}")
    return getattr(found, name)
