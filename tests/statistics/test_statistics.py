"""Statistics of every store there is: what it tells of itself, by both faces."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.statistics import (
    Server,
    Statistics,
    astatistics,
    asurvey,
    statistics,
    survey,
)
from tests.health import stores
from tests.placing import placed
from tests.stores import BY_NAME, DJANGO, OURS

Ask = Callable[..., Statistics]

ALIAS = {"file", "database", "database-sealed", "postgresql", "postgresql-sealed", "mariadb"}
"""Rows whose store knows how much of it is the alias's."""
REDIS = {"redis", "redis-sealed", "redis-cluster"}
MEMCACHED = {"memcached", "memcached-sealed", "memcached-pool"}
DYNAMODB = {"dynamodb", "dynamodb-sealed"}


@pytest.fixture(params=[statistics, async_to_sync(astatistics)], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]  # one of the two


def _of(found: Statistics) -> tuple[Any, ...]:
    facts = found.facts
    return facts.entries, facts.of, facts.max_entries


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", BY_NAME)
def test_every_store_tells_what_it_can(
    name: str, ask: Ask, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with placed(BY_NAME[name], request, tmp_path), contextlib.ExitStack() as clean:
        # Tables of a cache are not emptied with those of models; nor is what a flush leaves there.
        clean.callback(cache.forget_many, ["a", "b"])
        cache.put_many({"a": "x" * 1000, "b": 2}, 600)
        found = ask()
        counting = ask(count=True)
        assert (found.alias, found.reason) == ("default", "")
        servers = found.facts.servers
        if name in ALIAS:
            assert (found.facts.entries, found.facts.of) == (2, "alias")
            assert 1000 < (found.facts.bytes or 0) < 3000
            assert 0 < (found.facts.fill or 0) < 0.01
        elif name in REDIS:
            assert found.facts.entries is None
            assert counting.facts.entries == 2
            assert len(servers) == (3 if name == "redis-cluster" else 1)
            assert sum(server.entries or 0 for server in servers) >= 2
            assert all((server.bytes or 0) > 0 for server in servers)
        elif name in MEMCACHED:
            assert found.facts.entries is None
            assert len(servers) == (1 if name != "memcached-pool" else len(servers))
            assert len({server.name for server in servers}) == len(servers) > 0
            assert sum(server.entries or 0 for server in servers) >= 2
        elif name in DYNAMODB:
            assert len(servers) == 1
            assert servers[0].entries is not None
            assert counting.facts.entries == 2
        else:
            assert found.facts.entries in (2, 3)
            assert found.facts.of in ("process", "table", "directory")


@pytest.mark.parametrize("server", ["redis", "memcached"])
def test_stores_that_are_not_ours_on_a_server(
    server: str, ask: Ask, request: pytest.FixtureRequest
) -> None:
    there = request.getfixturevalue(server)
    kinds = {
        "redis": (DJANGO + "redis.RedisCache", "django_redis.cache.RedisCache"),
        "memcached": (DJANGO + "memcached.PyMemcacheCache",),
    }
    for backend in kinds[server]:
        config = {"BACKEND": backend, "LOCATION": there.location}
        with override_settings(CACHES={"default": config}):
            cache.put("a", 1, 60)
            cache.get("a")
            (told,) = ask().facts.servers
            assert told.up
            assert (told.entries or 0) >= 1
            assert (told.hits or 0) >= 1
            caches["default"].close()


def test_what_is_never_seen_before_tells_nothing(ask: Ask) -> None:
    config = {"BACKEND": "tests.statistics.test_statistics.Strange"}
    with override_settings(CACHES={"default": config}):
        found = ask()
    assert found.facts == type(found.facts)()
    assert found.reason == ""


class Strange(BaseCache):
    """Be a backend of nobody's."""

    def __init__(self, location: str, params: Any) -> None:
        super().__init__(params)


def test_one_made_otherwise_within_tells_nothing(ask: Ask, caplog: Any) -> None:
    config = {"BACKEND": "tests.statistics.test_statistics.Altered"}
    with override_settings(CACHES={"default": config}):
        found = ask()
    assert found.facts.entries is None
    assert "AttributeError" in caplog.text


class Altered(LocMemCache):
    """Be Django's memory, with its entries elsewhere."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        del vars(self)["_cache"]


def test_one_that_is_down_keeps_no_other_from_being_told() -> None:
    down = {"BACKEND": OURS + "redis.RedisCache", "LOCATION": "redis://:hunter2@127.0.0.1:1/0"}
    wrong = {"BACKEND": "no.such.Cache"}
    memory = {"BACKEND": OURS + "array.ArrayCache", "LOCATION": "told"}
    with override_settings(CACHES={"default": down, "wrong": wrong, "memory": memory}):
        for face in (survey, async_to_sync(asurvey)):
            found = face()
            assert [one.reason for one in found] == ["refused", "misconfigured", ""]
            assert "hunter2" not in repr(found)


def test_an_alias_that_is_not_there(ask: Ask) -> None:
    with pytest.raises(InvalidCacheBackendError, match=r"Not in CACHES: nope"):
        ask("nope")


def test_an_alias_over_another_tells_of_that() -> None:
    under = {"BACKEND": OURS + "array.ArrayCache", "LOCATION": "under"}
    over = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "under"}}
    with override_settings(CACHES={"default": over, "under": under}):
        cache.put("a", 1)
        found = statistics()
    assert (found.over, found.facts.of, found.facts.max_entries) == ("under", "process", 10_000)
    assert repr(found) == "<statistics 'default' (TaggedCache): 1 entries>"


def test_what_a_memory_had_no_room_for_is_counted() -> None:
    config = {
        "BACKEND": OURS + "array.ArrayCache",
        "LOCATION": "no room",
        "OPTIONS": {"MAX_ENTRIES": 3},
    }
    with override_settings(CACHES={"default": config}):
        for number in range(5):
            cache.put(str(number), number)
        facts = statistics().facts
    assert (facts.entries, facts.evictions, facts.fill) == (3, 2, 1.0)


def test_a_node_that_is_down_is_told(memcached: Any) -> None:
    config = {
        "BACKEND": OURS + "memcached.MemcachedCache",
        "LOCATION": [memcached.location, "127.0.0.1:1"],
    }
    with override_settings(CACHES={"default": config}):
        found = statistics()
        first, second = found.facts.servers
        assert (first.up, second.up) == (True, False)
        assert second == Server("127.0.0.1:1", up=False)
        assert found.as_dict()["total"]["bytes"] == first.bytes


def test_nothing_is_written_to_find_out(ask: Ask) -> None:
    with override_settings(CACHES={"default": stores.config(stores.Refusing, "empty")}):
        # Nothing is asked of it but how much it holds, which it knows.
        assert ask().facts.entries == 0


def test_what_sentinels_watch_has_the_name_they_know_it_by(redis_sentinel: Any) -> None:
    config = {
        "BACKEND": OURS + "redis.RedisCache",
        "LOCATION": f"redis://{redis_sentinel.service}/0",
        "OPTIONS": {
            "CLIENT_CLASS": "django_redis.client.SentinelClient",
            "SENTINELS": redis_sentinel.sentinels,
            "SOCKET_TIMEOUT": 10,
            "SOCKET_CONNECT_TIMEOUT": 10,
        },
    }
    with override_settings(
        CACHES={"default": config},
        DJANGO_REDIS_CONNECTION_FACTORY="django_redis.pool.SentinelConnectionFactory",
    ):
        (server,) = statistics().facts.servers
    assert (server.name, server.up) == (redis_sentinel.service, True)
    assert server.uptime is not None


def test_one_who_may_not_ask_a_redis_is_told_nothing(redis: Any) -> None:
    redis.ask("ACL", "SETUSER", "shy", "on", ">pass", "~*", "+@all", "-info")
    url = f"redis://shy:pass@{redis.location.partition('://')[2].rpartition('@')[2]}"
    config = {"BACKEND": OURS + "redis.RedisCache", "LOCATION": url}
    try:
        with override_settings(CACHES={"default": config}):
            found = statistics()
    finally:
        redis.ask("ACL", "DELUSER", "shy")
    (server,) = found.facts.servers
    assert (found.reason, server.entries, server.up) == ("", None, True)
    assert "pass" not in repr(found.as_dict())
