"""A flush inside a transaction: at its commit, never after a rollback, and as one."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.transaction import Atomic
from django.test import TestCase

from django_cachekit.errors import StoreUnavailable
from django_cachekit.layers import memo as memories
from django_cachekit.layers import pending

from .conftest import Fragile, Heard

committing = pytest.mark.django_db(transaction=True)


class Undo(Exception):
    """End a block with a rollback."""


def undone(work: Callable[[], Any], **options: Any) -> None:
    """Do the work in a block that is rolled back."""
    try:
        with transaction.atomic(**options):
            work()
            raise Undo
    except Undo:
        return


@committing
def test_without_a_transaction_it_happens_at_once(store: Any, flushed: Heard) -> None:
    store.tags("a").put("k", 1)
    store.tags("a").flush()

    assert store.get("k") is None
    assert flushed == [("default", ("a",))]
    assert pending.waiting("default") == frozenset()


@committing
def test_it_happens_at_the_commit(store: Any, flushed: Heard) -> None:
    store.tags("a").put("k", 1)
    with transaction.atomic():
        store.tags("a").flush()
        assert flushed == []
        assert pending.waiting("default") == {"a"}
        assert pending.waiting("other") == frozenset()

    assert flushed == [("default", ("a",))]
    assert store.get("k") is None


@committing
def test_a_rollback_drops_it(store: Any, flushed: Heard) -> None:
    store.tags("a").put("k", 1)
    undone(lambda: store.tags("a").flush())

    assert pending.waiting("default") == frozenset()
    assert flushed == []
    assert store.get("k") == 1


@committing
def test_flushes_of_one_transaction_are_one_for_each_store(store: Any, flushed: Heard) -> None:
    with transaction.atomic():
        for tag in ("b", "a", "a", "c"):
            store.tags(tag).flush()
            store.store("other").tags(tag, "z").flush()
        assert pending.waiting("other") == {"a", "b", "c", "z"}

    assert flushed == [("default", ("a", "b", "c")), ("other", ("a", "b", "c", "z"))]


@committing
def test_tags_that_wait_already_are_not_noted_twice(store: Any) -> None:
    with transaction.atomic():
        for _ in range(100):
            store.tags("a", "b").flush()
        (batch,) = pending._mine.ledgers["default"].batches
        assert [flush.tags for flush in batch.flushes] == [("a", "b")]


@committing
def test_what_a_released_savepoint_has_left_is_joined(store: Any, flushed: Heard) -> None:
    with transaction.atomic():
        with transaction.atomic():
            with transaction.atomic():
                store.tags("a").flush()
            store.tags("a", "b").flush()
        store.tags("b", "c").flush()
        (batch,) = pending._mine.ledgers["default"].batches
        assert [flush.tags for flush in batch.flushes] == [("a",), ("b",), ("c",)]
        undone(lambda: None)

    assert flushed == [("default", ("a", "b", "c"))]


@committing
def test_nested_blocks_follow_their_savepoints(store: Any, flushed: Heard) -> None:
    with transaction.atomic():
        store.tags("outer").flush()
        undone(lambda: store.tags("dropped").flush())
        assert pending.waiting("default") == {"outer"}
        with transaction.atomic():
            store.tags("kept").flush()
            undone(lambda: store.tags("dropped too").flush())
            assert pending.waiting("default") == {"outer", "kept"}
        store.tags("last").flush()

    assert sorted(tag for _, tags in flushed for tag in tags) == ["kept", "last", "outer"]


@committing
def test_a_savepoint_that_is_undone_takes_what_was_released_into_it(
    store: Any, flushed: Heard
) -> None:
    def work() -> None:
        with transaction.atomic():
            store.tags("inner").flush()
        store.tags("middle").flush()

    with transaction.atomic():
        undone(work)
        assert pending.waiting("default") == frozenset()
        store.tags("outer").flush()

    assert flushed == [("default", ("outer",))]


@committing
def test_the_same_tag_in_a_savepoint_that_is_undone_still_waits_outside(
    store: Any, flushed: Heard
) -> None:
    with transaction.atomic():
        undone(lambda: store.tags("a").flush())
        store.tags("a").flush()
        undone(lambda: store.tags("a").flush())
        assert pending.waiting("default") == {"a"}

    assert flushed == [("default", ("a",))]


@committing
def test_savepoints_that_were_released_are_one_flush_too(store: Any, flushed: Heard) -> None:
    with transaction.atomic():
        for number in range(50):
            with transaction.atomic():
                store.tags(f"n{number:02}").flush()
        undone(lambda: store.tags("dropped").flush())
        with transaction.atomic():
            store.tags("z").flush()

    assert flushed == [("default", (*(f"n{number:02}" for number in range(50)), "z"))]


@committing
def test_after_a_rollback_nobody_is_forgotten(store: Any, flushed: Heard) -> None:
    """Then the list that Django takes its callbacks from is another than was last seen."""
    with transaction.atomic():
        for tag in ("a", "b"):
            with transaction.atomic():
                store.tags(tag).flush()
        undone(lambda: None)

    assert flushed == [("default", ("a",)), ("default", ("b",))]


@committing
def test_a_block_without_a_savepoint_falls_with_the_one_around(store: Any, flushed: Heard) -> None:
    def work() -> None:
        with transaction.atomic(savepoint=False):
            store.tags("a").flush()
        store.tags("b").flush()
        (batch,) = pending._mine.ledgers["default"].batches
        assert len(batch.flushes) == 2

    undone(work)
    assert flushed == []
    with transaction.atomic():
        work()
    assert flushed == [("default", ("a", "b"))]


@committing
def test_durable_blocks_are_transactions_like_others(store: Any, flushed: Heard) -> None:
    with transaction.atomic(durable=True):
        store.tags("a").flush()
        assert flushed == []
    assert flushed == [("default", ("a",))]


@committing
def test_without_autocommit_it_happens_at_once(store: Any, flushed: Heard) -> None:
    """Django has no on_commit there."""
    transaction.set_autocommit(False)
    try:
        store.tags("a").flush()
        assert flushed == [("default", ("a",))]
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)


@committing
def test_callbacks_of_others_keep_their_place(store: Any, flushed: Heard) -> None:
    seen: list[Any] = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(list(flushed)))
        store.tags("a").flush()
        transaction.on_commit(lambda: seen.append(list(flushed)))

    assert seen == [[], [("default", ("a",))]]


@committing
def test_a_flush_in_a_callback_happens_at_once(store: Any, flushed: Heard) -> None:
    def later() -> None:
        with transaction.atomic():
            store.tags("inner").flush()
        store.tags("b").flush()

    with transaction.atomic():
        transaction.on_commit(later)
        store.tags("a").flush()

    assert flushed == [("default", ("inner",)), ("default", ("b",)), ("default", ("a",))]


@committing
def test_a_callback_that_rolls_another_transaction_back_flushes_nothing_of_it(
    store: Any, flushed: Heard
) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: undone(lambda: store.tags("dropped").flush()))
        store.tags("a").flush()
        with transaction.atomic():
            store.tags("b").flush()

    assert flushed == [("default", ("a",)), ("default", ("b",))]


@committing
def test_a_thread_waits_for_its_own_transactions_only(store: Any, flushed: Heard) -> None:
    seen: list[Any] = []

    def another() -> None:
        seen.append(pending.waiting("default"))
        store.tags("b").flush()

    with transaction.atomic():
        store.tags("a").flush()
        thread = threading.Thread(target=another)
        thread.start()
        thread.join()
        assert seen == [frozenset()]
        assert flushed == [("default", ("b",))]

    assert flushed[1:] == [("default", ("a",))]


@committing
def test_memo_forgets_what_a_waiting_flush_will_take(store: Any) -> None:
    memo = store.memo()
    store.tags("a").put("k", 1)
    assert memo.get("k") == 1
    store.tags("a").put("k", 2)
    with transaction.atomic():
        memo.get("k")
        store.tags("a").flush()
        current = memories.current()
        assert current is not None
        assert not len(current.values)


@committing
def test_coroutines_flush_at_once(store: Any, flushed: Heard) -> None:
    """No transaction can be open where they run, which is not where the caller waits."""
    with transaction.atomic():
        asyncio.run(store.tags("a").aflush())
        async_to_sync(store.tags("b").aflush)()
        assert flushed == [("default", ("a",)), ("default", ("b",))]


@committing
def test_blocking_code_under_coroutines_is_like_any(store: Any, flushed: Heard) -> None:
    def work() -> None:
        with transaction.atomic():
            store.tags("a").flush()
            assert flushed == []
            assert pending.waiting("default") == {"a"}

    async_to_sync(sync_to_async(work))()
    assert flushed == [("default", ("a",))]


# Django's TestCase


@pytest.mark.django_db
def test_blocks_of_a_testcase_are_no_transaction(store: Any, flushed: Heard) -> None:
    assert connection.in_atomic_block
    store.tags("a").flush()
    assert flushed == [("default", ("a",))]


@pytest.mark.django_db
def test_a_block_inside_a_testcase_is_one(store: Any, flushed: Heard) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True) as callbacks:
        with transaction.atomic():
            store.tags("a").flush()
            store.tags("b").flush()
        assert flushed == []
        assert pending.waiting("default") == {"a", "b"}

    assert len(callbacks) == 1
    assert flushed == [("default", ("a", "b"))]
    assert pending.waiting("default") == frozenset()
    with TestCase.captureOnCommitCallbacks(execute=True), transaction.atomic():
        store.tags("c").flush()
    assert flushed[1:] == [("default", ("c",))]


# What of Django's this rests on


@committing
def test_django_keeps_its_callbacks_as_is_believed(store: Any) -> None:
    with transaction.atomic():
        with transaction.atomic():
            store.tags("a").flush()
            inside = connection.savepoint_ids[-1]
        (entry,) = connection.run_on_commit
        savepoints, callback = entry[:2]
        assert isinstance(callback, pending.Batch)
        assert savepoints == {inside} == set(callback.savepoints)
        before = connection.run_on_commit
        with transaction.atomic():
            assert connection.run_on_commit is before
        assert connection.run_on_commit is before
        undone(lambda: None)
        assert connection.run_on_commit == before
        assert connection.run_on_commit is not before


@committing
def test_django_takes_its_callbacks_from_the_list_one_by_one(store: Any) -> None:
    seen: list[int] = []
    with transaction.atomic():
        for _ in range(3):
            transaction.on_commit(lambda: seen.append(len(kept)))
        kept = connection.run_on_commit
    assert seen == [2, 1, 0]
    assert connection.run_on_commit is not kept


@pytest.mark.django_db
def test_django_marks_the_blocks_of_its_testcase() -> None:
    assert connection.atomic_blocks
    assert {vars(block)["_from_testcase"] for block in connection.atomic_blocks} == {True}
    assert vars(Atomic("default", True, False))["_from_testcase"] is False


# A store that is down


@committing
def test_a_flush_that_fails_at_the_commit_is_raised_after_it(
    store: Any, fragile: Fragile, flushed: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []
    fragile.down()

    @transaction.atomic
    def work() -> None:
        Group.objects.create(name="committed")
        transaction.on_commit(lambda: called.append("before"))
        store.store("fragile").tags("a").flush()
        store.tags("a").flush()
        with transaction.atomic():
            store.tags("b").flush()
        transaction.on_commit(lambda: called.append("after"))

    with pytest.raises(StoreUnavailable, match="'fragile'"):
        work()

    assert Group.objects.filter(name="committed").exists()
    assert called == ["before"]
    assert flushed == [("default", ("a", "b"))]
    assert "'fragile': a flush of tags at commit failed: " in caplog.text


@committing
def test_a_flush_that_fails_at_once_is_raised(store: Any, fragile: Fragile) -> None:
    fragile.down()
    with pytest.raises(StoreUnavailable, match="'fragile'"):
        store.store("fragile").tags("a").flush()
    with pytest.raises(StoreUnavailable, match="'fragile'"):
        async_to_sync(store.store("fragile").tags("a").aflush)()
