"""What the tests of the suite ask for, as methods of the class that has them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from ..facade import cache
from .clock import Clock
from .faced import Faced
from .heard import Heard, listening
from .store import Tested


class Given:
    """Give the facade over a store that is ``configured``, and what tests look at it by."""

    @pytest.fixture(params=["sync", "async"])
    def store(self, configured: Tested, request: pytest.FixtureRequest) -> Faced:
        """Return the facade over the row's store, by one face."""
        return Faced(cache, request.param)

    @pytest.fixture
    def counted(self, store: Faced) -> Iterator[Faced]:
        """Return the store with its calls counted, from none on."""
        with override_settings(CACHEKIT={"STATS": True}):
            yield store

    @pytest.fixture
    def plain(self, configured: Tested) -> Any:
        """Return the same store as plain Django sees it."""
        return caches["default"]

    @pytest.fixture
    def able(self, row: Tested) -> Callable[..., None]:
        """Skip what a store says it cannot do; that it says so is a test of its own."""

        def check(*abilities: str) -> None:
            lacking = [ability for ability in abilities if ability not in row.can]
            if lacking:
                pytest.skip(f"{row.name} cannot: {', '.join(lacking)}")

        return check

    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """Move time by hand: ``clock.advance(60)``."""
        return Clock(monkeypatch)

    @pytest.fixture
    def heard(self) -> Iterator[Heard]:
        """Hear every signal of a call on keys."""
        with listening() as heard:
            yield heard


class Configured:
    """Configure the one store that a class is about."""

    backend: Tested

    @pytest.fixture
    def row(self) -> Tested:
        """Return the store that the test class is about: its ``backend``."""
        return self.backend

    @pytest.fixture
    def configured(
        self, row: Tested, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[Tested]:
        """Make the row's store the default alias, empty."""
        needs = getattr(row, "needs", "")
        if needs:
            request.getfixturevalue(needs)
        with override_settings(CACHES=row.caches(tmp_path), CACHEKIT={}):
            cache.flush()
            yield row
