"""The outbox: a row with the data, gone when the flush is done, there when it is not."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import post_save
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_cachekit.errors import Misconfigured
from django_cachekit.flows import outbox as rows
from django_cachekit.models import PendingFlush
from django_cachekit.outbox import Drained, drain

from .conftest import Fragile, Heard
from .test_waiting import committing, undone

pytestmark = committing


@pytest.fixture(autouse=True)
def configured(store: Any) -> Iterator[None]:
    """Have an outbox."""
    with override_settings(CACHEKIT={"OUTBOX": True}):
        yield


def kept() -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what the outbox holds."""
    return [(r.store, r.match, r.names) for r in PendingFlush.objects.order_by("created")]


def test_the_row_is_there_until_the_flush_is_done(store: Any, flushed: Heard) -> None:
    seen: list[Any] = []
    with transaction.atomic():
        store.tags("a", "b").flush()
        store.tags("b").flush()
        store.tags("b", "c").flush()
        assert kept() == [("default", "any", ("a", "b")), ("default", "any", ("c",))]
        transaction.on_commit(lambda: seen.append((kept(), list(flushed))))

    assert seen == [([], [("default", ("a", "b", "c"))])]
    assert kept() == []


def test_a_rollback_takes_the_row_along(store: Any, flushed: Heard) -> None:
    undone(lambda: store.tags("a").flush())
    with transaction.atomic():
        undone(lambda: store.tags("a").flush())
        assert kept() == []

    assert (kept(), flushed) == ([], [])


def test_it_costs_a_row_for_each_flush_and_one_delete(store: Any) -> None:
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        for number in range(3):
            store.tags("a", str(number)).flush()
    words = [query["sql"].split()[0] for query in seen.captured_queries]

    assert [word for word in words if word in ("INSERT", "DELETE")] == 3 * ["INSERT"] + ["DELETE"]


def test_without_an_outbox_nothing_is_asked(store: Any) -> None:
    with override_settings(CACHEKIT={}), CaptureQueriesContext(connection) as seen:
        with transaction.atomic():
            store.tags("a").flush()
        store.tags("a").flush()

    assert [query["sql"] for query in seen.captured_queries] == ["BEGIN", "COMMIT"]


def test_outside_of_a_transaction_it_is_not_needed(store: Any, flushed: Heard) -> None:
    with CaptureQueriesContext(connection) as seen:
        store.tags("a").flush()

    assert (len(seen), flushed) == (0, [("default", ("a",))])


def test_a_store_that_is_down_is_flushed_when_it_is_up(store: Any, fragile: Fragile) -> None:
    down = store.store("fragile")
    fragile.down()
    down.tags("a").flush()
    async_to_sync(down.tags("b").aflush)()
    with transaction.atomic():
        down.tags("c").flush()
        store.tags("a").flush()

    assert kept() == [("fragile", "any", (tag,)) for tag in "abc"]
    (said,) = drain()
    assert (said.state, said.ok, said.rows, len(kept())) == ("failed", False, 0, 3)
    assert "StoreUnavailable" in str(said.error)
    fragile.up()
    assert down.get("k") == "old"
    assert drain() == [Drained("fragile", "any", "flushed", 3, 3)]
    assert (kept(), down.get("k")) == ([], None)
    assert drain() == []


def test_in_a_transaction_that_is_broken_no_row_is_tried(store: Any, flushed: Heard) -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        store.tags("a").flush()
    assert (kept(), flushed) == ([], [])


def test_a_row_that_cannot_be_removed_is_only_flushed_once_more(
    store: Any, flushed: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        return execute(sql if "DELETE" not in sql else "DELETE FROM nowhere", (), many, context)

    with transaction.atomic():
        store.tags("a").flush()
        transaction.on_commit(lambda: None)
        wrapper = connection.execute_wrapper(refuse)
        wrapper.__enter__()
    wrapper.__exit__(None, None, None)

    assert "done, but not removed" in caplog.text
    assert len(kept()) == 1
    drain()
    assert kept() == []
    assert flushed == 2 * [("default", ("a",))]


@pytest.mark.parametrize("tag", ["\0", "\ud800", "ä", '"', "x" * 5000])
def test_any_tag_can_be_kept(store: Any, tag: str) -> None:
    with transaction.atomic():
        store.tags(tag).flush()
        assert kept() == [("default", "any", (tag,))]


def test_only_some(store: Any, fragile: Fragile, flushed: Heard) -> None:
    PendingFlush.of("default", "any", ["a"]).save()
    PendingFlush.of("other", "any", ["a"]).save()
    old = PendingFlush.of("other", "any", ["b"])
    old.created = timezone.now() - timedelta(seconds=100)
    old.save()

    assert drain("other", older_than=50) == [Drained("other", "any", "flushed", 1, 1)]
    assert flushed == [("other", ("b",))]
    assert drain("other", dry_run=True) == [Drained("other", "any", "planned", 1, 1)]
    assert len(kept()) == 2


def test_many_rows_are_one_flush_for_each_five_hundred(store: Any, flushed: Heard) -> None:
    PendingFlush.objects.bulk_create(
        PendingFlush.of("default", "any", [f"t{number % 700:03}"]) for number in range(1200)
    )
    assert drain() == [Drained("default", "any", "flushed", 1200, 700)]
    assert len(flushed) == 3
    assert len({tag for _, tags in flushed for tag in tags}) == 700


def test_one_match_that_cannot_be_done_keeps_no_other(store: Any, flushed: Heard) -> None:
    PendingFlush.of("default", "wrong", ["a", "b"]).save()
    PendingFlush.of("default", "any", ["a"]).save()
    said = drain()

    assert [(one.match, one.state) for one in said] == [("any", "flushed"), ("wrong", "failed")]
    assert len(kept()) == 1


def test_rows_for_an_alias_that_is_gone_stay_until_they_are_dropped(
    store: Any, flushed: Heard
) -> None:
    PendingFlush.of("a gone one", "any", ["a"]).save()
    PendingFlush.of("default", "any", ["a"]).save()

    assert drain() == [
        Drained("a gone one", "any", "unknown", 1, 1, "CACHES has no alias 'a gone one'"),
        Drained("default", "any", "flushed", 1, 1),
    ]
    assert len(kept()) == 1
    assert drain(drop_unknown=True) == [Drained("a gone one", "any", "dropped", 1, 1)]
    assert kept() == []
    assert len(flushed) == 1


def test_a_wrong_name_or_no_app_says_so(store: Any) -> None:
    with (
        override_settings(CACHEKIT={"OUTBOX": "nowhere"}),
        pytest.raises(Misconfigured, match="'nowhere'"),
        transaction.atomic(),
    ):
        store.tags("a").flush()
    with (
        override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]),
        pytest.raises(Misconfigured, match="INSTALLED_APPS"),
    ):
        rows.model()


def test_the_migration_is_that_of_the_model() -> None:
    call_command("makemigrations", "django_cachekit", check=True, dry_run=True, verbosity=0)


def test_receivers_of_the_project_do_not_hear_of_rows(store: Any) -> None:
    heard: list[Any] = []

    def hear(sender: Any, **_: Any) -> None:
        heard.append(sender)

    post_save.connect(hear)
    try:
        with transaction.atomic():
            store.tags("a").flush()
    finally:
        post_save.disconnect(hear)
    assert heard == []
