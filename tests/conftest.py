"""What every test may ask for."""

import pytest

from django_cachekit.testing.clock import Clock

__all__ = ["Clock", "clock"]

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Move time by hand: ``clock.advance(60)``."""
    return Clock(monkeypatch)
