"""The suite that is shipped for authors of other backends, over the table of stores."""

from django_cachekit.testing.conformance import Behaviour


class TestStores(Behaviour):
    """Have every test run on every row, by both faces."""
