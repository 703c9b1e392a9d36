"""Many keys computed together: one read, one call, one write."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..core.flights import BOARD, Flight, Role, leading
from ..core.keys import plain
from ..core.ttl import over, seconds
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import Port
from ..verbs import get_many, store, unwrap
from .compute import Remembered


async def remember_many(
    port: Port,
    keys: Iterable[Any],
    ttl: Any,
    make_many: Callable[[list[Any]], Any],
) -> dict[Any, Any]:
    """Return a dict of ``keys``: one read, one ``make_many(missing) -> dict``, one write.

    A key that ``make_many`` leaves out is not cached and is not in the result. In one process each
    key is computed by one caller at a time.
    """
    asked = {plain(key): key for key in keys}
    found = await get_many(port, list(asked))
    while len(found) < len(asked):
        wanted = [key for key in asked if key not in found]
        made, waited = await _together(port, wanted, asked, ttl, make_many)
        found.update(made)
        if not waited:
            break
        found.update(await get_many(port, waited))
        asked = {key: name for key, name in asked.items() if key in found or key in waited}
    return {name: found[key] for key, name in asked.items() if key in found}


async def _together(
    port: Port, wanted: list[str], asked: Mapping[str, Any], ttl: Any, make_many: Any
) -> tuple[dict[str, Any], list[str]]:
    """Compute the keys nobody computes, then wait for the others; return both."""
    version = port.stack.driver.version
    led: dict[str, Flight] = {}
    others: dict[str, Flight] = {}
    for key in wanted:
        name = port.flight(key, version)
        flight, role = BOARD.join(name, blocking=not port.face.awaiting)
        (others if role is Role.FOLLOW else led)[key] = flight
    try:
        made = await _all_made(port, led, asked, ttl, make_many)
        # Only now: waiting before one's own keys are done could be waiting for one another.
        for flight in others.values():
            await port.face.settled(flight.done)
        return made, list(others)
    finally:
        for flight in others.values():
            BOARD.left(flight)


async def _all_made(
    port: Port, led: Mapping[str, Flight], asked: Mapping[str, Any], ttl: Any, make_many: Any
) -> dict[str, Any]:
    """Make what is led, and land every flight whatever comes of it."""
    try:
        return await _made(port, led, asked, ttl, make_many)
    except Exception as error:
        for flight in led.values():
            flight.error = error
        raise
    finally:
        for key, flight in led.items():
            BOARD.land(port.flight(key, None), flight)


async def _made(
    port: Port, led: Mapping[str, Flight], asked: Mapping[str, Any], ttl: Any, make_many: Any
) -> dict[str, Any]:
    if not led:
        return {}
    reply = await port.call(port.read(tuple(led), None)._replace(snapshot=True, quiet=True))
    found = {key: unwrap(value) for key, value in reply.values.items()}
    missing = [key for key in led if key not in found]
    if not missing:
        return found
    with leading(*led.values()):
        fresh = await port.face.user(make_many, [asked[key] for key in missing])
    if port.stack.driver.shared:
        for key, flight in led.items():
            BOARD.part(port.flight(key, None), flight)  # as in compute
    if not isinstance(fresh, Mapping):
        raise TypeError(f"make_many gives a dict of values by key, not {type(fresh).__name__}.")
    values = {key: fresh[asked[key]] for key in missing if asked[key] in fresh}
    if not waiting(port.alias).isdisjoint(port.tags):
        for flight in led.values():
            flight.revoked = True  # computed within a transaction that is going to flush it
    for key, value in values.items():
        led[key].value, led[key].stamp = Remembered(value, port.tags), reply.stamp
    keep = {key: value for key, value in values.items() if not led[key].revoked}
    lasting = seconds(ttl)
    if keep and not over(lasting) and not lost(reply.stamp):
        await store(port, keep, lasting, None, "remember_many", stamp=reply.stamp)
    return found | values
