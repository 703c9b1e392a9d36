"""A cluster: keys on several servers, slots that move, and servers that die."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from redis.crc import key_slot

from django_cachekit.errors import StoreUnavailable

from .helping import SEALED, alone, client, driver_of, key_of, within
from .test_redis_places import works

MANY = {f"k{number}": number for number in range(100)}


@pytest.fixture(params=["signed", "sealed"])
def cache(request: pytest.FixtureRequest, redis_cluster: Any) -> Iterator[Any]:
    options = SEALED if request.param == "sealed" else {}
    with alone(redis_cluster.url, CLUSTER=True, **options) as made:
        made.flush()
        yield made


def held(cluster: Any) -> list[int]:
    """Return how many keys each server holds."""
    sizes = []
    for node in cluster.nodes:
        with client(node) as raw:
            sizes.append(int(raw.dbsize()))
    return sizes


def test_every_verb(cache: Any) -> None:
    works(cache)


def test_keys_are_spread_and_flushed_everywhere(cache: Any, redis_cluster: Any) -> None:
    cache.put_many(MANY)
    assert all(size > 10 for size in held(redis_cluster))
    with alone(redis_cluster.url, CLUSTER=True, STORE_ID="other") as other:
        other.put_many(MANY)
        before = sum(held(redis_cluster))
    cache.flush()
    assert sum(held(redis_cluster)) == before - 100
    with alone(redis_cluster.url, CLUSTER=True, STORE_ID="other") as other:
        assert other.many(list(MANY)) == MANY
        other.flush()


def test_any_server_will_do_to_begin_with(redis_cluster: Any) -> None:
    redis_cluster.nodes[0].pause()
    urls = [node.url for node in redis_cluster.nodes]
    with alone(urls, CLUSTER=True, SOCKET_TIMEOUT=0.2) as cache:
        cache.get("a")  # whoever keeps it: somebody drew the map
        slots = driver_of().engine.wire.slots
        assert len(slots.masters) == 3


def test_a_slot_that_moves_is_followed(cache: Any, redis_cluster: Any) -> None:
    cache.put("a", 1)
    cache.increment("n", 5)
    wire = driver_of().engine.wire
    slots = wire.slots
    for name in ("a", "n"):
        slot = key_slot(key_of(name))
        right = slots._map[slot]
        wrong = next(node for node in slots.masters if node != right)
        slots._map[slot] = wrong
        assert (cache.get("a") if name == "a" else cache.increment("n")) == (
            1 if name == "a" else 6
        )
        assert slots._map[slot] == right


def test_a_slot_on_the_move_is_asked_for_where_it_goes(cache: Any, redis_cluster: Any) -> None:
    cache.put("stays", 1)
    cache.increment("n")
    slot = key_slot(key_of("n"))
    source_at = driver_of().engine.wire.slots._map[slot]
    source = next(node for node in redis_cluster.nodes if node.port == source_at[1])
    target = next(node for node in redis_cluster.nodes if node is not source)
    with client(source) as one, client(target) as two:
        one_id, two_id = (raw.execute_command("CLUSTER MYID") for raw in (one, two))
        two.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", one_id)
        one.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", two_id)
        try:
            one.execute_command("MIGRATE", target.host, target.port, key_of("n"), 0, 5000)
            assert [cache.increment("n") for _ in range(3)] == [2, 3, 4]
            assert asyncio.run(cache.aincrement("n")) == 5
            assert cache.many(["n", "stays"]) == {"n": 5, "stays": 1}
        finally:
            one.execute_command("CLUSTER SETSLOT", slot, "STABLE")
            two.execute_command("MIGRATE", source.host, source.port, key_of("n"), 0, 5000)
            two.execute_command("CLUSTER SETSLOT", slot, "STABLE")
    assert cache.get("n") == 5


def test_a_server_that_dies_takes_its_keys_and_no_more(cache: Any, redis_cluster: Any) -> None:
    cache.put_many(MANY)
    engine = driver_of().engine
    keeper = engine.wire.slots.of(engine.naming.epoch)
    victim = next(node for node in redis_cluster.nodes if (node.host, node.port) != keeper)
    gone = {
        name for name in MANY if engine.wire.slots.of(key_of(name)) == (victim.host, victim.port)
    }
    victim.kill()
    for name in MANY:
        with within(1.5):
            assert cache.get(name) == (None if name in gone else MANY[name])
    lost = next(iter(gone))
    with pytest.raises(StoreUnavailable):
        cache.increment(lost)
    assert cache.put(lost, 1) is False


def test_many_tasks_on_a_small_pool(cache: Any, redis_cluster: Any) -> None:
    async def all_at_once(small: Any) -> Any:
        return await asyncio.gather(*(small.aget(f"k{number % 100}") for number in range(200)))

    kwargs = {"max_connections": 5, "timeout": 30}
    patient = {"SOCKET_TIMEOUT": 30, "SOCKET_CONNECT_TIMEOUT": 30}
    options = {"CONNECTION_POOL_KWARGS": kwargs, "RAISE": True, **patient}
    with alone(redis_cluster.url, CLUSTER=True, **options) as small:
        small.put_many(MANY)
        assert asyncio.run(all_at_once(small)) == [number % 100 for number in range(200)]


def test_one_server_in_place_of_a_cluster_is_said(empty: Any) -> None:
    with alone(empty.url, CLUSTER=True, RAISE=True) as cache, pytest.raises(StoreUnavailable):
        cache.get("a")


def test_the_client_is_redis_pys_own(cache: Any) -> None:
    from django.core.cache import caches

    raw = caches["default"].client.get_client()
    assert type(raw).__name__ == "RedisCluster"
    raw.set("raw", 1)
    assert raw.get("raw") == b"1"
    raw.delete("raw")
    raw.close()
