"""What is read and computed in a transaction that is going to flush its tags."""

from typing import Any

import pytest
from django.db import transaction

pytestmark = pytest.mark.django_db(transaction=True)


class Undo(Exception):
    """End a block with a rollback."""


def undone(work: Any) -> None:
    """Do the work in a block that is rolled back."""
    try:
        with transaction.atomic():
            work()
            raise Undo
    except Undo:
        return


def test_it_reads_its_own_flush(store: Any) -> None:
    store.tags("t").put("key", "old", 60)
    with transaction.atomic():
        store.tags("t").flush()
        assert store.get("key") is None
        assert store.many(["key"]) == {"key": None}
        assert store.has("key") is False
        assert store.tags("t").get("key") is None
    assert store.get("key") is None


def test_after_a_rollback_the_entry_is_there_again(store: Any) -> None:
    store.tags("t").put("key", "old", 60)
    undone(store.tags("t").flush)
    assert store.get("key") == "old"


def test_what_it_computes_is_not_kept(store: Any) -> None:
    def work() -> None:
        store.tags("t").flush()
        assert store.tags("t").remember("declared", 60, lambda: "uncommitted") == "uncommitted"

        def make(entry: Any) -> str:
            entry.tags.add("t")
            return "uncommitted"

        assert store.remember("found", 60, make) == "uncommitted"
        assert store.tags("t").remember_many(["many"], 60, lambda keys: {"many": 1}) == {"many": 1}
        assert store.tags("t").flexible("aging", (60, 600), lambda: "uncommitted") == "uncommitted"
        assert store.remember("other", 60, lambda: "kept") == "kept"

    undone(work)
    names = ["declared", "found", "many", "aging", "other"]
    assert store.many(names) == {**dict.fromkeys(names), "other": "kept"}


@pytest.mark.parametrize("how", ["all", "expire"])
def test_soft_and_joint_flushes_wait_too(store: Any, how: str) -> None:
    store.tags("t", "u").put("key", "old", 60)
    store.tags("t").put("half", "kept", 60)
    scope = store.tags("t", "u")
    flush = scope.expire if how == "expire" else lambda: scope.flush(match="all")
    undone(flush)
    assert store.get("key") == "old"
    with transaction.atomic():
        flush()
    assert store.get("key") is None
    assert store.get("half") == (None if how == "expire" else "kept")
