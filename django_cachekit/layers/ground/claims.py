"""Claims on a backend that is not ours: a record beside the entry.

Such a backend cannot write on a condition. So who computed writes the value and then looks whether
the claim still lies, and takes the value back if it does not; who removes a key removes the claim
first. Whichever comes last, the value does not stay.
"""

from collections.abc import Iterable
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
    return (await lay_all(call))[call.op.key]


async def lay_all(call: Call) -> dict[Any, Any]:
    """Lay a claim on each key, which is a step for each, and tell of each what ``lay`` does."""
    found = {key: MISSING if await _lay(call, key) else UNSURE for key in call.op.keys}
    if call.op.match == "absent":
        mine = [key for key, answer in found.items() if answer is MISSING]
        for key, value in (await _standing(call, mine)).items():
            # It was computed between the caller's last look and this claim.
            await call.one("delete", claim_on(call, key))
            found[key] = value
    return found


async def _lay(call: Call, key: Any) -> bool:
    mine = claim_on(call, key)
    if await call.one("add", mine, call.op.token, call.timeout()):
        return True
    if call.op.match != "taken":
        return False
    await call.one("set", mine, call.op.token, call.timeout())
    return True


async def _standing(call: Call, keys: list[Any]) -> dict[Any, Any]:
    """Return the values that count, of those that are there."""
    values = await call.fetch(keys) if keys else {}
    entries = [value for value in values.values() if type(value) is Entry]
    tags = {tag for entry in entries for tag in entry.stamps}
    records = await call.fetch([tag_record(tag) for tag in tags]) if tags else {}
    found: dict[Any, Any] = {}
    for key, value in values.items():
        if type(value) is not Entry:
            found |= {} if call.op.tags else {key: value}
        elif all(tag in value.stamps for tag in call.op.tags) and alive(value, records):
            found[key] = value.value
    return found


async def lying(call: Call, keys: Iterable[Any]) -> set[Any]:
    """Return those of ``keys`` on which the operation's claim still lies."""
    claimed = {claim_on(call, key): key for key in keys}
    there = await call.fetch(claimed) if claimed else {}
    return {claimed[claim] for claim, token in there.items() if token == call.op.token}


async def renew(call: Call) -> set[Any]:
    """Let the claims lie for as long again; return the keys where they do."""
    mine = await lying(call, call.op.keys)
    return {key for key in mine if await call.one("touch", claim_on(call, key), call.timeout())}


async def drop(call: Call) -> set[Any]:
    """Take the claims away; return the keys where they were."""
    mine = await lying(call, call.op.keys)
    for key in mine:
        await call.one("delete", claim_on(call, key))
    return mine
