"""Stores that are asked for an index and cannot keep one say so, whenever it is asked for."""

from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.errors import NotSupported
from tests.placing import placed
from tests.stores import BY_NAME, ROWS

from .conftest import indexed

UNABLE = [row.name for row in ROWS if "list" not in row.can]


@pytest.mark.parametrize("name", UNABLE)
def test_a_store_that_cannot_list_keeps_no_index(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(indexed(BY_NAME[name]), request, tmp_path):
        scope = cache.tags("t")
        assert scope.put("key", 1, 60) is True
        for verb in (scope.keys, scope.items, scope.count, lambda: scope.forget_pattern("*")):
            with pytest.raises(NotSupported, match="cannot list what it holds"):
                verb()
        assert scope.get("key") == 1
        assert scope.stats()["t"]["entries"] is None


@pytest.mark.parametrize("name", ["array", "database", "redis"])
def test_the_option_is_read_as_it_is_written(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(indexed(BY_NAME[name], TAG_INDEX=False), request, tmp_path):
        cache.tags("t").put("key", 1, 60)
        with pytest.raises(NotSupported, match=r'OPTIONS: \{"TAG_INDEX": True\}'):
            list(cache.tags("t").keys())
        driver: Any = cache.tags("t")._now.stack.driver
        assert driver.book is None
