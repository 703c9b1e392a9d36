"""On every store: a flush in a transaction happens if and only if that is committed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from django_cachekit import cache
from tests.placing import placed
from tests.stores import BY_NAME, ROWS

from .test_waiting import committing, undone

pytestmark = committing


@pytest.fixture(params=[row.name for row in ROWS])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over each store of the table in turn."""
    with placed(BY_NAME[request.param], request, tmp_path):
        yield cache


def test_what_will_be_flushed_is_missing_for_a_change(any_store: Any, request: Any) -> None:
    if "cas" not in BY_NAME[request.node.callspec.params["any_store"]].can:
        pytest.skip("it cannot compare and set")
    cache.tags("a").put("k", [1], 60)
    with transaction.atomic():
        cache.tags("a").flush()
        assert cache.cas("k", lambda seen: [*seen, 2], default=list) == [2]
        assert cache.get("k") == [2], "what was changed since bears the tag no more"
        assert cache.cas("k", lambda seen: [*seen, 3]) == [2, 3]
    assert cache.get("k") == [2, 3]


def test_a_flush_follows_the_transaction(any_store: Any) -> None:
    any_store.tags("a", "b").put("k", 1, 60)
    undone(lambda: any_store.tags("a").flush())
    assert any_store.get("k") == 1

    with transaction.atomic():
        undone(lambda: any_store.tags("b").flush())
        any_store.tags("c").flush()
    assert any_store.get("k") == 1

    with transaction.atomic():
        any_store.tags("a").flush()
        any_store.tags("c").flush()
    assert any_store.get("k") is None
    any_store.tags("a", "b").put("k", 2, 60)
    assert any_store.get("k") == 2
