"""Taking over what other backends left in the same server."""

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.errors import Misconfigured
from tests.placing import placed
from tests.stores import BY_NAME, DJANGO

Config = dict[str, Any]


def django_db(ours: Config) -> Config:
    """Configure Django's own table beside ours."""
    return {"BACKEND": DJANGO + "db.DatabaseCache", "LOCATION": "old_table"}


def django_memcached(ours: Config) -> Config:
    """Configure Django's own client of the same nodes."""
    return {"BACKEND": DJANGO + "memcached.PyMemcacheCache", "LOCATION": ours["LOCATION"]}


def django_redis(ours: Config) -> Config:
    """Configure django-redis on the same server."""
    return {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": ours["LOCATION"]}


def compressed(ours: Config) -> Config:
    """Configure django-redis with a compressor of its own."""
    options = {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}
    return {**django_redis(ours), "OPTIONS": options}


def djangos_redis(ours: Config) -> Config:
    """Configure Django's own backend on the same server."""
    return {"BACKEND": DJANGO + "redis.RedisCache", "LOCATION": ours["LOCATION"]}


def on_cluster(ours: Config) -> Config:
    """Configure django-redis with redis-py's client of a cluster, which its users write."""
    options = {"CLIENT_CLASS": "tests.backends.legacy.cluster.ClusterClient"}
    return {**django_redis(ours), "OPTIONS": options}


OLD: dict[str, tuple[str, Callable[[Config], Config], list[str]]] = {
    "database": ("database", django_db, ["django:old_table"]),
    "memcached": ("memcached", django_memcached, ["django"]),
    "memcached-pool": ("memcached-pool", django_memcached, ["django"]),
    "redis": ("redis", django_redis, ["django-redis"]),
    "redis-sealed": ("redis-sealed", djangos_redis, ["django"]),
    "redis-zlib": ("redis", compressed, ["django-redis"]),
    "redis-cluster": ("redis-cluster", on_cluster, ["django-redis"]),
    "postgresql": ("postgresql-sealed", django_db, ["django:old_table"]),
}
"""For each case: the row that is migrated to, what stood there before, and READ_LEGACY."""


class To:
    """Send Django's own cache to one database."""

    def __init__(self, database: str) -> None:
        self.database = database

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return self.database if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == self.database if app_label == "django_cache" else None


class Pair:
    """Hold an old cache and the new one in its place, by one of its faces."""

    def __init__(self, name: str, face: str) -> None:
        self.name = name
        self.face = face

    def __getattr__(self, verb: str) -> Any:
        if self.face == "sync":
            return getattr(cache, verb)
        return async_to_sync(getattr(cache, "a" + verb))

    @property
    def old(self) -> Any:
        """The cache of before."""
        return caches["old"]

    @property
    def adoption(self) -> Any:
        """What takes over, and counts."""
        return adoption()


def adoption() -> Any:
    """Return what takes over in the default alias."""
    driver: Any = caches["default"].cachekit_driver  # type: ignore[attr-defined]  # it is ours
    return getattr(driver, "ones", [driver])[0].legacy


@pytest.fixture(params=OLD)
def name(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["sync", "async"])
def pair(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    row, before, names = OLD[name]
    with placed(BY_NAME[row], request, tmp_path):
        config = {alias: dict(given) for alias, given in caches.settings.items()}
        config["old"] = before(config["default"])
        options = {**config["default"].get("OPTIONS", {}), "READ_LEGACY": names}
        config["default"]["OPTIONS"] = options
        routers = [To("postgresql")] if name == "postgresql" else []
        with override_settings(CACHES=config, DATABASE_ROUTERS=routers):
            if "db.DatabaseCache" in config["old"]["BACKEND"]:
                database = "postgresql" if routers else "default"
                call_command("createcachetable", database=database, verbosity=0)
            caches["old"].clear()
            yield Pair(name, request.param)


VALUES = {"none": None, "number": 7, "text": "é", "dict": {"a": [1, (2,)]}, "bytes": b"\0"}


def test_what_was_there_is_served_and_moved(pair: Pair) -> None:
    pair.old.set_many(VALUES, 600)
    assert pair.get("dict") == {"a": [1, (2,)]}
    assert pair.many(list(VALUES)) == VALUES
    assert pair.adoption.adopted == len(VALUES)
    assert pair.old.get_many(VALUES) == {}
    assert pair.many(list(VALUES)) == VALUES
    assert pair.adoption.adopted == len(VALUES)


def test_it_lives_no_longer_than_it_would_have(pair: Pair) -> None:
    pair.old.set("soon", 1, 100)
    pair.old.set("never", 1, None)
    assert pair.get("soon") == 1
    assert 90 < pair.ttl("soon") <= 101
    assert pair.ttl("never") is None


def test_what_has_expired_stays_so(pair: Pair) -> None:
    pair.old.set("gone", 1, -1)
    assert pair.get("gone") is None
    assert pair.add("gone", 2, 60) is True


def test_versions_are_told_apart(pair: Pair) -> None:
    pair.old.set("key", 1, 60, version=1)
    pair.old.set("key", 2, 60, version=2)
    assert pair.get("key", version=2) == 2
    assert pair.get("key") == 1


def test_every_verb_meets_it(pair: Pair) -> None:
    pair.old.set_many({"a": 1, "b": 5, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7, "h": 8}, 600)
    assert pair.add("a", 2, 60) is False
    assert pair.cas("h", lambda number: number + 1) == 9
    assert 0 < pair.ttl("h") <= 600
    assert pair.increment("b") == 6
    assert pair.pull("c") == 3
    assert pair.forget("d") is True
    assert pair.touch("e", 50) is True
    assert pair.ttl("e") <= 50
    assert pair.remember("f", 60, lambda: "computed") == 6
    assert pair.has("g") is True
    assert pair.many(["a", "c", "d"]) == {"a": 1, "c": None, "d": None}


def test_what_is_written_or_removed_stays_so(pair: Pair) -> None:
    """An old entry never comes back when the newer one in its place ends."""
    pair.old.set_many({"put": "old", "many": "old", "gone": "old"}, 600)
    pair.put("put", "new", 60)
    pair.put_many({"many": "new"}, 60)
    pair.forget("gone")
    assert pair.many(["put", "many", "gone"]) == {"put": "new", "many": "new", "gone": None}
    assert pair.old.get_many(["put", "many", "gone"]) == {}
    pair.forget_many(["put", "many"])
    assert pair.many(["put", "many"]) == {"put": None, "many": None}


def test_a_flush_ends_it(pair: Pair) -> None:
    pair.old.set("key", "old", 600)
    pair.flush()
    assert pair.get("key") is None
    assert pair.add("key", "new", 60) is True
    assert pair.adoption.adopted == 0


def test_nothing_is_adopted_past_a_flush(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush may come just when an old entry has been found."""
    pair.old.set("key", "old", 600)
    claim = pair.adoption.old.claim

    async def late(*args: Any) -> bool:
        await flushing()
        return bool(await claim(*args))

    async def flushing() -> None:
        other = threading.Thread(target=flush)
        other.start()
        other.join()

    def flush() -> None:
        try:
            caches["default"].clear()
        finally:
            connections.close_all()

    if pair.name == "database":
        pytest.skip("another thread has another database in memory; the others race")
    monkeypatch.setattr(pair.adoption.old, "claim", late)
    assert pair.get("key") is None
    assert pair.get("key") is None


def test_tags_are_not_borne_by_it(pair: Pair) -> None:
    pair.old.set("key", "old", 600)
    assert cache.tags("t").get("key") is None
    assert pair.get("key") == "old"


def test_what_cannot_be_read_is_left_alone(pair: Pair, request: Any) -> None:
    pair.old.set("bad", "old", 600)
    spoil(pair)
    assert pair.get("bad", "a miss") == "a miss"
    assert pair.adoption.unreadable >= 1
    assert pair.adoption.adopted == 0
    assert pair.add("bad", "new", 60) is True


def spoil(pair: Pair) -> None:
    """Put bytes under the old key that are nobody's."""
    if pair.name.startswith("memcached"):
        pair.old._cache.set(pair.old.make_key("bad"), b"gASV")
        for client in pair.old._cache.clients.values():
            client.set(pair.old.make_key("bad"), b"gASV", flags=1)
    if pair.name.startswith("redis"):
        # Both wrap the client of redis-py, each in its own way.
        client = pair.old.client.get_client() if "sealed" not in pair.name else pair.old._cache
        client = client if hasattr(client, "expire") else client.get_client(write=True)
        client.set(str(pair.old.make_key("bad")), b"\x80\x04gASV")
    if pair.name in ("database", "postgresql"):
        alias = "postgresql" if pair.name == "postgresql" else "default"
        with connections[alias].cursor() as cursor:
            cursor.execute("UPDATE old_table SET value = 'gASV'")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["laravel"], "READ_LEGACY"),
        ("nothing", "READ_LEGACY"),
        ([1], "READ_LEGACY"),
        (["django"], "django:TABLE"),
        (["django:", "django:b"], "django:TABLE"),
        (["django:nowhere"], "nowhere"),
    ],
)
def test_a_wrong_setting_is_told(
    given: Any, said: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(BY_NAME["database"], request, tmp_path):
        config = {alias: dict(found) for alias, found in caches.settings.items()}
        config["default"]["OPTIONS"] = {"READ_LEGACY": given}
        with override_settings(CACHES=config), pytest.raises(Misconfigured, match=said):
            caches["default"].get("key")


def test_what_ours_cannot_hold_is_left_alone(pair: Pair) -> None:
    pair.old.set("fraction", Fraction(1, 3), 600)
    config = {alias: dict(found) for alias, found in caches.settings.items()}
    config["default"]["OPTIONS"] = {**config["default"]["OPTIONS"], "SERIALIZER": "json"}
    with override_settings(CACHES=config):
        assert pair.get("fraction", "a miss") == "a miss"
        assert adoption().unreadable == 1
        with pytest.raises(TypeError):
            pair.put("fraction", Fraction(2, 3), 60)
    assert pair.old.get("fraction") == Fraction(1, 3)


def test_a_node_that_begins_anew_brings_nothing_back(
    memcached_pool: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The old item lies on another node than ours: that one's epoch says that it was flushed."""
    keys = [f"k{number}" for number in range(60)]
    with placed(BY_NAME["memcached-pool"], request, tmp_path):
        config = {alias: dict(found) for alias, found in caches.settings.items()}
        options = {**config["default"]["OPTIONS"], "READ_LEGACY": ["django"], "dead_timeout": 0.1}
        config["default"]["OPTIONS"] = options
        config["old"] = django_memcached(config["default"])
        with override_settings(CACHES=config):
            caches["old"].set_many(dict.fromkeys(keys, "old"), None)
            cache.flush()
            memcached_pool.nodes[0].stop()
            memcached_pool.nodes[0].start()
            time.sleep(0.2)
            assert set(cache.many(keys).values()) == {None}


def test_a_table_that_knows_no_case_is_read_with_regard_to_it(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(BY_NAME["mariadb"], request, tmp_path):
        config = {alias: dict(found) for alias, found in caches.settings.items()}
        options = {**config["default"]["OPTIONS"], "READ_LEGACY": ["django:old_table"]}
        config["default"]["OPTIONS"] = options
        config["old"] = django_db(config["default"])
        with override_settings(CACHES=config, DATABASE_ROUTERS=[To("mariadb")]):
            call_command("createcachetable", database="mariadb", verbosity=0)
            caches["old"].set_many({"user": "alice", "other": "bob"}, 600)
            assert cache.get("User", "a miss") == "a miss"
            cache.put("OTHER", "new", 60)
            assert caches["old"].get_many(["user", "other"]) == {"user": "alice", "other": "bob"}
            assert cache.many(["user", "other"]) == {"user": "alice", "other": "bob"}
