"""How many bytes an entry takes where it lies: in a Redis, in a file."""

import os
import sqlite3
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.servers.redis import Redis

from . import files, stores
from .setup import LARGE, RECORD, RECORDS, TEXTS, setup

VALUES = {
    "100 B": TEXTS["100 B"],
    "dict, 1 KB": RECORD,
    "list of 100 dicts": RECORDS,
    "dict, 100 KB": LARGE,
}


def all() -> dict[str, dict[str, int]]:
    """Return the bytes of each value, by store."""
    from django.core.cache import caches

    with Redis() as server, tempfile.TemporaryDirectory() as root:
        url = f"{server.url}/0"
        bench = stores.on_redis(url)
        setup({**bench.aliases, **files.aliases(root)})
        found = {}
        for name in bench.aliases:
            found[f"Redis: {name}"] = grown(caches[name], partial(_redis, url))
        for alias, name in files.NAMES.items():
            found[f"files: {name}"] = grown(caches[alias], partial(_tree, root, alias))
        caches.close_all()
        return found


COUNT = 200


def grown(cache: Any, size: Callable[[], int]) -> dict[str, int]:
    """Return how much larger a store is for an entry more: what it has for all is there."""
    cache.set("first", 1, 600)
    found = {}
    for number, (name, value) in enumerate(VALUES.items()):
        before = size()
        cache.set_many({f"key{number}.{one:03}": value for one in range(COUNT)}, 600)
        found[name] = (size() - before) // COUNT
    return found


def _redis(url: str) -> int:
    import redis

    with redis.Redis.from_url(url) as client:
        return sum(client.memory_usage(key, samples=0) or 0 for key in client.scan_iter())


def _tree(root: str, alias: str) -> int:
    """Return the bytes of files that hold entries: of diskcache its databases too."""
    kinds = {"files": (".djcache",), "disk": (".db", ".val"), "sealed": ("",)}[alias]
    folder = Path(root) / alias
    for database in folder.rglob("cache.db"):
        with sqlite3.connect(database) as link:
            link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        link.close()
    return sum(
        os.path.getsize(path)
        for path in folder.rglob("*")
        if path.is_file() and path.name.endswith(kinds)
    )
