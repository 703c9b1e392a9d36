"""What this process counted of an alias, and what the store itself can tell of it."""

from collections.abc import Mapping
from typing import Any

from ..core.faces import Face
from ..core.facts import Facts
from ..core.operation import Kind, Operation
from ..errors import NotSupported
from ..layers.base import Driver
from ..layers.stats import NAMES
from ..scopes import Port

NOTHING: Mapping[str, Any] = dict.fromkeys(NAMES)


async def stats(port: Port) -> dict[str, Any]:
    """Return what this process counted of the alias since it started, by name.

    ``hits``, ``misses``, ``writes``, ``forgets``, ``counts``, ``flushes``, ``computations``,
    ``waits`` and ``errors`` are None where ``STATS`` does not ask for them, which ``counted`` says;
    so are ``hit_ratio`` (from 0 to 1; None without reads too), ``last_flush`` and ``since`` (Unix
    times). ``unreadable`` entries are always counted.
    """
    return of_stack(port.stack)


def of_stack(stack: Any) -> dict[str, Any]:
    """Return what was counted of one alias made ready."""
    kept = stack.stats
    unreadable = getattr(getattr(stack.driver, "inner", stack.driver), "unreadable", {})
    numbers: Mapping[str, Any] = NOTHING if kept is None else kept.numbers()
    return {
        "counted": kept is not None,
        **numbers,
        "hit_ratio": ratio(numbers["hits"], numbers["misses"]),
        "unreadable": sum(unreadable.values()),
        "last_flush": None if kept is None else kept.last_flush,
        "since": None if kept is None else kept.began,
    }


def ratio(hits: int | None, misses: int | None) -> float | None:
    """Return which part of the reads found something; None if there were none."""
    if hits is None or misses is None or not hits + misses:
        return None
    return hits / (hits + misses)


async def facts(face: Face, driver: Driver, *, count: bool = False) -> Facts:
    """Return what a store tells of itself; with ``count`` it lists what it has no number of."""
    op = Operation("facts", Kind.READ, quiet=True)
    try:
        told: Facts = await driver.perform(face, op)
    except NotSupported:
        told = Facts()
    if count and told.entries is None and getattr(driver, "lists", False):
        listing = Operation("keys", Kind.READ, quiet=True)
        told = told._replace(entries=len(await driver.perform(face, listing)))
    return told
