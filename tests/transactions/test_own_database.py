"""The database store in the transaction's own connection: its flush is part of that."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections, transaction
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.layers import pending
from tests.stores import OURS

from .conftest import Heard, array
from .test_waiting import undone

TABLE = {"BACKEND": OURS + "database.DatabaseCache", "LOCATION": "cache"}


def on(name: str) -> dict[str, Any]:
    """Return the entry of the table, reached by one of the connections."""
    return {**TABLE, "OPTIONS": {"DATABASE": name, "STORE_ID": "one"}}


@pytest.fixture
def table(disk: str, tmp_path: Path) -> Iterator[Any]:
    """Give the facade over the table, and ``beside``: the same by another connection."""
    aliases = {
        "default": on("disk"),
        "beside": on("beside"),
        "tagged": {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "default"}},
        "memory": array(tmp_path, "memory"),
    }
    with override_settings(CACHES=aliases):
        call_command("cache_table", "default", verbosity=0)
        for alias in ("default", "beside"):
            driver: Any = caches[alias]
            driver.cachekit_driver.table.bounds.dice = lambda: float("inf")
        yield cache


def test_a_driver_tells_whose_transactions_it_is_part_of(table: Any) -> None:
    def told(alias: str) -> Any:
        backend: Any = caches[alias]
        return getattr(backend.cachekit_driver, "transactional", None)

    assert [told(alias) for alias in ("default", "beside", "tagged", "memory")] == [
        "disk",
        "beside",
        "disk",
        None,
    ]


@pytest.mark.parametrize("alias", ["default", "tagged"])
def test_others_see_the_old_until_the_commit(table: Any, flushed: Heard, alias: str) -> None:
    mine = table.store(alias)
    mine.tags("a").put("k", "old")
    table.store("beside").tags("a").put("k", "old")
    with transaction.atomic(using="disk"):
        mine.tags("a").flush()
        assert flushed == [(alias, ("a",))]
        assert pending.waiting(alias) == frozenset()
        assert mine.get("k") is None
        if alias == "default":
            assert table.store("beside").get("k") == "old"

    assert mine.get("k") is None
    if alias == "default":
        assert table.store("beside").get("k") is None
    assert flushed == [(alias, ("a",))]


def test_a_rollback_undoes_it(table: Any) -> None:
    table.tags("a").put("k", "old")

    def work() -> None:
        table.tags("a").flush()
        assert table.get("k") is None

    undone(work, using="disk")
    assert table.get("k") == "old"
    assert table.store("beside").get("k") == "old"


def test_a_savepoint_undoes_its_own(table: Any) -> None:
    table.tags("a").put("k", "old")
    table.tags("b").put("l", "old")
    with transaction.atomic(using="disk"):
        table.tags("a").flush()
        undone(lambda: table.tags("b").flush(), using="disk")

    assert table.store("beside").many(["k", "l"]) == {"k": None, "l": "old"}


def test_what_was_computed_from_the_old_rows_meanwhile_is_never_served(table: Any) -> None:
    """Another connection computes and stores before the commit."""
    table.tags("a").put("k", "older")
    with transaction.atomic(using="disk"):
        table.tags("a").flush()
        if connections["disk"].vendor != "sqlite":  # which has one writer at a time
            assert table.store("beside").tags("a").remember("l", 60, lambda: "old") == "old"
            assert table.store("beside").get("l") == "old"
    assert table.store("beside").many(["k", "l"]) == {"k": None, "l": None}
    assert table.many(["k", "l"]) == {"k": None, "l": None}


def test_a_transaction_of_another_database_is_waited_for(table: Any, flushed: Heard) -> None:
    table.tags("a").put("k", "old")
    with transaction.atomic(using="elsewhere"):
        table.tags("a").flush()
        assert pending.waiting("default") == {"a"}
        assert flushed == []

    assert flushed == [("default", ("a",))]
    assert table.get("k") is None


def test_with_both_open_it_is_part_of_the_one_and_waits_for_the_other(
    table: Any, flushed: Heard
) -> None:
    table.tags("a").put("k", "old")
    with transaction.atomic(using="elsewhere"):
        with transaction.atomic(using="disk"):
            table.tags("a").flush()
            assert flushed == [("default", ("a",))]
        assert table.store("beside").get("k") is None
        assert pending.waiting("default") == {"a"}

    assert flushed == [("default", ("a",)), ("default", ("a",))]


def test_every_transaction_that_is_open_is_waited_for(table: Any, flushed: Heard) -> None:
    memory = table.store("memory")
    with transaction.atomic(using="elsewhere"):
        undone(lambda: memory.tags("a").flush(), using="disk")
        assert flushed == []
        assert pending.waiting("memory") == {"a"}

    assert flushed == [("memory", ("a",))]
