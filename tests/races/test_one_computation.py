"""One computation per key, between processes too."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.flows import leases
from tests.placing import SQL, placed
from tests.stores import BY_NAME

FORK = multiprocessing.get_context("fork")


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
