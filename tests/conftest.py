"""What every test may ask for."""

import time
from datetime import timedelta

import pytest
from django.core.cache.backends import db
from django.utils import timezone

from django_cachekit.core import clock as package_clock

pytest_plugins = ["tests.servers.fixtures"]


class Clock:
    """Time that a test moves: ours, and ``time.time`` for the stores that are not ours."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.moved = 0.0
        now, monotonic = time.time, time.monotonic
        patch.setattr(time, "time", lambda: now() + self.moved)
        patch.setattr(package_clock, "now", lambda: time.time())
        patch.setattr(db, "tz_now", lambda: timezone.now() + timedelta(seconds=self.moved))
        patch.setattr(package_clock, "monotonic", lambda: monotonic() + self.moved)

    def advance(self, seconds: float) -> None:
        """Let so much time pass, at once."""
        self.moved += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Move time by hand: ``clock.advance(60)``."""
    return Clock(monkeypatch)
