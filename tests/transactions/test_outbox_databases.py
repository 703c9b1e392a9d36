"""The outbox in databases of each kind, and in one of several."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test import override_settings

from django_cachekit.errors import Misconfigured, StoreUnavailable
from django_cachekit.models import PendingFlush
from django_cachekit.outbox import Drained, drain

from .conftest import Fragile, Heard
from .test_waiting import undone


@pytest.fixture
def outbox(disk: Any, store: Any) -> Iterator[Any]:
    """Have the outbox in the database ``disk``, and give what it holds."""
    with override_settings(CACHEKIT={"OUTBOX": "disk"}):
        call_command("migrate", "django_cachekit", database="disk", verbosity=0)
        yield lambda: [(r.store, *r.names) for r in PendingFlush.objects.using("beside").all()]


def test_the_row_is_committed_with_the_data_and_goes_with_the_flush(
    outbox: Any, store: Any, flushed: Heard
) -> None:
    seen: list[Any] = []
    with transaction.atomic(using="disk"):
        transaction.on_commit(lambda: seen.append((outbox(), list(flushed))), using="disk")
        store.tags("a").flush()
        assert outbox() == []

    assert seen == [([("default", "a")], [])]
    assert flushed == [("default", ("a",))]
    assert outbox() == []


def test_a_rollback_leaves_nothing(outbox: Any, store: Any) -> None:
    undone(lambda: store.tags("a").flush(), using="disk")
    with transaction.atomic(using="disk"):
        undone(lambda: store.tags("a").flush(), using="disk")
        assert PendingFlush.objects.using("disk").count() == 0
    assert outbox() == []


def test_transactions_of_other_databases_have_a_row_only_when_their_flush_fails(
    outbox: Any, store: Any, fragile: Fragile
) -> None:
    seen: list[Any] = []
    fragile.down()
    with transaction.atomic(using="elsewhere"):
        transaction.on_commit(lambda: seen.append(outbox()), using="elsewhere")
        store.store("fragile").tags("a").flush()

    assert seen == [[]]
    assert outbox() == [("fragile", "a")]


def test_a_row_that_might_be_rolled_back_is_no_promise(
    outbox: Any, store: Any, fragile: Fragile
) -> None:
    """The flush of one transaction fails while that of the outbox is open: it is raised."""
    fragile.down()

    def work() -> None:
        with pytest.raises(StoreUnavailable), transaction.atomic(using="elsewhere"):
            store.store("fragile").tags("a").flush()

    undone(work, using="disk")
    assert outbox() == []


def test_a_missing_table_says_what_to_do(disk: Any, store: Any) -> None:
    with (
        override_settings(CACHEKIT={"OUTBOX": "disk"}),
        pytest.raises(Misconfigured, match="migrate django_cachekit --database disk"),
        transaction.atomic(using="disk"),
    ):
        store.tags("a").flush()


@pytest.mark.parametrize("tag", ["\0", "\ud800", "ä", "x" * 5000])
def test_any_tag_can_be_kept(outbox: Any, store: Any, tag: str) -> None:
    with transaction.atomic(using="disk"):
        store.tags(tag).flush()
        (row,) = PendingFlush.objects.using("disk")
        assert row.names == (tag,)


def test_who_drains_at_the_same_time_leaves_locked_rows_alone(
    outbox: Any, store: Any, flushed: Heard
) -> None:
    if not connections["disk"].features.has_select_for_update_skip_locked:
        pytest.skip("this database has no such thing")
    mine = PendingFlush.of("default", "any", ["mine"])
    mine.save(using="beside")
    PendingFlush.of("default", "any", ["free"]).save(using="beside")
    with transaction.atomic(using="beside"):
        list(PendingFlush.objects.using("beside").select_for_update().filter(pk=mine.pk))
        assert drain() == [Drained("default", "any", "flushed", 1, 1)]
    assert flushed == [("default", ("free",))]
    assert drain() == [Drained("default", "any", "flushed", 1, 1)]
    assert flushed[1:] == [("default", ("mine",))]


def test_two_that_drain_at_once_leave_nothing(outbox: Any, store: Any, flushed: Heard) -> None:
    tags = {f"t{number}" for number in range(60)}
    PendingFlush.objects.using("disk").bulk_create(
        PendingFlush.of("default", "any", [tag]) for tag in tags
    )
    said: list[Drained] = []

    def work() -> None:
        try:
            said.extend(drain())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outbox() == [] or drain()
    assert outbox() == []
    assert {tag for _, some in flushed for tag in some} == tags
