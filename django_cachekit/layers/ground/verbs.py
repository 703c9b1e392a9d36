"""What each verb of a driver is in the verbs that Django documents."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.cache.backends.db import BaseDatabaseCache
from django.core.cache.backends.filebased import FileBasedCache

from ...core.entry import Entry
from ...core.keys import digest
from ...core.marks import part
from ...core.operation import MISSING, Record, Reply, Stamp, claimable, tag_record
from ...core.remedies import OURS, unable, unreachable
from ...errors import NotANumber, NotSupported, StoreUnavailable
from ..tags import alive
from . import claims, facts
from .call import Call
from .records import KINDS, parts, pieces, spread

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
    if not call.op.snapshot:
        return Reply(await call.fetch(call.op.keys))
    owned = [key for key in call.op.keys if call.driver.shared and claimable(key)]
    claimed = {claims.claim_on(call, key): key for key in owned}
    values = await call.fetch([*call.op.keys, EPOCH, *claimed])
    held = frozenset(key for claim, key in claimed.items() if values.pop(claim, None) is not None)
    epoch = values.pop(EPOCH, None)
    if epoch is None:
        epoch = part()
        if not await call.one("add", EPOCH, epoch, None):
            epoch = await call.get(EPOCH)
    return Reply(values, Stamp(epoch, {}), held)


async def _write(call: Call) -> set[Any]:
    values, timeout = spread(call.op.values), call.timeout()
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
        failed |= await _unwrite(call, call.op.stamp.epoch)
    if call.op.token:
        await claims.drop(call)
    return {key for key in call.op.values if not failed.isdisjoint(parts(key))}


async def _unwrite(call: Call, before: Any) -> set[Any]:
    """Take computed values back if the alias was flushed, or the claim removed, meanwhile.

    Such a cache cannot write on a condition, so a value is written, then looked after.
    """
    values = set(call.op.values)
    kept = values if await call.get(EPOCH) == before else set()
    if kept and call.op.token:
        kept = await claims.lying(call, values)
    for key in values - kept:
        await call.one("delete", key)
    return values - kept


async def _delete(call: Call) -> set[Any]:
    if call.op.token:
        return await claims.drop(call)
    there = set()
    for key in call.op.keys:
        await _revoke(call, key)
        dead = call.driver.tagged and await _dead(call, key)
        if await call.one("delete", key) and not dead:
            there.add(key)
    return there


async def _revoke(call: Call, key: Any) -> None:
    """Take away the claim of whoever computes the key, before the key: see ``claims``."""
    if call.driver.shared and not isinstance(key, Record):
        await call.one("delete", claims.claim_on(call, key))


async def _dead(call: Call, key: Any) -> Entry | None:
    """Return what is there if it is an entry that has ended, or whose tags were flushed."""
    entry = await call.get(key)
    if type(entry) is not Entry or entry.bare:
        return None
    records = await call.fetch([tag_record(tag) for tag in entry.stamps]) if entry.stamps else {}
    return None if alive(entry, records) else entry


async def _touch(call: Call) -> set[Any]:
    if call.op.token:
        return await claims.renew(call)
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
    if isinstance(key, Record):
        added = [await call.one("add", *piece, call.timeout()) for piece in pieces(key, value)]
        return all(added)
    if await call.one("add", key, value, call.timeout()):
        return True
    dead = await _dead(call, key)
    if dead is None:
        return False
    await _remove(call, key, dead)
    return bool(await call.one("add", key, value, call.timeout()))


async def _incr(call: Call) -> Any:
    op = call.op
    if op.initial is None:
        return await _step(call)
    if call.driver.path not in COUNTS:
        raise NotSupported(_unable(call, "increment"))
    if op.tags:
        raise NotSupported(
            f"{call.driver.path} (alias {call.driver.alias!r}) cannot count under tags; "
            f"{OURS}. Or count without: the plain key."
        )
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
        raise NotANumber(
            f"The value of {call.op.key!r} is not a number, and only one can be counted "
            f"(alias {call.driver.alias!r}). Forget the key to begin anew."
        ) from error
    except ValueError:
        found = await call.get(call.op.key)
        if found is MISSING:
            return MISSING
        raise
    if number is None or isinstance(number, bool):
        text = "no number came back"
        raise StoreUnavailable(unreachable(call.driver.alias, call.op.name, text))
    return number


async def _pull(call: Call) -> Any:
    await _revoke(call, call.op.key)
    value = await call.get(call.op.key)
    stamps = value.stamps if type(value) is Entry else {}
    if value is MISSING or any(tag not in stamps for tag in call.op.tags):
        return MISSING
    records = await call.fetch([tag_record(tag) for tag in stamps]) if stamps else {}
    if not alive(value, records):
        return MISSING
    return value if await call.one("delete", call.op.key) else MISSING


async def _see(call: Call) -> Any:
    raise NotSupported(_unable(call, "cas"))


def _unable(call: Call, name: str) -> str:
    return unable(f"{call.driver.path} (alias {call.driver.alias!r})", call.op.verb, name)


async def _mark(call: Call) -> None:
    """Write one part of a tag's record, blindly: see ``records``."""
    (mark,) = (key for key in parts(call.op.key) if key.kind == KINDS[call.op.match])
    await call.one("set", mark, call.op.token, None)


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
    "see": _see,
    "claim": claims.lay,
    "claim_all": claims.lay_all,
    "mark": _mark,
    "clear": _clear,
    "facts": facts.tell,
}
