"""Where a Redis may be, and how LOCATION and OPTIONS say so."""

import asyncio
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from django_cachekit.checks.clients import clients_can_be_made
from django_cachekit.errors import Misconfigured

from .helping import SEALED, alone, config, driver_of, within

SENTINEL_FACTORY = "django_redis.pool.SentinelConnectionFactory"


def works(cache: Any) -> None:
    """Assert that the verbs of each kind do what they should, by both faces."""
    cache.flush()
    assert cache.put("a", {"x": 1}, 60) is True
    assert cache.get("a") == {"x": 1}
    assert cache.add("a", 2) is False
    assert cache.put_many({"b": 2, "c": 3}) is True
    assert cache.many(["a", "b", "c"]) == {"a": {"x": 1}, "b": 2, "c": 3}
    assert [cache.increment("n") for _ in range(3)] == [1, 2, 3]
    cache.tags("t").put("tagged", 1)
    assert cache.get("tagged") == 1
    cache.tags("t").flush()
    assert cache.get("tagged") is None
    assert sorted(cache.keys()) == ["a", "b", "c", "n"]
    assert cache.touch("a", 100) is True
    assert 99 < cache.ttl("a") <= 100
    assert cache.pull("b") == 2

    async def awaited() -> None:
        assert await cache.aget("a") == {"x": 1}
        assert await cache.aput("d", 4, 60) is True
        assert await cache.aincrement("n") == 4
        assert await cache.aadd("d", 5) is False
        assert await cache.amany(["c", "d"]) == {"c": 3, "d": 4}
        assert sorted([key async for key in cache.akeys()]) == ["a", "c", "d", "n"]
        assert await asyncio.gather(*(cache.aget("c") for _ in range(20))) == [3] * 20
        assert await cache.aflush() is True
        assert await cache.aget("a") is None

    asyncio.run(awaited())


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_a_unix_socket(options: Any, empty: Any) -> None:
    with alone(empty.unix_url, **options) as cache:
        works(cache)


def test_tls(redis_tls: Any) -> None:
    kwargs = {"ssl_ca_certs": redis_tls.ca_file}
    with alone(redis_tls.tls_url, CONNECTION_POOL_KWARGS=kwargs) as cache:
        works(cache)


def test_tls_with_a_certificate_that_nobody_vouches_for(redis_tls: Any) -> None:
    with alone(redis_tls.tls_url) as cache:
        assert cache.put("a", 1) is False
        assert asyncio.run(cache.aput("a", 1)) is False


def test_a_database_by_number(empty: Any, raw: Any) -> None:
    with alone(f"{empty.url}/3") as cache:
        works(cache)
        cache.put("a", 1)
        assert asyncio.run(cache.aget("a")) == 1
    assert raw.dbsize() == 0


def test_sentinels(redis_sentinel: Any) -> None:
    options = {
        "CLIENT_CLASS": "django_redis.client.SentinelClient",
        "SENTINELS": redis_sentinel.sentinels,
    }
    with alone(f"redis://{redis_sentinel.service}/0", **options) as cache:
        works(cache)
        assert cache.put("a", 1) is True
    with (
        override_settings(DJANGO_REDIS_CONNECTION_FACTORY=SENTINEL_FACTORY),
        alone(f"redis://{redis_sentinel.service}/0", **options) as cache,
    ):
        assert cache.get("a") == 1


def test_a_primary_and_a_replica_are_taken_and_the_primary_is_read(
    redis_sentinel: Any, empty: Any
) -> None:
    urls = [redis_sentinel.master.url, redis_sentinel.replica.url]
    for location in (urls, ",".join(urls)):
        with alone(location) as cache:
            works(cache)  # reading its own writes, which a replica would not have yet


def test_our_defaults(empty: Any) -> None:
    with alone(empty.url):
        place = driver_of().engine.wire.place
        pool = place.pool(None)
        assert pool.max_connections == 50
        assert pool.timeout == 1.0
        kwargs = pool.connection_kwargs
        assert (kwargs["socket_timeout"], kwargs["socket_connect_timeout"]) == (0.5, 0.5)
        assert kwargs["retry"].get_retries() == 0
        assert place.seconds == 0.5


def test_the_users_own_come_first(empty: Any) -> None:
    kwargs = {"max_connections": 3, "timeout": 7, "retry": Retry(NoBackoff(), 2)}
    options = {"SOCKET_TIMEOUT": 2, "CONNECTION_POOL_KWARGS": kwargs}
    with alone(f"{empty.url}?socket_connect_timeout=4", **options) as cache:
        place = driver_of().engine.wire.place
        pool = place.pool(None)
        assert (pool.max_connections, pool.timeout) == (3, 7)
        assert pool.connection_kwargs["retry"].get_retries() == 2
        assert pool.connection_kwargs["socket_connect_timeout"] == 4
        assert place.seconds == 2

        async def awaited() -> None:
            await cache.aget("a")
            (twin,) = (await place._loops.get()).values()
            assert (twin.max_connections, twin.timeout) == (3, 7)
            assert twin.connection_kwargs["socket_timeout"] == 2
            assert twin.connection_kwargs["socket_connect_timeout"] == 4

        asyncio.run(awaited())


def test_two_aliases_at_one_url_have_timeouts_of_their_own(empty: Any, faulty: Any) -> None:
    proxy = faulty(empty)
    both = {
        "default": config(proxy.url, SOCKET_TIMEOUT=5),
        "hasty": config(proxy.url, SOCKET_TIMEOUT=0.1),
    }
    with override_settings(CACHES=both):
        assert caches["default"].get("a") is None
        assert caches["hasty"].get("a") is None
        proxy.blackhole()
        with within(0.45):
            assert caches["hasty"].get("a") is None


def test_the_client_of_django_redis_can_be_had(empty: Any) -> None:
    with alone(empty.url) as cache:
        cache.put("a", 1)
        raw = caches["default"].client.get_client(write=True)
        assert raw.ping() is True
        with caches["default"].client.lock("mine", timeout=5):
            assert raw.exists("mine") or raw.keys("*mine*")


@pytest.mark.parametrize(
    ("location", "options", "said"),
    [
        ("", {}, "LOCATION is no URL"),
        ("127.0.0.1:6379", {}, "LOCATION is no URL"),
        ([], {}, "LOCATION is no URL"),
        (None, {"SOCKET_TIMEOUTS": 1}, "'SOCKET_TIMEOUTS' is no option. Did you mean SOCKET_TIM"),
        (None, {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}, "COMPRESSION"),
        (None, {"IGNORE_EXCEPTIONS": False}, "RAISE"),
        (None, {"PICKLE_VERSION": 2}, "SERIALIZER"),
        (None, {"CLIENT_CLASS": "django_redis.client.ShardClient"}, "ShardedCache"),
        (None, {"CLUSTER": True, "SENTINELS": [("a", 1)]}, "exclude each other"),
        (None, {"CONNECTION_POOL_KWARGS": {"decode_responses": True}}, "decode_responses"),
        (None, {"CONNECTION_FACTORY": SENTINEL_FACTORY}, "SENTINELS must be"),
    ],
)
def test_what_is_configured_wrongly_is_said(
    location: Any, options: Any, said: str, empty: Any
) -> None:
    where = empty.url if location is None else location
    with (
        override_settings(CACHES={"default": config(where, **options)}),
        pytest.raises(Exception, match=said) as caught,
    ):
        caches["default"].get("a")
    assert "ImproperlyConfigured" in [kind.__name__ for kind in type(caught.value).__mro__]
    assert not isinstance(caught.value, Misconfigured) or "default" in str(caught.value)


def test_a_check_says_so_too() -> None:
    wrong = {"default": config("127.0.0.1:6379", SOCKET_TIMEOUTS=1, CLUSTER=True, SENTINELS=[1])}
    with override_settings(CACHES=wrong):
        said = [message for message in clients_can_be_made() if message.id == "cachekit.E022"]
    assert len(said) == 3
    assert all(message.hint for message in said)
    with override_settings(CACHES={"default": config("rediss://h:1/0", SOCKET_TIMEOUT=1)}):
        assert clients_can_be_made() == []


def test_responses_are_never_decoded(empty: Any) -> None:
    with alone(f"{empty.url}?decode_responses=true") as cache:
        works(cache)


def test_ignoring_exceptions_is_what_it_does_anyway(empty: Any) -> None:
    with alone(empty.url, IGNORE_EXCEPTIONS=True) as cache:
        assert cache.put("a", 1) is True
