"""The behaviour of a store as tests, for authors of other backends; it needs pytest.

::

    # test_my_store.py
    from django_cachekit.testing import Store, conformance

    class TestMyStore(conformance.Suite):
        backend = Store({"BACKEND": "my.backend.MyCache"}, can={"count", "ttl"})
"""

try:
    import pytest
except ImportError as error:
    raise ImportError("the suite needs pytest: pip install django-cachekit[testing]") from error

from .store import CAPABILITIES, Store

# Before they are imported: else a test that fails says "assert False", and not what was found.
pytest.register_assert_rewrite("django_cachekit.testing.conformance")

__all__ = ["CAPABILITIES", "Store"]
