"""Locks on a Redis under sentinels: what stays when the master dies."""

import time
from typing import Any

from django_cachekit import cache
from django_cachekit.errors import StoreUnavailable

from .helping import alone


def test_what_the_replica_had_is_held_after_a_failover(redis_sentinel: Any) -> None:
    options = {
        "CLIENT_CLASS": "django_redis.client.SentinelClient",
        "SENTINELS": redis_sentinel.sentinels,
    }
    with alone(f"redis://{redis_sentinel.service}/0", **options):
        lock: Any = cache.lock("name", 60)
        other: Any = cache.lock("name", 60)
        assert lock.acquire() is True
        fence = lock.fence
        time.sleep(0.5)  # the replica follows
        redis_sentinel.master.kill()
        until, had = time.monotonic() + 15, None
        while had is None and time.monotonic() < until:
            try:
                had = other.acquire()
            except StoreUnavailable:
                time.sleep(0.05)
        assert had is False
        assert lock.refresh() is True
        assert lock.release() is True
        assert other.acquire() is True
        assert other.fence > fence
        assert other.release() is True
