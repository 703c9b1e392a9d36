"""One caller's hold on a lock: what is known of it here, and how it is spoken of to the store."""

import os
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ..core import clock
from ..core.held import mark
from ..core.operation import Kind, Operation, Record
from ..core.ttl import over, seconds
from ..layers.events import end_is_heard
from ..scopes import Port

Duration = int | float | timedelta | datetime
"""A time to wait, or for which a lock is taken, as people give it."""

LONGEST = 30 * 24 * 3600
"""Seconds for which a lock may be taken; who needs it longer refreshes it."""

ASKING = ("look", "wait")
"""What changes nothing in the store."""


def lasting(ttl: Any) -> float:
    """Return a lock's ttl in seconds; ValueError for one that is over, has no end, or too far."""
    found = seconds(ttl)
    if not isinstance(found, (int, float)) or over(found) or found > LONGEST:
        raise ValueError(f"A lock's ttl is over 0 and at most 30 days, not {ttl!r}.")
    return float(found)


def waiting_time(patience: Any, what: str = "The time to wait for a lock") -> float:
    """Return a time in seconds, 0 for one that is over; what is none is a TypeError."""
    try:
        found = seconds(patience)
    except TypeError:
        found = None
    if not isinstance(found, (int, float)):
        raise TypeError(f"{what} is a number of seconds or a timedelta, not {patience!r}.")
    return float(max(found, 0))


class Terms(NamedTuple):
    """Say what is to be taken: one of ``keys``, for ``ttl`` seconds, for the owner that was given.

    A restored lock has no ttl.
    """

    name: str
    keys: tuple[Record, ...]
    ttl: float | None
    owner: str | None = None

    def __repr__(self) -> str:
        """Say what, and not for whom: an owner is what gives a lock back."""
        return f"<terms of {self.name!r}>"


class Grip:
    """Be one hold, or the attempt at one; it is never used for a second.

    So that whatever a late answer is about is told from what came after it, each has an owner of
    its own, unless one was given. ``fence`` is the number under which it was had, ``until`` the
    moment (monotonic) from which it cannot be counted on any more, ``over`` says that it was, or
    is being, given back.
    """

    def __init__(self, terms: Terms) -> None:
        self.name = terms.name
        self.keys = terms.keys
        self.key = terms.keys[0]
        self.ttl = terms.ttl
        self.given = terms.owner is not None
        self.owner = secrets.token_hex(16) if terms.owner is None else terms.owner
        self.token = mark(self.owner)
        self.fence: int | None = None
        self.until = 0.0
        self.lasts = terms.ttl or 0.0
        self.held = False
        self.over = False
        self.lost = False
        self.pid = os.getpid()

    def taken(self, key: Record, fence: int, until: float) -> None:
        """Note that it was had."""
        self.key, self.fence, self.until, self.held = key, fence, until, True

    @property
    def inherited(self) -> bool:
        """Tell whether it belongs to a parent of this process."""
        return self.pid != os.getpid()

    @property
    def gone(self) -> bool:
        """Tell whether it was had and ended before it was given back."""
        return self.lost or (self.held and clock.monotonic() >= self.until)


class Hand(NamedTuple):
    """Hold a grip by one of the two faces."""

    port: Port
    grip: Grip

    def about(self, match: str, **more: Any) -> Operation:
        """Return an operation on the lock."""
        key = more.pop("key", self.grip.key)
        kind = Kind.READ if match in ASKING else Kind.ATOMIC
        token = self.grip.token
        return Operation("lock", kind, (key,), token=token, match=match, label="lock", **more)

    async def say(self, match: str, **more: Any) -> Any:
        """Ask it of the store."""
        return await self.port.call(self.about(match, **more))

    async def tell(self, match: str) -> None:
        """Say of the lock what no store need be asked for, if anybody listens."""
        if end_is_heard(match):
            await self.say(match)

    @property
    def line(self) -> Any:
        """Name the line of those who wait for it in this process."""
        return self.port.alias, self.grip.keys[0]
