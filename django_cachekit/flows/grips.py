"""One caller's hold on a lock: what is known of it here, and how it is spoken of to the store."""

import os
import secrets
from typing import Any, NamedTuple

from ..core import clock
from ..core.held import mark
from ..core.operation import Kind, Operation, Record
from ..core.ttl import over, seconds
from ..scopes import Port

LONGEST = 30 * 24 * 3600
"""Seconds for which a lock may be taken; who needs it longer refreshes it."""


def lasting(ttl: Any) -> float:
    """Return a lock's ttl in seconds; ValueError for one that is over, has no end, or too far."""
    found = seconds(ttl)
    if not isinstance(found, (int, float)) or over(found) or found > LONGEST:
        raise ValueError(f"A lock's ttl is over 0 and at most 30 days, not {ttl!r}.")
    return float(found)


class Grip:
    """Be one caller's hold on a lock, or on one of a funnel's slots (``keys``).

    ``fence`` is the number under which it was had last, ``until`` the moment (monotonic) from which
    it cannot be counted on any more.
    """

    def __init__(
        self, name: str, keys: tuple[Record, ...], ttl: float | None, owner: str | None
    ) -> None:
        self.name = name
        self.keys = keys
        self.key = keys[0]
        self.ttl = ttl
        self.owner = secrets.token_hex(16) if owner is None else owner
        self.token = mark(self.owner)
        self.fence: int | None = None
        self.until = 0.0
        self.held = False
        self.lost = False
        self.pid = 0

    def taken(self, key: Record, fence: int, until: float) -> None:
        """Note that it was had."""
        self.key, self.fence, self.until = key, fence, until
        self.held, self.lost, self.pid = True, False, os.getpid()

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
        return Operation(
            "lock", Kind.ATOMIC, (key,), token=self.grip.token, match=match, label="lock", **more
        )

    async def say(self, match: str, **more: Any) -> Any:
        """Ask it of the store."""
        return await self.port.call(self.about(match, **more))

    @property
    def line(self) -> Any:
        """Name the line of those who wait for it in this process."""
        return self.port.alias, self.grip.keys[0]


def waiting_time(patience: Any) -> float:
    """Return for how many seconds one is ready to wait."""
    found = seconds(patience)
    if not isinstance(found, (int, float)):
        raise TypeError(f"A time to wait is a number of seconds, not {patience!r}.")
    return float(max(found, 0))
