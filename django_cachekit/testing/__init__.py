"""What tests want of a cache: a store for the time of a test, a clock, and what was asked.

::

    from django_cachekit.testing import assert_cache, frozen_time, override_cache

    with override_cache() as cache, frozen_time() as time:
        cache.put("tea", "Assam", 600)
        time.advance(601)
        with assert_cache(misses=["tea"]):
            cache.get("tea")

Nothing here needs pytest, but for the fixtures of ``django_cachekit.testing.plugin`` and for
``conformance``, the behaviour of a store as tests, for authors of other backends::

    # test_my_store.py
    from django_cachekit.testing import Store, conformance

    class TestMyStore(conformance.Suite):
        backend = Store({"BACKEND": "my.backend.MyCache"}, can={"count", "ttl"})
"""

import sys

from .background import await_background, wait_for_background
from .cases import CacheAssertions
from .clock import ServerTimeWarning, Time, frozen_time
from .overriding import override_cache
from .recording import CacheRecord, assert_cache, record_cache
from .store import CAPABILITIES, Store
from .trips import RoundTrips, assert_round_trips, record_round_trips

_pytest = sys.modules.get("pytest")
if _pytest is not None:
    # Before they are imported: else a test that fails says "assert False", and not what was found.
    _pytest.register_assert_rewrite("django_cachekit.testing.conformance")

__all__ = [
    "CAPABILITIES",
    "CacheAssertions",
    "CacheRecord",
    "RoundTrips",
    "ServerTimeWarning",
    "Store",
    "Time",
    "assert_cache",
    "assert_round_trips",
    "await_background",
    "frozen_time",
    "override_cache",
    "record_cache",
    "record_round_trips",
    "wait_for_background",
]
