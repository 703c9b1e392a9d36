"""Claims on a backend that is not ours: a record beside the entry.

Such a backend cannot write on a condition. So who computed writes the value and then looks whether
the claim still lies, and takes the value back if it does not; who removes a key removes the claim
first. Whichever comes last, the value does not stay.
"""

from typing import Any

from ...core.entry import Entry
from ...core.operation import MISSING, UNSURE, Record, tag_record
from ..tags import alive
from .call import Call


def claim_on(call: Call, key: Any) -> Record:
    """Name the claim on one key."""
    version = call.driver.version if call.op.version is None else call.op.version
    return Record("claim", f"{version}:{key}")


async def lay(call: Call) -> Any:
    """Lay a claim: MISSING if it lies, UNSURE if another's does, else the value that is there."""
    op, mine = call.op, claim_on(call, call.op.key)
    if not await call.one("add", mine, op.token, call.timeout()):
        if op.match != "taken":
            return UNSURE
        await call.one("set", mine, op.token, call.timeout())
    if op.match == "absent":
        value = await _standing(call)
        if value is not MISSING:
            # It was computed between the caller's last look and this claim.
            await call.one("delete", mine)
            return value
    return MISSING


async def _standing(call: Call) -> Any:
    value = await call.get(call.op.key)
    if type(value) is not Entry:
        return MISSING if call.op.tags else value
    records = await call.fetch([tag_record(tag) for tag in value.stamps])
    bears = all(tag in value.stamps for tag in call.op.tags)
    return value.value if bears and alive(value, records) else MISSING


async def lies(call: Call, key: Any) -> bool:
    """Tell whether the operation's claim on a key still lies."""
    return bool(await call.get(claim_on(call, key)) == call.op.token)


async def renew(call: Call) -> set[Any]:
    """Let the claim lie for as long again; return the key if it does."""
    key = call.op.key
    if await lies(call, key) and await call.one("touch", claim_on(call, key), call.timeout()):
        return {key}
    return set()


async def drop(call: Call) -> set[Any]:
    """Take the claim away; return the key if it was there."""
    key = call.op.key
    if not await lies(call, key):
        return set()
    await call.one("delete", claim_on(call, key))
    return {key}
