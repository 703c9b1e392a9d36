"""Locks on a cluster: what lies together there, and whose release can be heard."""

import time
from typing import Any

from django_cachekit import cache
from django_cachekit.backends.redisdb import locks as module
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record, slot_record

from .helping import alone, client, within
from .test_redis_lock_waits import hooks, names, waiting


def test_of_a_cluster_what_can_be_heard_is_heard(redis_cluster: Any) -> None:
    with alone(redis_cluster.url, CLUSTER=True, SOCKET_TIMEOUT=5):
        one, *slots = names(lock_record("one"), *(slot_record("f", number) for number in range(4)))
        with within(1.5):
            assert run_now(hooks().wait(BLOCKING, slots, 20)) is True  # asks again soon
        assert module.PARTLY < 1
        owner = b"x" * 16
        assert run_now(hooks().take(BLOCKING, one, owner, 30)).fence
        with waiting(lambda: run_now(hooks().wait(BLOCKING, [one], 4))) as told:
            time.sleep(0.2)
            began = time.monotonic()
            assert run_now(hooks().free(BLOCKING, one, owner)) is True
        assert told == [True]
        assert time.monotonic() - began < 1
        run_now(hooks().wipe(BLOCKING))


def test_record_and_signal_are_in_one_slot(redis_cluster: Any) -> None:
    for node in redis_cluster.nodes:
        node.ask("FLUSHALL")
    with alone(redis_cluster.url, CLUSTER=True, KEY_PREFIX="{a}", STORE_ID="b}{"):
        locks = [cache.lock(f"{{name}} {number}", 30) for number in range(30)]
        assert all(lock.acquire() for lock in locks)
        assert all(lock.release() for lock in locks)
        holding = []
        for node in redis_cluster.nodes:
            with client(node) as raw:
                keys = set(raw.keys("ckl:*"))
                holding.append(len(keys))
                records = {key for key in keys if b"}:lock:" in key}
                assert keys == records | {hooks().keys.beside(key) for key in records}
        assert sum(holding) == 60
        assert all(holding)
        assert run_now(hooks().wipe(BLOCKING)) == 0
