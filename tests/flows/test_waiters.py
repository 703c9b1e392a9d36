"""Who waits for another's computation, or is served in its place: with what, and for how long."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.signals import request_finished, request_started
from django.db import connections, transaction
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings

from django_cachekit import cache, cached_view
from django_cachekit.backends import claims
from django_cachekit.backends.array import Array
from django_cachekit.core import background
from django_cachekit.core.flights import BOARD
from django_cachekit.core.operation import MISSING
from django_cachekit.errors import StoreUnavailable
from django_cachekit.flows import behind, leases
from django_cachekit.views import _forgotten, add_tags
from tests.conftest import Clock
from tests.stores import BY_NAME

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.fixture(params=["array", "file", "locmem"], autouse=True)
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Have a store in memory, one that processes share, and one that is not ours."""
    monkeypatch.setattr(behind, "REFRESHES", behind.Refreshes())
    with override_settings(CACHES=BY_NAME[request.param].caches(tmp_path), CACHEKIT={}):
        yield request.param


class Slow:
    """Be a computation that lasts until it is told to end."""

    def __init__(self, value: Any = "old") -> None:
        self.value = value
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.calls = 0

    def __call__(self) -> Any:
        self.calls += 1
        value = self.value
        self.begun.set()
        self.go_on.wait(20)
        return value


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.django_db(transaction=True)
def test_who_is_going_to_flush_waits_for_nothing_begun_before(many: bool) -> None:
    slow, scope = Slow(), cache.tags("t")

    def ask(make: Any) -> Any:
        if many:
            return scope.remember_many(["x"], 60, lambda keys: dict.fromkeys(keys, make()))["x"]
        return scope.remember("x", 60, make)

    with ThreadPoolExecutor(1) as pool:
        leading = pool.submit(ask, slow)
        slow.begun.wait(20)
        with transaction.atomic():
            scope.flush()
            threading.Timer(0.3, slow.go_on.set).start()
            assert ask(lambda: "new") == "new"
        assert leading.result() == "old"
    assert scope.get("x") is None
    connections.close_all()


def test_those_who_wait_for_what_is_not_stored_have_copies_of_it() -> None:
    def skipped(entry: Any) -> list[int]:
        entry.skip()
        time.sleep(0.2)
        return [1]

    def many(keys: list[str]) -> dict[str, list[int]]:
        time.sleep(0.2)
        return {key: [1] for key in keys}

    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda _: cache.remember("x", 60, skipped), range(4)))
        assert len({id(one) for one in given}) == 4
        given = list(pool.map(lambda _: cache.remember_many(["y"], 0, many)["y"], range(4)))
        assert len({id(one) for one in given}) == 4


def test_no_marker_of_ours_is_ever_returned(store: str, clock: Clock) -> None:
    def fails() -> None:
        raise ValueError("of the computation")

    cache.remember("x", 10, lambda: "old", stale_if_error=600)
    clock.advance(11)
    assert cache.remember("x", 10, fails, stale_if_error=600) == "old"
    if store != "array":
        return
    reads, read = [StoreUnavailable("down")], Array.do_read

    def shaky(self: Any, op: Any) -> Any:
        if reads:
            raise reads.pop()
        return read(self, op)

    with mock.patch.object(Array, "do_read", shaky):
        found = cache.remember("x", 10, fails, stale_if_error=600)
    assert found is not MISSING
    assert found == "old"


@pytest.mark.parametrize("options", [{}, {"soft_timeout": 20}])
def test_a_refresh_reads_what_is_there_from_now_on(options: dict[str, Any]) -> None:
    cache.put("x", "v0", 600)
    first = Slow("v1")
    with ThreadPoolExecutor(1) as pool:
        refreshing = pool.submit(lambda: cache.refresh("x", 600, first, **options))
        first.begun.wait(20)
        assert cache.refresh("x", 600, lambda: "v2", **options) == "v2"
        first.go_on.set()
        refreshing.result()


def test_a_refresh_that_is_asked_for_waits_for_no_pause(clock: Clock) -> None:
    def fails(entry: Any) -> None:
        raise ValueError("of the computation")

    cache.remember("x", 10, lambda: "old", stale_if_error=600)
    clock.advance(11)
    assert cache.refresh("x", 10, fails, stale_if_error=600) == "old"
    assert cache.refresh("x", 60, lambda entry: "new", stale_if_error=600) == "new"
    assert cache.get("x") == "new"


def test_a_spare_is_none_for_who_did_not_ask_for_one(clock: Clock) -> None:
    def slow() -> str:
        time.sleep(0.3)
        return "new"

    cache.remember("x", 10, lambda: "old", stale_if_error=600)
    clock.advance(11)
    assert cache.remember("x", 10, slow, soft_timeout=0.01) == "new"


def test_a_ttl_that_is_set_goes_before_that_of_nothing(clock: Clock) -> None:
    calls = []

    def nothing(entry: Any) -> None:
        calls.append(entry)
        entry.ttl = 600

    for _ in range(2):
        cache.remember("x", 600, nothing, negative_ttl=1)
        clock.advance(5)
    assert len(calls) == 1


def test_a_pause_of_another_process_is_kept_here(store: str, clock: Clock) -> None:
    if store == "locmem":
        pytest.skip("no other process sees it")
    cache.flexible("x", (1, 600), lambda: "old", stale_if_error=600)
    clock.advance(2)

    def fails() -> None:
        raise ValueError("of the computation")

    with pytest.raises(ValueError, match="computation"):
        cache.refresh("x", 10, fails)
    assert cache.refresh("x", 10, fails, stale_if_error=600) == "old"  # leaves a note
    tries = []

    def counted(job: Any, match: str) -> Any:
        tries.append(job.key)
        return anew(job, match)

    anew = behind.anew
    with mock.patch.object(behind, "anew", counted):
        for _ in range(20):
            assert cache.flexible("x", (1, 600), fails, stale_if_error=600) == "old"
            _settled()
    assert len(tries) == 1


def _settled() -> None:
    until = time.monotonic() + 10
    while behind.REFRESHES._under_way and time.monotonic() < until:
        time.sleep(0.005)


@pytest.mark.parametrize("many", [False, True])
def test_a_claim_of_a_task_that_is_cancelled_is_dropped(store: str, many: bool) -> None:
    if store != "file":
        pytest.skip("its claims are laid in no thread")
    lay, lay_all = claims.lay, claims.lay_all

    async def slowly(*args: Any) -> Any:
        time.sleep(0.15)
        return await lay(*args)

    async def slowly_all(*args: Any) -> Any:
        time.sleep(0.15)
        return await lay_all(*args)

    async def ask() -> Any:
        if many:
            return await cache.aremember_many(["x"], 60, lambda keys: dict.fromkeys(keys, 1))
        return await cache.aremember("x", 60, lambda: 1)

    async def work() -> float:
        one, other = asyncio.create_task(ask()), asyncio.create_task(ask())
        await asyncio.sleep(0.08)
        one.cancel()
        began = time.monotonic()
        await asyncio.gather(one, other, return_exceptions=True)
        assert other.exception() is None
        return time.monotonic() - began

    with (
        mock.patch.object(claims, "lay", slowly),
        mock.patch.object(claims, "lay_all", slowly_all),
    ):
        assert asyncio.run(work()) < leases.SECONDS / 2


@pytest.mark.django_db
def test_work_after_a_response_that_is_dropped_is_over(clock: Clock) -> None:
    with override_settings(CACHEKIT={"BACKGROUND": "after_response"}):
        cache.flexible("x", (1, 600), lambda: 1)
        clock.advance(2)
        with mock.patch.object(background, "in_transaction", return_value=True):
            request_started.send(sender=None)
            cache.flexible("x", (1, 600), lambda: 2)
            assert behind.REFRESHES._under_way
            with mock.patch.object(background.CREW, "take_on", return_value=False):
                request_finished.send(sender=None)
        assert not behind.REFRESHES._under_way
        request_started.send(sender=None)
        cache.flexible("x", (1, 600), lambda: 2)
        request_started.send(sender=None)  # one within another
        request_finished.send(sender=None)
        assert not behind.REFRESHES._under_way
        assert cache.get("x") == 2


# Pages


def test_pages_that_were_flushed_while_they_were_made_are_made_together() -> None:
    inside, most = [0], [0]

    @cached_view(600)
    def view(request: Any) -> HttpResponse:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        add_tags(request, "late")
        time.sleep(0.25)
        cache.tags("late").flush()
        inside[0] -= 1
        return HttpResponse("page")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: view(RequestFactory().get("/")), range(6)))
    assert [answer.content for answer in answers] == [b"page"] * 6
    assert most[0] > 1  # and not one after the other


def test_a_response_that_is_never_rendered_holds_up_nobody() -> None:
    @cached_view(600)
    def view(request: Any) -> TemplateResponse:
        return TemplateResponse(request, "none.html")

    @cached_view(600)
    def other(request: Any) -> HttpResponse:
        return HttpResponse("page")

    for number in range(20):
        view(RequestFactory().get(f"/{number}/"))
    gc.collect()
    other(RequestFactory().get("/other/"))
    assert not _forgotten
    assert not BOARD._flights
    assert not leases._keeper._held
