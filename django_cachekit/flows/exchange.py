"""Changing a value by what it is, so that no change of another is lost: ``cas``."""

import random
from collections.abc import Callable
from typing import Any

from .. import conf
from ..core.keys import plain
from ..core.operation import MISSING, Kind, Operation, Seen
from ..core.remedies import contended
from ..core.ttl import KEEP, over, seconds
from ..errors import StoreUnavailable
from ..scopes import Port
from ..verbs import revoke

TRIES = 1000
"""How often a change starts over because another writer came between."""

FIRST_PAUSE, LONGEST_PAUSE = 0.001, 0.05
"""Seconds that a try waits at most, at first and later, so that writers part."""


async def cas(
    port: Port, key: Any, change: Callable[[Any], Any], *, default: Any = None, ttl: Any = KEEP
) -> Any:
    """Put ``change(value)`` in the value's place, unless another came between: then anew.

    ``change`` is given the default (called, if it can be) where there is no value, and may be
    called several times; if it raises, all stays as it was. What is there keeps its tags, and its
    ttl unless one is given; what is not is made with ``ttl``, or for ever. Returns the new value.
    """
    key, ttl = plain(key), ttl if ttl is KEEP else seconds(ttl)
    if not callable(change):
        raise TypeError(f"change is a function of the value, not {type(change).__name__}.")
    if ttl is not KEEP and over(ttl):
        raise ValueError("cas() needs a ttl over 0, or None; forget() removes.")
    for turn in range(TRIES):
        # No mere read: it has to be the store that is written to that answers.
        look = Operation("see", Kind.ATOMIC, (key,), tags=port.tags, label="cas")
        seen: Seen = await port.call(look)
        value = await port.face.user(change, await _given(port, seen, default))
        revoke(port, (key,), None)
        if await port.call(_swap(port, key, value, seen, ttl)):
            return value
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(turn, 10))
        await port.face.sleep(random.uniform(0, pause))  # noqa: S311 - it only parts the writers
    text = f"cas() gave up, others changed the key {TRIES:,} times in a row (key {conf.shown(key)})"
    raise StoreUnavailable(contended(port.alias, text))


async def _given(port: Port, seen: Seen, default: Any) -> Any:
    if seen.value is not MISSING:
        return seen.value
    return await port.face.user(default) if callable(default) else default


def _swap(port: Port, key: str, value: Any, seen: Seen, ttl: Any) -> Operation:
    """Return the operation that stores the value if what was seen is still there."""
    match = "absent" if seen.value is MISSING else "present"
    if match == "absent" and ttl is KEEP:
        ttl = None
    op = Operation("swap", Kind.ATOMIC, (key,), values={key: value}, ttl=ttl, tags=port.tags)
    return op._replace(match=match, seen=seen.mark, stamp=seen.stamp, label="cas")
