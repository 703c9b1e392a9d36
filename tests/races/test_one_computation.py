"""One computation per key: between threads, tasks and processes, on every store that has these."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import RequestFactory, override_settings

from django_cachekit import cache, cached, cached_view
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.flows import leases
from tests.placing import SQL, placed
from tests.servers.databases import entry
from tests.stores import ALL, BY_NAME, Row, _server_table

from .bodies import FORK
from .crowd import Ask, Calls, Size, gathered

SIZES = {
    "redis": (Size(16, 64), Size(8, 16, 16)),
    "file": (Size(16, 64), Size(4, 8, 8)),
    "memcached": (Size(8, 32), Size(4, 8, 8)),  # it takes 1024 connections
    "redis-sealed": (Size(8, 8), Size(4, 8, 8)),
    "redis-cluster": (Size(8, 16), Size(4, 8, 8)),
    "memcached-pool": (Size(8, 8), Size(4, 8, 8)),
    # One connection for each thread; the tasks of a loop have one together.
    "postgresql": (Size(8, 8), Size(4, 3, 61)),
    "mariadb": (Size(8, 8), Size(4, 3, 13)),
    "dynamodb": (Size(8, 4), Size(4, 4, 8)),
    "sqlite": (Size(8, 8), Size(4, 2, 16)),
}
"""How many ask on each store: in threads alone, and in threads and tasks."""


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Have a store that processes share, by its name."""
    with ExitStack() as clean:
        if request.param == "sqlite":
            base = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "cache.sqlite3")}
            clean.enter_context(request.getfixturevalue("django_db_blocker").unblock())
            clean.enter_context(entry("sqlite", **base, OPTIONS={"timeout": 30}))
            row = Row("sqlite", _server_table("sqlite"), ALL, "table")
            clean.enter_context(override_settings(CACHES=row.caches(tmp_path)))
            call_command("cache_table", verbosity=0)
        else:
            clean.enter_context(placed(BY_NAME[request.param], request, tmp_path))
        yield request.param


@pytest.mark.parametrize("crowd", [0, 1], ids=["threads", "threads-and-tasks"])
@pytest.mark.parametrize("shared", list(SIZES), indirect=True)
def test_a_cold_key_is_computed_once(shared: str, crowd: int) -> None:
    size, calls = SIZES[shared][crowd], Calls()

    def now() -> Any:
        return cache.remember("cold", 60, calls.make)

    async def later() -> Any:
        return await cache.aremember("cold", 60, calls.amake)

    given = [answer.value for answer in gathered(size, Ask(now, later))]
    assert given == ["value"] * size.askers
    assert calls.number.value == 1


def _plain(calls: Calls) -> Callable[[], Any]:
    return lambda: caches["default"].get_or_set("cold", calls.make, 60)


def _facade(calls: Calls) -> Callable[[], Any]:
    return lambda: cache.get_or_set("cold", calls.make, 60)


def _tagged(calls: Calls) -> Callable[[], Any]:
    return lambda: cache.tags("a", "b").remember("cold", 60, calls.make)


def _flexible(calls: Calls) -> Callable[[], Any]:
    return lambda: cache.flexible("cold", (60, 120), calls.make)


def _function(calls: Calls) -> Callable[[], Any]:
    @cached(60, key="cold", tags=["t"])
    def function() -> str:
        return calls.make()

    return function


def _fragment(calls: Calls) -> Callable[[], Any]:
    text = "{% load cachekit %}{% cachekit 60 cold tags='t' %}{{ make }}{% endcachekit %}"
    template = engines["django"].from_string(text)
    return lambda: template.render({"make": calls.make})


def _many(calls: Calls) -> Callable[[], Any]:
    def make_many(keys: list[str]) -> dict[str, str]:
        return dict.fromkeys(keys, calls.make())

    return lambda: cache.remember_many(["cold"], 60, make_many)["cold"]


def _page(calls: Calls) -> Callable[[], Any]:
    @cached_view(60, tags=["t"])
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(calls.make())

    return lambda: view(RequestFactory().get("/cold/")).content.decode()


WAYS = [_plain, _facade, _tagged, _flexible, _function, _fragment, _many, _page]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
@pytest.mark.parametrize("shared", ["redis", "memcached", "file", "postgresql"], indirect=True)
def test_every_verb_that_computes_does_so_once(shared: str, way: Any) -> None:
    size, calls = Size(6, 6), Calls()
    given = [answer.value for answer in gathered(size, Ask(way(calls)))]
    assert given == ["value"] * size.askers
    assert calls.number.value == 1


def _ask(calls: Any, gate: Any, found: Any, seconds: float) -> None:
    def make() -> str:
        with calls.get_lock():
            calls.value += 1
        time.sleep(seconds)
        return "value"

    gate.wait()
    found.put(cache.remember("cold", 60, make))


@pytest.fixture(params=["file", "postgresql", "mariadb", "memcached", "redis", "redis-sealed"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    row = BY_NAME[request.param]
    with placed(row, request, tmp_path):
        if row.server in SQL:
            connections[row.server].close()  # two processes cannot speak by one
        yield cache


def test_processes_compute_a_cold_key_once(store: Any) -> None:
    calls, gate, found = FORK.Value("i", 0), FORK.Barrier(6), FORK.Queue()
    asking = [FORK.Process(target=_ask, args=(calls, gate, found, 0.3)) for _ in range(6)]
    for process in asking:
        process.start()
    assert [found.get(timeout=20) for _ in asking] == ["value"] * 6
    for process in asking:
        process.join(10)
    assert calls.value == 1


def test_the_next_one_computes_when_the_holder_is_killed(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 1.0)
    calls, gate, found = FORK.Value("i", 0), FORK.Barrier(1), FORK.Queue()
    holder = FORK.Process(target=_ask, args=(calls, gate, found, 60))
    holder.start()
    while not calls.value:
        time.sleep(0.01)
    assert holder.pid is not None
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(10)
    began = time.monotonic()
    assert store.remember("cold", 60, lambda: "anew") == "anew"
    assert time.monotonic() - began < 5


def test_a_long_computation_keeps_its_lease(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.6)
    calls, gate, found = FORK.Value("i", 0), FORK.Barrier(2), FORK.Queue()
    asking = [FORK.Process(target=_ask, args=(calls, gate, found, 2.0)) for _ in range(2)]
    for process in asking:
        process.start()
    assert [found.get(timeout=20) for _ in asking] == ["value"] * 2
    for process in asking:
        process.join(10)
    assert calls.value == 1


def test_nothing_of_a_lease_is_left(store: Any) -> None:
    store.remember("cold", 60, lambda: 1)
    driver: Any = cache._home.stack().driver
    if not driver.lists:
        pytest.skip("it cannot list what it holds")

    async def left() -> int:
        return len([name async for name, _ in driver.io.scan(BLOCKING)])

    assert run_now(left()) == 1


def test_the_keeper_of_leases_outlives_a_connection_that_cannot_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("changed meanwhile")

    keeper = leases._Keeper()
    with override_settings(CACHES=BY_NAME["array"].caches(tmp_path)):
        keeper._held.add(leases.Lease(cache._now, "key", 1))
        monkeypatch.setattr("django_cachekit.flows.leases.connections.close_all", broken)
        keeper.renew()
    assert "RuntimeError" in caplog.text
