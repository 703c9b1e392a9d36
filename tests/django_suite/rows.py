"""The table: which backends Django's own tests are run against, and how."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.servers.dynamodb import DynamoDB
from tests.servers.memcached import Memcached, MemcachedPool
from tests.servers.redis import Redis, RedisCluster
from tests.servers.sql import MariaDB, PostgreSQL

Config = dict[str, Any]
Make = Callable[[str, Path], Config]

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"

BACKEND, ASYNC, FACADE, FACADE_ASYNC = "backend", "async", "facade", "facade-async"
WAYS = (BACKEND, ASYNC, FACADE, FACADE_ASYNC)
"""The plain backend; its a-verbs only; ``cache.store(...)`` over it; the a-verbs of that."""

OWN_BOUND = "keeps its own bound (MAX_ENTRIES exactly, the least recently used go first)"
UNBOUND = "has no bound: a table of DynamoDB grows"
SERVER_BOUND = "is bound by its server, which evicts as it needs room"
NO_BOUND = "has no bound of its own: the store below has"

HASHES = "the facade hashes such a key to a safe form and has nothing to warn of"
PRIVATE = "sets a private attribute of the backend, which the facade does not show"

ASKS_IN_LOOP = "Django asks `key in cache` in the event loop, where no database can be asked"
IS_A_QUERY = "wants no query to be made, and this cache is a database"

FACADE_DIFFERS = {
    "BaseCacheTests.test_invalid_key_characters": HASHES,
    "BaseCacheTests.test_invalid_key_length": HASHES,
    "BaseCacheTests.test_invalid_with_version_key_length": HASHES,
    "BaseCacheTests.test_cull_delete_when_store_empty": PRIVATE,
    "DummyCacheTests.test_get_many_invalid_key": HASHES,
    "DummyCacheTests.test_set_many_invalid_key": HASHES,
    "DummyCacheTests.test_delete_many_invalid_key": HASHES,
}
"""What is not so, on purpose, when the facade stands where Django's tests look for a cache."""

DATABASE_DIFFERS = {
    "CacheSessionTests.test_create_and_save_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_actual_expiry_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_cycle_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_cycle_with_no_session_cache_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_delete_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_flush_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_invalid_key_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_save_async": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_save_doesnt_clear_data_async": ASKS_IN_LOOP,
    "CacheDBSessionTests"
    ".test_session_asave_does_not_resurrect_session_logged_out_in_other_context": ASKS_IN_LOOP,
    "CacheDBSessionTests.test_exists_searches_cache_first": IS_A_QUERY,
}
"""Tests of sessions that cannot pass on a database; on Django's own DatabaseCache they fail too.

Listed tests must fail: one that passes has to leave its list.
"""


@dataclass(frozen=True)
class Row:
    """One backend.

    ``make`` is given a place (each place is a store of its own) and an empty folder, and returns
    the alias's configuration; ``below`` returns that of the alias it lies over, if any, which is
    named as the place with ``-below`` behind it. ``unculled`` says why the backend does not cull
    as Django's do. ``differs`` names tests that must fail, with the reason. A row with ``broken``
    is a faulty backend, there to show that the named test sees it. ``server`` makes the server
    that runs meanwhile: a database that Django's tests lie in, or where the store is.
    """

    name: str
    make: Make
    ways: tuple[str, ...] = (BACKEND, ASYNC)
    below: Make | None = None
    unculled: str = ""
    null: bool = False
    tables: str = ""
    really_sleeps: bool = False
    differs: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""
    server: Callable[[], Any] | None = None

    def at(self, server: Any) -> "Row":
        """Return the row with its aliases at a server."""

        def make(place: str, folder: Path) -> Config:
            config = self.make(place, folder)
            if hasattr(server, "cache_options"):
                return config | {"OPTIONS": {**config["OPTIONS"], **server.cache_options}}
            return config | {"LOCATION": server.location}

        return replace(self, make=make)

    def expected(self, way: str) -> Mapping[str, str]:
        """Return the tests that must fail on this way, with the reason."""
        return FACADE_DIFFERS if way in (FACADE, FACADE_ASYNC) else self.differs


def plain(backend: str) -> Make:
    """Return a maker of a backend whose LOCATION is just a name."""
    return lambda place, folder: {"BACKEND": backend, "LOCATION": place}


def on_disk(backend: str, **options: Any) -> Make:
    """Return a maker of a backend whose LOCATION is a folder."""

    def make(place: str, folder: Path) -> Config:
        config: Config = {"BACKEND": backend, "LOCATION": str(folder / place)}
        return config | ({"OPTIONS": {**options, "STORE_ID": place}} if options else {})

    return make


def over(backend: str) -> Make:
    """Return a maker of a backend that lies over another alias."""
    return lambda place, folder: {"BACKEND": backend, "OPTIONS": {"STORE": f"{place}-below"}}


def table(backend: str) -> Make:
    """Return a maker of a backend whose LOCATION is a table, with spaces to try the quoting."""

    def make(place: str, folder: Path) -> Config:
        options = {"STORE_ID": place}
        return {"BACKEND": backend, "LOCATION": f"{place} cache table", "OPTIONS": options}

    return make


def stored(backend: str, location: str = "", **options: Any) -> Make:
    """Return a maker of a backend that keeps each place apart by its STORE_ID."""

    def make(place: str, folder: Path) -> Config:
        options_of_place = {**options, "STORE_ID": place}
        return {"BACKEND": backend, "LOCATION": location, "OPTIONS": options_of_place}

    return make


def faulty(name: str) -> Make:
    """Return a maker of one of the faulty backends."""
    return plain(f"tests.django_suite.broken.{name}")


def key(number: int) -> str:
    """Return a key of 32 bytes as settings hold it."""
    return base64.urlsafe_b64encode(bytes([number]) * 32).decode()


ROWS = [
    # Django's own, which shows that this harness is a true one.
    Row("django locmem", plain(LOCMEM)),
    Row("django file", on_disk("django.core.cache.backends.filebased.FileBasedCache")),
    # Ours.
    Row("array", plain("django_cachekit.backends.array.ArrayCache"), ways=WAYS, unculled=OWN_BOUND),
    Row(
        "file",
        on_disk(
            "django_cachekit.backends.file.EncryptedFileCache",
            ENCRYPTION_KEYS=[key(1)],
            INDEX_KEY=key(2),
        ),
        ways=WAYS,
        unculled=OWN_BOUND,
    ),
    Row(
        "database",
        table("django_cachekit.backends.database.DatabaseCache"),
        tables="cache_table",
        differs=DATABASE_DIFFERS,
        ways=WAYS,
        unculled=OWN_BOUND,
    ),
    Row(
        "tagged",
        over("django_cachekit.backends.tagged.TaggedCache"),
        below=plain(LOCMEM),
        ways=WAYS,
        unculled=NO_BOUND,
    ),
    Row(
        "null",
        plain("django_cachekit.backends.null.NullCache"),
        ways=WAYS,
        null=True,
    ),
    Row(
        "postgresql",
        table("django_cachekit.backends.database.DatabaseCache"),
        tables="cache_table",
        server=PostgreSQL,
        differs=DATABASE_DIFFERS,
        ways=WAYS,
        unculled=OWN_BOUND,
    ),
    Row(
        "mariadb",
        table("django_cachekit.backends.database.DatabaseCache"),
        tables="cache_table",
        server=MariaDB,
        differs=DATABASE_DIFFERS,
        ways=WAYS,
        unculled=OWN_BOUND,
    ),
    Row(
        "dynamodb",
        stored("django_cachekit.backends.dynamodb.DynamoDBCache", "cachekit"),
        server=DynamoDB,
        tables="cache_table",
        ways=WAYS,
        unculled=UNBOUND,
        really_sleeps=True,
    ),
    Row(
        "memcached",
        stored("django_cachekit.backends.memcached.MemcachedCache"),
        ways=WAYS,
        unculled=SERVER_BOUND,
        really_sleeps=True,
        server=Memcached,
    ),
    Row(
        "memcached pool",
        stored("django_cachekit.backends.memcached.MemcachedCache"),
        unculled=SERVER_BOUND,
        really_sleeps=True,
        server=MemcachedPool,
    ),
    Row(
        "redis",
        stored("django_cachekit.backends.redis.RedisCache"),
        ways=WAYS,
        unculled=SERVER_BOUND,
        really_sleeps=True,
        server=Redis,
    ),
    Row(
        "redis cluster",
        stored("django_cachekit.backends.redis.RedisCache", CLUSTER=True),
        unculled=SERVER_BOUND,
        really_sleeps=True,
        server=RedisCluster,
    ),
    Row("facade over locmem", plain(LOCMEM), ways=(FACADE, FACADE_ASYNC)),
    # Faulty on purpose, and the test that has to notice.
    Row("never expires", faulty("NeverExpires"), (BACKEND,), broken="test_expiration"),
    Row("loses None", faulty("LosesNone"), (BACKEND,), broken="test_default_used_when_none_is_set"),
    Row("one version", faulty("OneVersion"), (BACKEND,), broken="test_cache_versioning_get_set"),
    Row("add replaces", faulty("AddReplaces"), (BACKEND,), broken="test_add"),
    Row("async forgets", faulty("AsyncForgets"), (ASYNC,), broken="test_get_many"),
]
