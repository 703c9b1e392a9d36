"""The verbs that read and write values."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from ..core.flights import BOARD
from ..core.keys import matcher, plain
from ..core.operation import MISSING, Kind, Operation
from ..core.ttl import TTL, over, seconds
from ..errors import TypeMismatch
from ..scopes import Port
from ..verbs import find, remove, revoke, store, unwrap
from . import tagged

_WHOLE = re.compile(r"\s*[+-]?\d+\s*\Z").match
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*\Z").match


async def _or(port: Port, found: Any, default: Any) -> Any:
    """Return what was found, or the default, called if it can be."""
    if found is not MISSING:
        return found
    return await port.face.user(default) if callable(default) else default


async def get(port: Port, key: Any, default: Any = None, version: int | None = None) -> Any:
    """Return the value, or ``default``; a default that can be called is called."""
    return await _or(port, await find(port, key, version), default)


async def many(port: Port, keys: Iterable[Any] | Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a dict of every key in the order asked; ``{key: default}`` gives defaults."""
    defaults = keys if isinstance(keys, Mapping) else dict.fromkeys(keys)
    wanted = tuple(dict.fromkeys(map(plain, defaults)))
    if not wanted:
        return {}
    found = (await port.call(port.read(wanted, None, "many"))).values
    return {
        key: await _or(port, unwrap(found.get(plain(key), MISSING)), default)
        for key, default in defaults.items()
    }


async def has(port: Port, key: Any) -> bool:
    """Tell whether the key is there; a stored None counts."""
    return await find(port, key, None, "has") is not MISSING


async def missing(port: Port, key: Any) -> bool:
    """Tell whether the key is not there."""
    return not await has(port, key)


async def pull(port: Port, key: Any, default: Any = None) -> Any:
    """Return the value and remove it, for one caller only; or ``default``."""
    key = plain(key)
    revoke(port, (key,), None)
    op = Operation("pull", Kind.ATOMIC, (key,), tags=port.tags)
    return await _or(port, unwrap(await port.call(op)), default)


async def ttl(port: Port, key: Any) -> float | None:
    """Return the seconds a key has left, None if for ever; a missing key is a KeyError."""
    left = await port.call(Operation("ttl", Kind.READ, (plain(key),), tags=port.tags))
    if left is MISSING or (port.tags and not await has(port, key)):
        raise KeyError(key)
    return None if left is None else float(left)


async def put(port: Port, key: Any, value: Any, ttl: TTL = None) -> bool:
    """Store a value, for ever unless a ttl is given; a ttl of 0 or less removes the key."""
    key, ttl = plain(key), seconds(ttl)
    if over(ttl):
        return bool(await remove(port, (key,), None, "put"))
    return not await store(port, {key: value}, ttl, label="put")


async def forever(port: Port, key: Any, value: Any) -> bool:
    """Store a value that does not expire."""
    return await put(port, key, value)


async def put_many(port: Port, mapping: Mapping[Any, Any], ttl: TTL = None) -> bool:
    """Store many values in one trip where the store can, and tell whether all were stored."""
    values = {plain(key): value for key, value in mapping.items()}
    return not values or not await store(port, values, ttl, label="put_many")


async def increment(port: Port, key: Any, by: int = 1, *, initial: int = 0, ttl: TTL = None) -> int:
    """Add to a number in one step; a missing key starts from ``initial`` with ``ttl``.

    A key that is there keeps its ttl. A value that is not an int is a TypeMismatch.
    """
    for name, number in (("by", by), ("initial", initial)):
        if type(number) is not int:
            raise TypeError(f"{name} is an int, not {type(number).__name__}.")
    ttl = seconds(ttl)
    if over(ttl):
        raise ValueError("A counter needs a ttl over 0, or None.")
    op = Operation(
        "incr", Kind.ATOMIC, (plain(key),), tags=port.tags, by=by, initial=initial, ttl=ttl
    )
    return int(await port.call(op))


async def decrement(port: Port, key: Any, by: int = 1, *, initial: int = 0, ttl: TTL = None) -> int:
    """Subtract from a number in one step, as ``increment`` adds."""
    return await increment(port, key, -by, initial=initial, ttl=ttl)


async def touch(
    port: Port, key: Any, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
) -> bool:
    """Give a key a new ttl and tell whether it was there; an expired key stays dead."""
    key, ttl = plain(key), seconds(timeout)
    if over(ttl):
        return bool(await remove(port, (key,), version, "touch"))
    op = Operation("touch", Kind.WRITE, (key,), version, ttl=ttl, tags=port.tags)
    return bool(await port.call(op))


async def forget(port: Port, key: Any) -> bool:
    """Remove a key and tell whether it was there."""
    return bool(await remove(port, (plain(key),), None, "forget"))


async def forget_many(port: Port, keys: Iterable[Any]) -> int:
    """Remove many keys and return how many were there."""
    return len(await remove(port, tuple(dict.fromkeys(map(plain, keys))), None, "forget_many"))


async def listing(port: Port, glob: str = "*", *, claims: bool = False) -> list[str]:
    """Return the keys that match ``glob``; NotSupported where the store cannot list its keys.

    ``claims`` gives those too that are only being computed.
    """
    if port.tags:
        return await tagged.listing(port, glob)
    found: list[str] = await port.call(Operation("keys", Kind.READ, glob=glob, soft=claims))
    return found


async def forget_pattern(port: Port, glob: str) -> int:
    r"""Remove the keys that match (``*``, ``?``, ``[abc]``, ``\`` escapes) and return how many."""
    if BOARD.busy():
        fits, lead = matcher(glob), port.flight("", None)
        BOARD.revoke_all(lambda name: name[:2] == lead[:2] and fits(name[2]))
    return await forget_many(port, await listing(port, glob, claims=True))


async def flush(port: Port) -> bool:
    """Empty this alias, and nothing else in the same server."""
    await port.call(Operation("clear", Kind.ADMIN, label="flush"))
    return True


async def prune(port: Port) -> int:
    """Drop what has expired, where the store does not do so itself, and return how many went."""
    return int(await port.call(Operation("prune", Kind.ADMIN)))


async def string(port: Port, key: Any, default: Any = None) -> str | None:
    """Return the value if it is text; another type is a TypeMismatch."""
    return await _typed(port, key, default, "text", as_text)  # type: ignore[no-any-return]  # checked by fits


async def integer(port: Port, key: Any, default: Any = None) -> int | None:
    """Return the value if it is an int or numeric text; another type is a TypeMismatch."""
    return await _typed(port, key, default, "an int", as_integer)  # type: ignore[no-any-return]  # checked by fits


async def float_(port: Port, key: Any, default: Any = None) -> float | None:
    """Return the value if it is a number or numeric text; another type is a TypeMismatch."""
    return await _typed(port, key, default, "a float", as_float)  # type: ignore[no-any-return]  # checked by fits


async def boolean(port: Port, key: Any, default: Any = None) -> bool | None:
    """Return the value if it is a bool; another type is a TypeMismatch."""
    return await _typed(port, key, default, "a bool", as_boolean)  # type: ignore[no-any-return]  # checked by fits


async def array(port: Port, key: Any, default: Any = None) -> list[Any] | tuple[Any, ...] | None:
    """Return the value if it is a list or tuple; another type is a TypeMismatch."""
    return await _typed(port, key, default, "a list", as_array)  # type: ignore[no-any-return]  # checked by fits


async def _typed(
    port: Port, key: Any, default: Any, wanted: str, fits: Callable[[Any], Any]
) -> Any:
    found = await find(port, key)
    if found is MISSING:
        found = await _or(port, MISSING, default)
        if found is None:
            return None
    value = fits(found)
    if value is MISSING:
        raise TypeMismatch(
            f"The value of {plain(key)!r} should be {wanted}, not {type(found).__name__} "
            f"(alias {port.alias!r}). get() returns it whatever it is; forget() removes it."
        )
    return value


def as_text(value: Any) -> Any:
    """Return text as it is, or MISSING."""
    return value if isinstance(value, str) else MISSING


def as_integer(value: Any) -> Any:
    """Return an int, also from numeric text, or MISSING; a bool is none."""
    if isinstance(value, str) and _WHOLE(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else MISSING


def as_float(value: Any) -> Any:
    """Return a float, also from an int or numeric text, or MISSING; a bool is none."""
    if isinstance(value, str) and _NUMBER(value):
        return float(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number else MISSING


def as_boolean(value: Any) -> Any:
    """Return a bool as it is, or MISSING."""
    return value if isinstance(value, bool) else MISSING


def as_array(value: Any) -> Any:
    """Return a list or tuple as it is, or MISSING."""
    return value if isinstance(value, (list, tuple)) else MISSING
