"""The outbox drained by Django's tasks, where there are any."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import outbox
from django_cachekit.flows import outbox as rows
from django_cachekit.models import PendingFlush
from tests.conftest import Clock

from .conftest import Fragile, Heard
from .test_waiting import committing

pytestmark = [
    committing,
    pytest.mark.skipif(outbox.tasks is None, reason="Django has tasks from 6.0 on"),
]


@pytest.fixture
def backend(store: Any) -> Iterator[Any]:
    """Have an outbox, and a backend that keeps tasks for a worker: give those it holds."""
    from django.tasks import default_task_backend

    path = "django.tasks.backends.dummy.DummyBackend"
    settings = {"OUTBOX": True, "BACKGROUND": "tasks"}
    with override_settings(CACHEKIT=settings, TASKS={"default": {"BACKEND": path}}):
        outbox._enqueued = float("-inf")
        held: Any = default_task_backend
        yield lambda: held.results
        outbox._enqueued = float("-inf")


def test_what_is_left_has_a_task_drain_it(
    store: Any, fragile: Fragile, flushed: Heard, backend: Any, clock: Clock
) -> None:
    assert outbox.enqueue in rows.queued
    store.tags("a").flush()
    assert backend() == []
    fragile.down()
    store.store("fragile").tags("a").flush()
    store.store("fragile").tags("b").flush()
    assert [result.task.module_path for result in backend()] == [
        "django_cachekit.outbox.drain_outbox"
    ]
    clock.advance(outbox.PAUSE + 1)
    store.store("fragile").tags("b").flush()
    assert len(backend()) == 2

    task = backend()[0].task
    with pytest.raises(Exception, match="could not be drained: fragile"):
        task.call()
    fragile.up()
    assert task.call() == 3
    assert not PendingFlush.objects.exists()


def test_no_task_without_being_asked_for(store: Any, fragile: Fragile, backend: Any) -> None:
    with override_settings(CACHEKIT={"OUTBOX": True}):
        fragile.down()
        store.store("fragile").tags("a").flush()
    assert backend() == []


def test_tasks_that_cannot_be_enqueued_do_no_harm(
    store: Any, fragile: Fragile, backend: Any, caplog: pytest.LogCaptureFixture
) -> None:
    fragile.down()
    with override_settings(TASKS={"default": {"BACKEND": "no.such.Backend"}}):
        store.store("fragile").tags("a").flush()
    assert "no task could be enqueued" in caplog.text
    assert PendingFlush.objects.count() == 1
