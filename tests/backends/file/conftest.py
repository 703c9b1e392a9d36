"""A file store of its own for each test, and processes to share it with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_cachekit.backends.file import EncryptedFileCache

from .stores import open_store
from .workers import Workers


@pytest.fixture
def location(tmp_path: Path) -> Path:
    """Return a place for a store, where nothing is yet."""
    return tmp_path / "cache"


@pytest.fixture
def opened(location: Path) -> Callable[..., EncryptedFileCache]:
    """Open the store of this test under other options."""

    def make(**options: Any) -> EncryptedFileCache:
        return open_store(location, **options)

    return make


@pytest.fixture
def cache(opened: Callable[..., EncryptedFileCache]) -> EncryptedFileCache:
    return opened()


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """Start processes that tests may share a store with, and kill."""
    found = Workers()
    yield found
    found.close()
