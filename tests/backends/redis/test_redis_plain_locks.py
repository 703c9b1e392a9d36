"""redis-py's own locks, asked of a cache as of django-redis's: they go on working as they did."""

from typing import Any

import pytest
from django.core.cache import caches
from redis.exceptions import LockError, LockNotOwnedError

from django_cachekit import cache

from .helping import SEALED, alone, client, driver_of


@pytest.fixture(params=["signed", "sealed", "cluster"])
def plain(request: pytest.FixtureRequest) -> Any:
    name = "redis_cluster" if request.param == "cluster" else "empty"
    server = request.getfixturevalue(name)
    more: dict[str, dict[str, Any]] = {"sealed": SEALED, "cluster": {"CLUSTER": True}}
    for node in getattr(server, "nodes", [server]):
        with client(node) as raw:
            raw.flushall()
    with alone(server.url, KEY_PREFIX="shop", **more.get(request.param, {})):
        yield caches["default"]


def test_a_block_has_it(plain: Any) -> None:
    with plain.lock("name", timeout=5) as lock:
        assert lock.owned() is True
        assert plain.lock("name", timeout=5).acquire(blocking=False) is False
        assert plain.lock("name", version=2).acquire(blocking=False) is True
    assert lock.locked() is False


def test_its_methods(plain: Any) -> None:
    lock = plain.lock("name", None, 5)
    assert lock.acquire(blocking=False) is True
    assert lock.extend(30) is True
    assert lock.reacquire() is True
    lock.release()
    with pytest.raises(LockError):
        lock.release()
    other = plain.lock("name", timeout=5, sleep=0.01, blocking_timeout=0.05)
    assert lock.acquire() is True
    assert other.acquire() is False
    with pytest.raises(LockError), other:
        raise AssertionError("it was not had")
    waits = plain.lock("name", timeout=5, blocking=False)
    assert waits.acquire() is False
    other.local.token = b"another"
    with pytest.raises(LockNotOwnedError):
        other.release()


def test_no_flush_reaches_it(plain: Any) -> None:
    lock = plain.lock("name", timeout=30)
    assert lock.acquire(blocking=False) is True
    assert cache.put("name", "value") is True
    plain.clear()
    assert list(cache.keys()) == []
    assert lock.owned() is True
    lock.release()


def test_it_is_another_than_the_facades(plain: Any) -> None:
    lock = plain.lock("name", timeout=30)
    assert lock.acquire(blocking=False) is True
    ours = cache.lock("name", 30)
    assert ours.acquire() is True
    lock.release()
    assert ours.release() is True


def test_no_key_makes_a_record_of_ours(plain: Any) -> None:
    driver = driver_of()
    record = driver.locks.keys.record(driver.entries.name("x", None))
    made = driver.locks.keys.plain(
        driver.engine.naming.lead + record[len(driver.locks.keys.lead) :]
    )
    assert driver.locks.keys.sorted([record, made]) == ([record], [made])


def test_a_client_can_be_given(empty: Any) -> None:
    with client(empty) as raw, alone(empty.url):
        backend: Any = caches["default"]
        lock = backend.lock("name", timeout=5, client=raw, thread_local=False)
        assert lock.redis is raw
        with lock:
            assert backend.lock("name").acquire(blocking=False) is False
