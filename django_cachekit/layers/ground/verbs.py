"""What each verb of a driver is in the verbs that Django documents."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.cache.backends.db import BaseDatabaseCache
from django.core.cache.backends.filebased import FileBasedCache

from ...codecs import UNREADABLE
from ...core.entry import Entry
from ...core.keys import digest
from ...core.operation import MISSING, Record, Reply, Stamp, tag_record
from ...errors import NotANumber, NotSupported, StoreUnavailable
from ..tags import alive, nonce
from .call import Call

EPOCH = Record("epoch")
"""The record that goes when the alias is emptied, so that who was computing can tell."""

CLAIM_TTL = 60
"""Seconds for which the one who removes a dead entry is remembered."""

COUNTS = (
    "django.core.cache.backends.redis.RedisCache",
    "django.core.cache.backends.memcached.PyMemcacheCache",
    "django.core.cache.backends.memcached.PyLibMCCache",
    "django_redis.cache.RedisCache",
)
"""Backends whose add and incr are one step each, between processes too."""


TOUCHES_DEAD = (BaseDatabaseCache, FileBasedCache)
"""Backends whose touch() revives a row that has expired, or fails on such a file."""


async def _read(call: Call) -> Reply:
    wanted = [*call.op.keys]
    if call.op.snapshot:
        wanted.append(EPOCH)
    values = await _fetch(call, wanted)
    if not call.op.snapshot:
        return Reply(values)
    epoch = values.pop(EPOCH, None)
    if epoch is None:
        epoch = nonce()
        if not await call.one("add", EPOCH, epoch, None):
            epoch = await call.get(EPOCH)
    return Reply(values, Stamp(epoch, {}))


async def _fetch(call: Call, keys: list[Any]) -> dict[Any, Any]:
    """Read all keys in one trip, or two where records live under another version than asked."""
    if len(keys) == 1:
        value = await call.get(keys[0])
        return {} if value is MISSING else {keys[0]: value}
    values: dict[Any, Any] = {}
    for version in {call.version(key) for key in keys}:
        named = {call.named(key): key for key in keys if call.version(key) == version}
        try:
            found = await call.say("get_many", list(named), version=version)
        except UNREADABLE:
            # One bad entry must not hide the good ones beside it.
            found = {name: await call.get(key) for name, key in named.items()}
        values.update({named[n]: v for n, v in found.items() if n in named and v is not MISSING})
    return values


async def _write(call: Call) -> set[Any]:
    values, timeout = call.op.values, call.timeout()
    failed: set[Any] = set()
    if len(values) == 1:
        for key, value in values.items():
            await call.one("set", key, value, timeout)
    else:
        for version in {call.version(key) for key in values}:
            named = {call.named(key): key for key in values if call.version(key) == version}
            data = {name: values[key] for name, key in named.items()}
            bad = await call.say("set_many", data, timeout, version=version)
            failed.update(named[name] for name in bad or () if name in named)
    if call.op.stamp is not None and call.op.stamp.epoch is not None:
        await _unwrite(call, call.op.stamp.epoch)
    return failed


async def _unwrite(call: Call, before: Any) -> None:
    """Take a computed value back if the alias was flushed while it was computed.

    Such a cache cannot write on a condition, so the value is written, then looked after.
    """
    if await call.get(EPOCH) != before:
        for key in call.op.values:
            await call.one("delete", key)


async def _delete(call: Call) -> set[Any]:
    there = set()
    for key in call.op.keys:
        dead = call.driver.tagged and await _dead(call, key)
        if await call.one("delete", key) and not dead:
            there.add(key)
    return there


async def _dead(call: Call, key: Any) -> Entry | None:
    """Return what is there if it is an entry whose tags were flushed."""
    entry = await call.get(key)
    if type(entry) is not Entry or not entry.stamps:
        return None
    records = await _fetch(call, [tag_record(tag) for tag in entry.stamps])
    return None if alive(entry, records) else entry


async def _touch(call: Call) -> set[Any]:
    there = set()
    for key in call.op.keys:
        dead = call.driver.tagged and await _dead(call, key)
        if isinstance(call.cache, TOUCHES_DEAD) and await call.get(key) is MISSING:
            continue
        if not dead and await call.one("touch", key, call.timeout()):
            there.add(key)
    return there


async def _remove(call: Call, key: Any, dead: Entry) -> None:
    """Remove one dead entry, which only one caller may do: a second would remove a newer one."""
    mark = digest(f"{key}|{sorted(dead.stamps.items())}|{dead.created}")
    if await call.one("add", Record("claim", mark), 1, CLAIM_TTL):
        await call.one("delete", key)


async def _add(call: Call) -> bool:
    ((key, value),) = call.op.values.items()
    if await call.one("add", key, value, call.timeout()):
        return True
    dead = None if isinstance(key, Record) else await _dead(call, key)
    if dead is None:
        return False
    await _remove(call, key, dead)
    return bool(await call.one("add", key, value, call.timeout()))


async def _incr(call: Call) -> Any:
    op = call.op
    if op.initial is None:
        return await _step(call)
    if call.driver.path not in COUNTS:
        raise NotSupported(
            f"{call.driver.path} (alias {call.driver.alias!r}) cannot create and count in one "
            f"step; incr() and decr() work as Django's, increment() needs a store that can."
        )
    if op.tags:
        raise NotSupported(f"{call.driver.path} cannot count under tags.")
    while True:
        number = await _step(call)
        if number is not MISSING:
            return number
        start = op.initial + op.by
        if await call.one("add", op.key, start, call.timeout()):
            return start


async def _step(call: Call) -> Any:
    """Count as the cache itself does, or return MISSING."""
    try:
        number = await call.one("incr", call.op.key, call.op.by)
    except TypeError as error:
        if await _dead(call, call.op.key):
            return MISSING
        raise NotANumber(f"The value of {call.op.key!r} is not a number.") from error
    except ValueError:
        found = await call.get(call.op.key)
        if found is MISSING:
            return MISSING
        raise
    if number is None or isinstance(number, bool):
        raise StoreUnavailable(f"alias {call.driver.alias!r}: no number came back.")
    return number


async def _pull(call: Call) -> Any:
    value = await call.get(call.op.key)
    if value is MISSING:
        return MISSING
    records = {}
    if type(value) is Entry:
        records = await _fetch(call, [tag_record(tag) for tag in value.stamps])
    if not await call.one("delete", call.op.key) or not alive(value, records):
        return MISSING
    tags = value.stamps if type(value) is Entry else {}
    return value if all(tag in tags for tag in call.op.tags) else MISSING


async def _clear(call: Call) -> None:
    # The epoch's record goes with all others, so a value being computed now is not kept.
    await call.say("clear")


VERBS: Mapping[str, Callable[[Call], Awaitable[Any]]] = {
    "read": _read,
    "write": _write,
    "delete": _delete,
    "touch": _touch,
    "add": _add,
    "incr": _incr,
    "pull": _pull,
    "clear": _clear,
}
