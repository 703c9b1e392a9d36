"""The same assertions as methods, for those who write test cases."""

from typing import Any

from .recording import assert_cache
from .trips import assert_round_trips


class CacheAssertions:
    """Give a ``TestCase`` the assertions on caches; name it before the ``TestCase`` itself."""

    def assertCache(self, **expected: Any) -> assert_cache:
        """Fail unless the block asks just this of caches, as ``assert_cache`` does."""
        return assert_cache(**expected)

    def assertRoundTrips(self, number: int, *, store: str | None = None) -> assert_round_trips:
        """Fail unless the block goes to the store so often, as ``assert_round_trips`` does."""
        return assert_round_trips(number, store=store)
