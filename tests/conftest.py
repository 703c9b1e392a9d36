"""What every test may ask for."""

import contextvars

import pytest
from _pytest.runner import runtestprotocol

from django_cachekit.testing.clock import Clock

__all__ = ["Clock", "clock"]

pytest_plugins = ["tests.servers.fixtures"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run each test in a context of its own, as pytest does but for that.

    Django's connection handlers leave a variable in the context whenever the settings change, and
    asgiref carries all of them over at each hop: after some thousand tests in one context a hop
    takes a hundred times longer, and what is timed fails.
    """
    names = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**names)
    contextvars.copy_context().run(runtestprotocol, item, nextitem=nextitem)
    item.ihook.pytest_runtest_logfinish(**names)
    return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Move time by hand: ``clock.advance(60)``."""
    return Clock(monkeypatch)
