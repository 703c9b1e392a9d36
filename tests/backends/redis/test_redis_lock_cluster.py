"""Locks on a cluster: what lies together there, and whose release can be heard."""

import time
from typing import Any

from redis.crc import key_slot

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


def test_a_slot_on_the_move_keeps_its_locks(redis_cluster: Any) -> None:
    with alone(redis_cluster.url, CLUSTER=True):
        lock: Any = cache.lock("moves", 30)
        other: Any = cache.lock("moves", 30)
        assert lock.acquire() is True
        record = hooks().keys.record(*names(lock_record("moves")))
        slot = key_slot(record)
        at = hooks().wire.slots.of(record)
        source = next(node for node in redis_cluster.nodes if node.port == at[1])
        target = next(node for node in redis_cluster.nodes if node is not source)
        with client(source) as one, client(target) as two:
            one_id, two_id = (raw.execute_command("CLUSTER MYID") for raw in (one, two))
            two.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", one_id)
            one.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", two_id)
            try:
                assert other.acquire() is False  # it has not moved yet
                assert lock.release() is True
                assert other.acquire() is True
                one.execute_command("MIGRATE", target.host, target.port, record, 0, 5000)
                assert lock.acquire() is False
                assert other.refresh() is True
                assert other.release() is True
                assert lock.acquire() is True
                assert lock.fence > other.fence
            finally:
                one.execute_command("CLUSTER SETSLOT", slot, "STABLE")
                two.execute_command("MIGRATE", source.host, source.port, record, 0, 5000)
                two.execute_command("CLUSTER SETSLOT", slot, "STABLE")
        assert lock.release() is True
