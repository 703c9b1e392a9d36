"""Asking one store whether it works: a value is written, read, removed, and looked for again.

The driver is asked and not the layers above it, which would answer in its place. What it is asked
for is a record, so it is no user's key and no signal tells of it.
"""

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured

from ..core.faces import Face
from ..core.operation import Kind, Operation, Record
from ..layers.base import Driver

UP, DEGRADED, DOWN = "up", "degraded", "down"

LEFT = 60
"""Seconds after which a store drops by itself what could not be removed."""


class Finding(NamedTuple):
    """Say how a store is, and the class of the reason; no text of an error, which names hosts."""

    status: str
    reason: str = ""


class _Answer(NamedTuple):
    """Hold what came of one operation."""

    result: Any = None
    error: Exception | None = None


async def probe(face: Face, driver: Driver) -> Finding:
    """Write, read and remove a value of this moment's own, and return what that shows."""
    key, value = Record("health", os.urandom(16).hex()), os.urandom(16).hex()
    write = Operation("write", Kind.WRITE, (key,), values={key: value}, ttl=LEFT, quiet=True)
    read = Operation("read", Kind.READ, (key,), quiet=True)
    delete = Operation("delete", Kind.WRITE, (key,), quiet=True)
    written = await _ask(face, driver, write)
    found = await _ask(face, driver, read)
    if found.error is not None:
        return Finding(DOWN, reason_of(found.error))
    # Also if the write failed: it may have been done, and only the answer lost.
    removed = await _ask(face, driver, delete)
    if written.error is not None or key in written.result:
        return Finding(DEGRADED, "read only")
    if found.result.values.get(key) != value:
        return Finding(DOWN, "wrong answer")
    if removed.error is not None:
        return Finding(DEGRADED, "read only")
    left = await _ask(face, driver, read)
    if left.error is not None:
        return Finding(DOWN, reason_of(left.error))
    return Finding(DOWN, "wrong answer") if key in left.result.values else Finding(UP)


async def _ask(face: Face, driver: Driver, op: Operation) -> _Answer:
    try:
        return _Answer(await driver.perform(face, op))
    except Exception as error:  # whatever it is, it is what there is to find out
        return _Answer(error=error)


def reason_of(error: BaseException) -> str:
    """Return the class of an error in a word or two that may be shown to anyone."""
    chain = list(_chain(error))
    for word, kinds, names in REASONS:
        for one in chain:
            if isinstance(one, kinds) or any(name in type(one).__name__ for name in names):
                return word
    return "error"


REASONS: tuple[tuple[str, tuple[type[BaseException], ...], tuple[str, ...]], ...] = (
    ("misconfigured", (ImproperlyConfigured, InvalidCacheBackendError, ImportError), ()),
    ("refused", (ConnectionRefusedError,), ("Refused",)),
    ("timeout", (TimeoutError,), ("Timeout",)),
    ("forbidden", (PermissionError,), ("Authentication", "AccessDenied", "NoPermission")),
    ("unreachable", (ConnectionError,), ("Connection", "gaierror", "herror")),
)
"""What an error's class, or that of one of its causes, says; clients' own are known by name."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and those it came from; one that goes in a circle ends."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


__all__ = ["DEGRADED", "DOWN", "UP", "Finding", "probe", "reason_of"]
