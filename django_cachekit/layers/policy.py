"""Answer for a store that cannot be reached: a miss, a refusal, or the error.

====== ==========================================================
READ   nothing was found
WRITE  nothing was written or removed
ATOMIC the error: a number or a winner cannot be made up
ADMIN  the error: a flush that did not happen must be known
====== ==========================================================

``OPTIONS: {"RAISE": True}`` leaves this layer out, so that every verb raises.
"""

import logging
from typing import Any

from ..core.faces import Face
from ..core.operation import MISSING, Kind, Operation, Reply, Stamp
from ..errors import StoreUnavailable
from .base import Proceed

log = logging.getLogger("django_cachekit")

FIRM = (Kind.ATOMIC, Kind.ADMIN)
MUST_KNOW = ("keys", "ttl", "lock")
"""Reads with no answer for a store that is down: an empty list would be taken for the truth."""

LOST = Stamp(MISSING, {})
"""The stamp of a read that failed: what is computed under it is not stored."""


def lost(stamp: Stamp | None) -> bool:
    """Tell whether the read before a computation failed, so that its result cannot be kept."""
    return stamp is not None and stamp.epoch is MISSING


class Policy:
    """Turn ``StoreUnavailable`` into what the verb promises, and say so in the log."""

    def __init__(self, store: str) -> None:
        self.store = store

    def idle(self, op: Operation) -> bool:
        """Let no call pass by: any may fail."""
        return False

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        try:
            return await proceed(face, op)
        except StoreUnavailable as error:
            if op.verb in MUST_KNOW or (op.kind in FIRM and op.verb != "pull"):
                raise
            log.warning("cache %r: %s failed: %s", self.store, op.name, error)
            return _instead(op)


def _instead(op: Operation) -> Any:
    if op.verb == "read":
        return Reply({}, LOST if op.snapshot else None)
    if op.verb == "write":
        return set(op.keys)
    return MISSING if op.verb == "pull" else set()
