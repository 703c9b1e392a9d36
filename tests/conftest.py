"""What every test may ask for."""

from django_cachekit.testing.clock import Clock
from django_cachekit.testing.fixtures import clock

__all__ = ["Clock", "clock"]

pytest_plugins = ["tests.servers.fixtures"]
