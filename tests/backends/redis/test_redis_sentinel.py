"""A master that dies under load: its replica takes over, and nobody sees more than a refusal."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from django_cachekit.errors import StoreUnavailable

from .helping import alone

LONGEST = 5.0


@pytest.fixture
def cache(redis_sentinel: Any) -> Iterator[Any]:
    options = {
        "CLIENT_CLASS": "django_redis.client.SentinelClient",
        "SENTINELS": redis_sentinel.sentinels,
    }
    with alone(f"redis://{redis_sentinel.service}/0", **options) as made:
        made.flush()
        yield made


class Load:
    """Write all the time, and note when it went well and what was raised."""

    def __init__(self, cache: Any) -> None:
        self.cache = cache
        self.good: list[float] = []
        self.raised: list[Exception] = []
        self.stop = threading.Event()

    def one(self, done: bool) -> None:
        if done:
            self.good.append(time.monotonic())

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                self.one(self.cache.put(f"k{number % 10}", number))
                self.cache.get(f"k{number % 10}")
                self.cache.increment("n")
            except Exception as error:
                self.raised.append(error)
            time.sleep(0.002)

    async def arun(self) -> None:
        number = 0
        while not self.stop.is_set():
            number += 1
            try:
                self.one(await self.cache.aput(f"k{number % 10}", number))
                await self.cache.aget(f"k{number % 10}")
                await self.cache.aincrement("n")
            except Exception as error:
                self.raised.append(error)
            await asyncio.sleep(0.002)

    def kill_meanwhile(self, sentinel: Any) -> None:
        """Kill the master, and wait until writes go well again."""
        time.sleep(0.5)
        assert self.good, self.raised
        killed = time.monotonic()
        sentinel.master.kill()
        give_up = killed + 2 * LONGEST
        while time.monotonic() < give_up and not any(at > killed + 0.3 for at in self.good):
            time.sleep(0.02)
        self.stop.set()
        after = [at - killed for at in self.good if at > killed + 0.3]
        assert after, self.raised[-3:]
        assert after[0] < LONGEST
        assert {
            type(error) for error in self.raised if not isinstance(error, StoreUnavailable)
        } == set()


@pytest.mark.parametrize("face", ["blocking", "awaited"])
def test_writes_go_on_within_five_seconds(face: str, cache: Any, redis_sentinel: Any) -> None:
    load = Load(cache)
    work = load.run if face == "blocking" else lambda: asyncio.run(load.arun())
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        load.kill_meanwhile(redis_sentinel)
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()
    assert cache.put("after", "ward") is True
    assert cache.get("after") == "ward"
