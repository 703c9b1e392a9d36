"""The table of stores: one row each; the conformance suite, both faces, runs over every row.

A new store is one line here and its file in ``django_cachekit/backends``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
INDEX_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"
TABLE = "cachekit_test"

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."


@dataclass(frozen=True)
class Row:
    """Name one store: its ``CACHES`` entry, what it needs, and what it can.

    ``can``: ``count`` (increment), ``list`` (keys), ``ttl``, ``threads`` (shared between threads in
    these tests), ``exact`` (pull and add have one winner). ``server`` names the fixture of the
    server it needs, whose ``location`` is its ``LOCATION``.
    """

    name: str
    config: Callable[[Path], Mapping[str, Any]]
    can: frozenset[str] = field(default_factory=frozenset)
    needs: str = ""
    beside: Callable[[Path], Mapping[str, Any]] | None = None
    server: str = ""

    def caches(self, root: Path, server: Any = None) -> dict[str, Any]:
        """Return ``CACHES`` with this store as default, and one more beside it if it needs one."""
        found = {"default": dict(self.config(root))}
        if server is not None:
            found["default"]["LOCATION"] = server.location
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


def _tagged(root: Path) -> Mapping[str, Any]:
    return {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "beside"}}


def _memcached(root: Path) -> Mapping[str, Any]:
    # One server for all tests, so each has a store of its own on it.
    options = {"STORE_ID": str(root)}
    return {
        "BACKEND": OURS + "memcached.MemcachedCache",
        "LOCATION": "127.0.0.1",
        "OPTIONS": options,
    }


def _sealed_memcached(root: Path) -> Mapping[str, Any]:
    options = {"STORE_ID": str(root), "ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}
    return {**_memcached(root), "OPTIONS": options}


ALL = frozenset({"count", "list", "ttl", "threads", "exact"})

ROWS = [
    Row("locmem", _locmem, frozenset({"threads", "exact"})),
    Row("django-file", _django_file, frozenset({"threads"})),
    Row("django-db", _django_db, frozenset(), needs="django table"),
    Row("array", _array, ALL),
    Row("file", _file, ALL),
    Row("database", _database, ALL - {"threads"}, needs="table"),
    Row("database-sealed", _sealed_database, ALL - {"threads"}, needs="table"),
    Row("tagged-locmem", _tagged, frozenset({"threads", "exact"}), beside=_locmem),
    Row("tagged-array", _tagged, ALL - {"list"}, beside=_array),
    Row("memcached", _memcached, ALL - {"list"}, server="memcached"),
    Row("memcached-sealed", _sealed_memcached, ALL - {"list"}, server="memcached"),
    Row("memcached-pool", _memcached, ALL - {"list"}, server="memcached_pool"),
]

BY_NAME = {row.name: row for row in ROWS}
