"""Values computed anew by Django's tasks, which are there from Django 6.0 on."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache, cached
from django_cachekit.flows import behind, options, tasks
from django_cachekit.testing.clock import Clock
from django_cachekit.testing.conformance.aging_options import settled
from tests.stores import BY_NAME

if tasks.django_tasks is None:
    pytest.skip("this Django has no tasks", allow_module_level=True)

made: list[Any] = []
DUMMY = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}
IMMEDIATE = {"default": {"BACKEND": tasks.AT_ONCE}}


@cached(60, early=1.0)
def rate(currency: str, *, day: Any = None) -> int:
    """Be found by its path."""
    made.append(currency)
    clocks[0].advance(2)
    return len(made)


@cached(60, early=1.0)
async def arate(currency: str) -> int:
    """Be found by its path, too."""
    made.append(currency)
    clocks[0].advance(2)
    return len(made)


clocks: list[Clock] = []


@pytest.fixture(autouse=True)
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have every reader draw an early refresh, and tasks wait."""
    clocks[:] = [Clock(monkeypatch)]
    made.clear()
    monkeypatch.setattr(behind, "REFRESHES", behind.Refreshes())
    monkeypatch.setattr(options.random, "random", lambda: 1 - 1e-16)
    caches, kit = BY_NAME["array"].caches(tmp_path), {"BACKGROUND": "tasks"}
    with override_settings(CACHES=caches, CACHEKIT=kit, TASKS=DUMMY):
        cache.flush()
        backend().clear()
        yield


def backend() -> Any:
    """Return the backend of tasks."""
    return tasks.django_tasks.task_backends["default"]


def queued() -> list[Any]:
    """Return the tasks that wait, as a worker gets them."""
    return list(backend().results)


def work() -> int:
    """Do what waits, and tell how much it was."""
    waiting = queued()
    backend().clear()
    for result in waiting:
        result.task.func(*result.args, **result.kwargs)
    return len(waiting)


def test_a_worker_computes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [rate("usd"), rate("usd"), rate("usd")] == [1, 1, 1]
    assert (made, len(queued())) == (["usd"], 1)
    assert work() == 1
    assert rate("usd") == 2


def test_a_coroutine_function_too() -> None:
    async def ask() -> list[int]:
        return [await arate("usd"), await arate("usd")]

    assert asyncio.run(ask()) == [1, 1]
    assert work() == 1
    assert made == ["usd", "usd"]


def test_what_was_computed_meanwhile_is_not_computed_again() -> None:
    assert [rate("usd"), rate("usd")] == [1, 1]
    assert rate.refresh("usd") == 2
    assert work() == 1
    assert made == ["usd", "usd"]


def test_what_was_flushed_meanwhile_is_not_brought_back() -> None:
    assert [rate("usd"), rate("usd")] == [1, 1]
    cache.flush()
    assert work() == 1
    assert cache.has(rate.key("usd")) is False


def test_arguments_that_json_would_change_are_left_to_a_thread() -> None:
    assert [rate("usd", day=(1, 2)), rate("usd", day=(1, 2))] == [1, 1]
    settled()
    assert (queued(), len(made)) == ([], 2)


def test_a_function_that_no_path_leads_to_is_too() -> None:
    @cached(60, early=1.0)
    def inner() -> int:
        made.append(1)
        clocks[0].advance(2)
        return len(made)

    assert [inner(), inner()] == [1, 1]
    settled()
    assert (queued(), len(made)) == ([], 2)


def test_nor_does_a_backend_get_any_that_would_do_them_at_once() -> None:
    with override_settings(TASKS=IMMEDIATE):
        assert [rate("usd"), rate("usd")] == [1, 1]
        settled()
    assert len(made) == 2


def test_where_no_task_can_be_enqueued_a_thread_does_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError("no broker")

    monkeypatch.setattr(tasks, "_enqueue", refuse)
    assert [rate("usd"), rate("usd")] == [1, 1]
    settled()
    assert len(made) == 2
    assert "no task could be enqueued" in caplog.text
