"""Who watches calls breaks none of them, and hears of those that were broken off too."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends.base import renew
from django_cachekit.layers import watch
from django_cachekit.manager import manager

STORE = {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "watched"}


@contextmanager
def watched(hear: watch.Hear) -> Iterator[None]:
    """Have somebody watch all calls."""
    before = list(watch.ASKED)
    watch.ASKED.append(lambda alias: hear)
    renew()
    manager.reset()
    try:
        with override_settings(CACHES={"default": STORE}):
            yield
    finally:
        watch.ASKED[:] = before
        renew()
        manager.reset()


def test_a_call_that_is_cancelled_is_told_as_one() -> None:
    seen: list[watch.Watched] = []

    class Slow:
        def idle(self, op: Any) -> bool:
            return False

        async def __call__(self, face: Any, op: Any, proceed: Any) -> Any:
            await asyncio.sleep(30)

    async def ask() -> None:
        layer = watch.Watch("default")
        stack = cache._later.stack
        op = cache._later.read(("key",), None)
        await layer(cache._later.face, op, lambda face, op: Slow()(face, op, stack.call))

    async def cancelled() -> None:
        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with watched(seen.append):
        asyncio.run(cancelled())
    assert [one.error for one in seen] == ["CancelledError"]


def test_who_watches_breaks_no_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(seen: watch.Watched) -> None:
        raise RuntimeError("broken")

    with watched(broken):
        assert cache.remember("key", 60, lambda: 1) == 1
        assert cache.get("key") == 1
    assert "who watches it failed" in caplog.text


def test_the_time_of_many_is_told_once() -> None:
    seen: list[watch.Watched] = []

    def make(keys: list[str]) -> dict[str, int]:
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            pass
        return dict.fromkeys(keys, 1)

    with watched(seen.append):
        began = time.monotonic()
        cache.remember_many([str(number) for number in range(10)], 60, make)
        took = time.monotonic() - began
    computed = [one.seconds for one in seen if one.does == "compute"]
    assert len(computed) == 10
    assert 0.1 <= sum(computed) <= took
