"""The server's time, as far as its answers tell: between two bounds, which every answer narrows.

An answer says in which second of the server's it was made, and that was between sending and
receiving. What that says of the difference to this process's monotonic clock is kept; a wall clock
that is wrong here, or put right, has no part in it.
"""

from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from typing import Any, NamedTuple

from ...core import clock

AGE = 600.0
"""Seconds after which bounds are forgotten that no answer has confirmed."""

DRIFT = 2e-4
"""By how much two clocks may differ in speed."""

LAG = 0.1
"""Seconds by which a server may be late to notice that its next second has begun."""

JUMP = 0.5
"""Seconds by which our two clocks may come apart before we were asleep, or one was set."""


class Span(NamedTuple):
    """Be two bounds between which something is."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Return what is likely."""
        return (self.low + self.high) / 2

    def moved(self, by: float, wider: float = 0.0) -> "Span":
        """Return it as much later, and as much wider on both sides."""
        return Span(self.low + by - wider, self.high + by + wider)


class _Known(NamedTuple):
    ahead: Span
    at: float
    apart: float


class Times:
    """Know the server's time."""

    def __init__(self) -> None:
        self._known: _Known | None = None

    def now(self) -> Span | None:
        """Return the bounds of the server's time; None if no answer was seen lately."""
        known, now = self._fresh(), clock.monotonic()
        return known and known.ahead.moved(now, wider=DRIFT * (now - known.at))

    def heard(self, response: Any, sent: float) -> None:
        """Learn from an answer to what was sent at that moment (monotonic)."""
        second = _second(response)
        if second is None:
            return
        now, known = clock.monotonic(), self._fresh()
        ahead = Span(second - now, second + 1 + LAG - sent)
        if known is not None:
            before = known.ahead.moved(0, wider=DRIFT * (now - known.at))
            both = Span(max(ahead.low, before.low), min(ahead.high, before.high))
            # Where they contradict each other the server's clock was set, and the newer is right.
            ahead = both if both.low <= both.high else ahead
        self._known = _Known(ahead, now, _apart())

    def _fresh(self) -> _Known | None:
        known = self._known
        if known is None or clock.monotonic() - known.at > AGE:
            return None
        return known if abs(_apart() - known.apart) < JUMP else None


def _apart() -> float:
    """Return by how much our clocks differ: that changes while the machine sleeps."""
    return clock.now() - clock.monotonic()


def _second(response: Any) -> float | None:
    """Return the Unix second in which an answer was made; None if it does not say."""
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
    told = metadata.get("HTTPHeaders", {}).get("date")
    parsed = parsedate_tz(told) if isinstance(told, str) else None
    try:
        return None if parsed is None else float(mktime_tz(parsed))
    except (ValueError, OverflowError):  # no such day
        return None
