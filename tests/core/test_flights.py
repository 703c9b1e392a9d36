"""Waiting for one another must end, whoever waits and wherever."""

import asyncio
import os
import threading
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.flights import BOARD, Role
from tests.stores import BY_NAME


@pytest.fixture(params=["locmem", "array", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    with override_settings(CACHES=BY_NAME[request.param].caches(tmp_path)):
        yield cache


async def led(begun: asyncio.Event, go: asyncio.Event) -> str:
    """Lead a flight that lands only when told to."""

    async def make() -> str:
        begun.set()
        await go.wait()
        return "awaited"

    return await cache.aremember("key", 60, make)


def test_blocking_code_in_the_loops_own_thread_does_not_wait(store: Any) -> None:
    async def run() -> tuple[str, str]:
        begun, go = asyncio.Event(), asyncio.Event()
        leader = asyncio.create_task(led(begun, go))
        await begun.wait()
        alone = cache.remember("key", 60, lambda: "blocking")
        go.set()
        return alone, await leader

    assert asyncio.run(asyncio.wait_for(run(), 20)) == ("blocking", "awaited")


def test_blocking_code_in_the_loops_working_thread_does_not_wait(store: Any) -> None:
    async def run() -> tuple[str, str]:
        begun, go = asyncio.Event(), asyncio.Event()
        leader = asyncio.create_task(led(begun, go))
        await begun.wait()
        alone = asyncio.create_task(sync_to_async(cache.remember)("key", 60, lambda: "blocking"))
        await asyncio.sleep(0.05)
        go.set()
        return await alone, await leader

    assert asyncio.run(asyncio.wait_for(run(), 20)) == ("blocking", "awaited")


def test_another_requests_thread_waits(store: Any) -> None:
    async def other() -> str:
        async with ThreadSensitiveContext():
            return await sync_to_async(cache.remember)("key", 60, lambda: "blocking")

    async def run() -> list[str]:
        begun, go = asyncio.Event(), asyncio.Event()
        leader = asyncio.create_task(led(begun, go))
        await begun.wait()
        follower = asyncio.create_task(other())
        await asyncio.sleep(0.05)
        go.set()
        return [await follower, await leader]

    assert asyncio.run(asyncio.wait_for(run(), 20)) == ["awaited", "awaited"]


def test_a_cancelled_leader_is_followed_by_another(store: Any) -> None:
    async def run() -> str:
        begun, go = asyncio.Event(), asyncio.Event()
        leader = asyncio.create_task(led(begun, go))
        await begun.wait()
        follower = asyncio.create_task(cache.aremember("key", 60, lambda: "second"))
        await asyncio.sleep(0.01)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        return await follower

    assert asyncio.run(asyncio.wait_for(run(), 20)) == "second"


def test_a_child_does_not_wait_for_what_its_parent_leads() -> None:
    flight, role = BOARD.join("forked", blocking=True)
    assert role is Role.LEAD
    try:
        pid = os.fork()
        if not pid:
            os._exit(0 if not BOARD.busy() else 1)
        assert os.waitpid(pid, 0)[1] == 0
    finally:
        BOARD.land("forked", flight)


def test_a_key_asked_for_inside_its_own_computation() -> None:
    flight, _ = BOARD.join("own", blocking=True)
    try:
        assert BOARD.join("own", blocking=True)[1] is Role.ALONE
        found: list[Role] = []
        thread = threading.Thread(target=lambda: found.append(BOARD.join("own", blocking=True)[1]))
        thread.start()
        thread.join()
        assert found == [Role.FOLLOW]
    finally:
        BOARD.land("own", flight)
