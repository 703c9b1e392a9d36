"""Django's own verbs over a stack of layers: one body for the facade and for our backends.

Each has the signature and meaning that Django documents (``django.core.cache.backends.base``).
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .core.entry import Entry
from .core.flights import BOARD
from .core.keys import plain
from .core.operation import MISSING, Kind, Operation
from .core.ttl import TTL, over, seconds
from .scopes import Port

K = TypeVar("K")


def unwrap(value: Any) -> Any:
    """Return the value inside an entry, or the value itself."""
    return value.value if type(value) is Entry else value


async def find(port: Port, key: Any, version: int | None = None, label: str = "get") -> Any:
    """Return the value of one key, or MISSING."""
    key = plain(key)
    reply = await port.call(port.read((key,), version, label))
    return unwrap(reply.values.get(key, MISSING))


async def get(port: Port, key: Any, default: Any = None, version: int | None = None) -> Any:
    """Return the value, or ``default``."""
    found = await find(port, key, version)
    return default if found is MISSING else found


async def get_many(port: Port, keys: Iterable[K], version: int | None = None) -> dict[K, Any]:
    """Return a dict of those of ``keys`` that are there, in one trip."""
    asked = {key: plain(key) for key in keys}
    if not asked:
        return {}
    wanted = tuple(dict.fromkeys(asked.values()))
    reply = await port.call(port.read(wanted, version, "get_many"))
    return {key: unwrap(reply.values[text]) for key, text in asked.items() if text in reply.values}


async def has_key(port: Port, key: Any, version: int | None = None) -> bool:
    """Tell whether the key is there and has not expired."""
    return await find(port, key, version, "has_key") is not MISSING


async def store(
    port: Port,
    values: Mapping[str, Any],
    ttl: Any,
    version: int | None = None,
    label: str = "set",
    **more: Any,
) -> set[Any]:
    """Write all ``values`` in one trip and return the keys that could not be written.

    ``more`` are other parts of the operation, such as ``tags`` in place of those of the port.
    """
    ttl = seconds(ttl)
    if over(ttl):
        await remove(port, tuple(values), version, label)
        return set()
    op = Operation(
        "write",
        Kind.WRITE,
        tuple(values),
        version,
        values=values,
        ttl=ttl,
        label=label,
        **{"tags": port.tags, **more},
    )
    failed: set[Any] = await port.call(op)
    return failed


async def remove(
    port: Port, keys: Iterable[str], version: int | None = None, label: str = "delete"
) -> set[Any]:
    """Remove ``keys`` and return those that were there."""
    keys = tuple(keys)
    if not keys:
        return set()
    revoke(port, keys, version)
    op = Operation("delete", Kind.WRITE, keys, version, tags=port.tags, label=label)
    gone: set[Any] = await port.call(op)
    return gone


def revoke(port: Port, keys: Iterable[str], version: int | None) -> None:
    """Let nothing that this process is computing for ``keys`` be kept, or joined by newcomers."""
    if BOARD.busy():
        for key in keys:
            BOARD.revoke(port.flight(key, version))


async def put_value(
    port: Port,
    key: Any,
    value: Any,
    timeout: TTL = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> None:
    """Store a value; a timeout of 0 or less removes the key."""
    await store(port, {plain(key): value}, timeout, version)


async def set_many(
    port: Port,
    data: Mapping[K, Any],
    timeout: TTL = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> list[K]:
    """Store many values in one trip and return the keys that could not be stored."""
    if not data:
        return []
    failed = await store(port, {plain(k): v for k, v in data.items()}, timeout, version, "set_many")
    return [key for key in data if plain(key) in failed]


async def add(
    port: Port,
    key: Any,
    value: Any,
    timeout: TTL = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> bool:
    """Store a value if the key is not there, and tell whether this call did; atomic."""
    key, ttl = plain(key), seconds(timeout)
    if over(ttl):
        return await find(port, key, version, "add") is MISSING
    op = Operation(
        "add", Kind.ATOMIC, (key,), version, {key: value}, ttl, tags=port.tags, label="add"
    )
    return bool(await port.call(op))


async def delete(port: Port, key: Any, version: int | None = None) -> bool:
    """Remove a key and tell whether it was there."""
    return bool(await remove(port, (plain(key),), version))


async def delete_many(port: Port, keys: Iterable[Any], version: int | None = None) -> None:
    """Remove many keys."""
    await remove(port, tuple(dict.fromkeys(map(plain, keys))), version, "delete_many")


async def touch(
    port: Port, key: Any, timeout: TTL = DEFAULT_TIMEOUT, version: int | None = None
) -> bool:
    """Give a key a new timeout and tell whether it was there; 0 or less removes it."""
    key, ttl = plain(key), seconds(timeout)
    if over(ttl):
        return bool(await remove(port, (key,), version, "touch"))
    return bool(await port.call(Operation("touch", Kind.WRITE, (key,), version, ttl=ttl)))


async def incr(port: Port, key: Any, delta: int = 1, version: int | None = None) -> int:
    """Add ``delta`` to a number in one step; a missing key is a ValueError."""
    op = Operation("incr", Kind.ATOMIC, (plain(key),), version, by=delta)
    number = await port.call(op)
    if number is MISSING:
        raise ValueError(f"Key '{key}' not found")
    return int(number)


async def decr(port: Port, key: Any, delta: int = 1, version: int | None = None) -> int:
    """Subtract ``delta`` from a number in one step; a missing key is a ValueError."""
    return await incr(port, key, -delta, version)


async def clear(port: Port) -> None:
    """Empty this alias."""
    await port.call(Operation("clear", Kind.ADMIN))


Computing = Callable[..., Coroutine[Any, Any, Any]]
_computing: list[Computing] = []


def computes(flow: Computing) -> Computing:
    """Let ``get_or_set`` be this flow: how one caller computes is known a floor above."""
    _computing[:] = [flow]
    return flow


async def get_or_set(
    port: Port,
    key: Any,
    default: Any,
    timeout: TTL = DEFAULT_TIMEOUT,
    version: int | None = None,
) -> Any:
    """Return the value; where there is none, ``default`` (called if it can be), stored.

    One caller computes, and what is removed or flushed meanwhile is not brought back.
    """
    return await _computing[0](port, key, default, timeout, version)


async def incr_version(port: Port, key: Any, delta: int = 1, version: int | None = None) -> int:
    """Move a value to another version of its key; a missing key is a ValueError."""
    key = plain(key)
    version = port.stack.driver.version if version is None else version
    value = await find(port, key, version)
    if value is MISSING:
        raise ValueError(f"Key '{key}' not found")
    await store(port, {key: value}, DEFAULT_TIMEOUT, version + delta)
    await remove(port, (key,), version)
    return version + delta


async def decr_version(port: Port, key: Any, delta: int = 1, version: int | None = None) -> int:
    """Move a value to an earlier version of its key; a missing key is a ValueError."""
    return await incr_version(port, key, -delta, version)
