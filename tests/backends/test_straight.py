"""The straight line of a read: what it leaves out is left to the long way, and nothing is lost."""

from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends import array, bytestore
from django_cachekit.core.operation import MISSING, UNSURE
from tests.placing import placed
from tests.stores import BY_NAME

STORES = ["array", "file", "database", "redis", "redis-sealed", "memcached", "postgresql"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give a driver, which is the default alias's."""
    with placed(BY_NAME[request.param], request, tmp_path):
        yield driver()


def driver() -> Any:
    return caches["default"].cachekit_driver  # type: ignore[attr-defined]  # it is ours


def test_a_tagged_entry_is_read_on_it(store: Any) -> None:
    cache.tags("a", "b").put("key", 1, 600)
    for tags in ((), ("a",), ("a", "b")):
        assert store.quick("key", None, tags) == 1
    assert store.quick("key", None, ("a", "c")) is MISSING
    assert store.quick("key", 1) is UNSURE
    cache.tags("b").flush()
    for tags in ((), ("a",), ("a", "b")):
        assert store.quick("key", None, tags) is MISSING


def test_a_stale_one_is_a_miss_and_a_joint_flush_means_who_bears_all(store: Any) -> None:
    cache.tags("a").put("stale", 1, 600)
    cache.tags("a", "b").put("both", 2, 600)
    cache.tags("b").put("one", 3, 600)
    cache.tags("a", "b").flush(match="all")
    found = [store.quick(key, None) for key in ("stale", "both", "one")]
    assert found == [1, MISSING, 3]
    cache.tags("a").expire()
    assert store.quick("stale", None) is MISSING
    assert store.quick("one", None) == 3


def test_what_a_transaction_is_going_to_flush_is_a_miss(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.tags("a", "b").put("key", 1, 600)
    cache.tags("b").put("other", 2, 600)

    def waiting(alias: str) -> Set[str]:
        assert alias == "default"
        return {"a", "c"}

    monkeypatch.setattr(bytestore, "waiting", waiting)
    monkeypatch.setattr(array, "waiting", waiting)
    assert store.quick("key", None) is MISSING
    assert store.quick("key", None, ("b",)) is MISSING
    assert store.quick("other", None) == 2


@pytest.mark.parametrize("name", ["redis", "memcached"])
def test_where_copies_are_allowed_the_long_way_knows_of_them(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    row = BY_NAME[name]
    with placed(row, request, tmp_path):
        server = request.getfixturevalue(row.server) if row.server else None
        stores = row.caches(tmp_path, server)
        stores["default"]["OPTIONS"] = {**stores["default"].get("OPTIONS", {}), "TAG_STALENESS": 5}
        with override_settings(CACHES=stores):
            cache.tags("a").put("key", 1, 600)
            assert driver().quick("key", None) is UNSURE
            assert driver().quick("key", None, ("a",)) is UNSURE
            assert cache.get("key") == 1


def test_in_a_pool_records_may_lie_on_other_nodes(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(BY_NAME["memcached-pool"], request, tmp_path):
        for number in range(20):
            cache.tags(f"t{number}").put("key", number, 600)
            assert driver().quick("key", None) is UNSURE
            driver().guesses.clear()
            assert driver().quick("key", None) == number
            driver().guesses.clear()
            cache.tags(f"t{number}").flush()
            assert driver().quick("key", None) is MISSING
