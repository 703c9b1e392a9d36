"""The table of stores: one row each; the conformance suite, both faces, runs over every row.

A new store is one line here and its file in ``django_cachekit/backends``.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
INDEX_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
TABLE = "cachekit_test"

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."


def at_location(config: Mapping[str, Any], server: Any) -> Mapping[str, Any]:
    """Configure a store whose LOCATION is its server."""
    return {**config, "LOCATION": server.location}


def in_tables(config: Mapping[str, Any], server: Any) -> Mapping[str, Any]:
    """Configure a store whose server is a database, which its own OPTIONS name."""
    return config


@dataclass(frozen=True)
class Row:
    """Name one store: its ``CACHES`` entry, what it needs, and what it can.

    ``can``: ``cas``, ``count`` (increment), ``list`` (keys), ``ttl``, ``threads`` (shared between
    threads in these tests), ``exact`` (pull and add have one winner). ``server`` names the fixture
    of the server it needs, and ``at`` says how that is configured: by default as its ``LOCATION``.
    """

    name: str
    config: Callable[[Path], Mapping[str, Any]]
    can: frozenset[str] = field(default_factory=frozenset)
    needs: str = ""
    beside: Callable[[Path], Mapping[str, Any]] | None = None
    server: str = ""
    at: Callable[[Mapping[str, Any], Any], Mapping[str, Any]] = at_location

    def caches(self, root: Path, server: Any = None) -> dict[str, Any]:
        """Return ``CACHES`` with this store as default, and one more beside it if it needs one."""
        found = {"default": dict(self.config(root))}
        if server is not None:
            found["default"] = dict(self.at(found["default"], server))
        if self.beside is not None:
            found["beside"] = dict(self.beside(root))
        return found


def _locmem(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": str(root)}


def _django_file(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": DJANGO + "filebased.FileBasedCache", "LOCATION": str(root / "django")}


def _django_db(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": DJANGO + "db.DatabaseCache", "LOCATION": "django_cache_test"}


def _array(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": OURS + "array.ArrayCache", "LOCATION": str(root)}


def _file(root: Path) -> Mapping[str, Any]:
    return {
        "BACKEND": OURS + "file.EncryptedFileCache",
        "LOCATION": str(root / "sealed"),
        "OPTIONS": {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY},
    }


def _database(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": OURS + "database.DatabaseCache", "LOCATION": TABLE}


def _sealed_database(root: Path) -> Mapping[str, Any]:
    return {**_database(root), "OPTIONS": {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}}


def _server_table(name: str, **options: Any) -> Callable[[Path], Mapping[str, Any]]:
    return lambda root: {**_database(root), "OPTIONS": {"DATABASE": name, **options}}


SEALED = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}


def _tagged(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "beside"}}


def _prefixed(root: Path) -> Mapping[str, Any]:
    return {**_tagged(root), "KEY_PREFIX": "over"}


def _on_sql(name: str, server: str, **options: Any) -> Row:
    config = _server_table(server, **options)
    return Row(name, config, ALL, "table", server=server, at=in_tables)


def _dynamodb(root: Path) -> Mapping[str, Any]:
    # One server for all tests, so each has a table of its own on it.
    table = "cachekit." + hashlib.sha256(str(root).encode()).hexdigest()[:16]
    options = {"REGION_NAME": "eu-central-1"}
    return {"BACKEND": OURS + "dynamodb.DynamoDBCache", "LOCATION": table, "OPTIONS": options}


def _sealed_dynamodb(root: Path) -> Mapping[str, Any]:
    config = _dynamodb(root)
    return {**config, "OPTIONS": {**config["OPTIONS"], **SEALED}}


def _at_endpoint(config: Mapping[str, Any], server: Any) -> Mapping[str, Any]:
    return {**config, "OPTIONS": {**config.get("OPTIONS", {}), **server.cache_options}}


def _memcached(root: Path) -> Mapping[str, Any]:
    # One server for all tests, so each has a store of its own on it.
    options = {"STORE_ID": str(root), "timeout": 10, "connect_timeout": 10}
    return {
        "BACKEND": OURS + "memcached.MemcachedCache",
        "LOCATION": "127.0.0.1",
        "OPTIONS": options,
    }


def _sealed_memcached(root: Path) -> Mapping[str, Any]:
    config = _memcached(root)
    return {**config, "OPTIONS": {**config["OPTIONS"], **SEALED}}


def _redis(root: Path) -> Mapping[str, Any]:
    # One server for all tests, so each has a store of its own on it.
    options = {"STORE_ID": str(root), "SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}
    return {"BACKEND": OURS + "redis.RedisCache", "OPTIONS": options}


def _sealed_redis(root: Path) -> Mapping[str, Any]:
    config = _redis(root)
    return {**config, "OPTIONS": {**config["OPTIONS"], **SEALED}}


def _at_cluster(config: Mapping[str, Any], server: Any) -> Mapping[str, Any]:
    return {**at_location(config, server), "OPTIONS": {**config["OPTIONS"], "CLUSTER": True}}


ALL = frozenset({"cas", "count", "list", "ttl", "threads", "exact", "locks"})

ROWS = [
    Row("locmem", _locmem, frozenset({"threads", "exact"})),
    Row("django-file", _django_file, frozenset({"threads"})),
    Row("django-db", _django_db, frozenset(), needs="django table"),
    Row("array", _array, ALL),
    Row("file", _file, ALL),
    Row("database", _database, ALL - {"threads"}, needs="table"),
    Row("database-sealed", _sealed_database, ALL - {"threads"}, needs="table"),
    Row("tagged-locmem", _tagged, frozenset({"threads", "exact"}), beside=_locmem),
    Row("tagged-array", _prefixed, ALL - {"list"}, beside=_array),
    _on_sql("postgresql", "postgresql"),
    _on_sql("postgresql-sealed", "postgresql", **SEALED),
    _on_sql("mariadb", "mariadb"),
    Row("dynamodb", _dynamodb, ALL, needs="table", server="dynamodb", at=_at_endpoint),
    Row("dynamodb-sealed", _sealed_dynamodb, ALL, "table", server="dynamodb", at=_at_endpoint),
    Row("memcached", _memcached, ALL - {"list"}, server="memcached"),
    Row("memcached-sealed", _sealed_memcached, ALL - {"list"}, server="memcached"),
    Row("memcached-pool", _memcached, ALL - {"list"}, server="memcached_pool"),
    Row("redis", _redis, ALL, server="redis"),
    Row("redis-sealed", _sealed_redis, ALL, server="redis"),
    Row("redis-cluster", _redis, ALL, server="redis_cluster", at=_at_cluster),
]

BY_NAME = {row.name: row for row in ROWS}
