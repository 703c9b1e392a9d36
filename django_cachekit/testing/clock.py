"""Time that a test moves, so that nobody has to wait."""

import time
from datetime import timedelta

import pytest
from django.core.cache.backends import db
from django.utils import timezone

from ..core import clock


class Clock:
    """Move the time of this package, and ``time.time`` for stores that are not of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.moved = 0.0
        now, monotonic = time.time, time.monotonic
        patch.setattr(time, "time", lambda: now() + self.moved)
        patch.setattr(clock, "now", lambda: time.time())
        patch.setattr(db, "tz_now", lambda: timezone.now() + timedelta(seconds=self.moved))
        patch.setattr(clock, "monotonic", lambda: monotonic() + self.moved)

    def advance(self, seconds: float) -> None:
        """Let so much time pass, at once."""
        self.moved += seconds
