"""What is known of a store that is not ours: by looking at the backends that Django brings.

Their documented verbs tell nothing of how much they hold. What no more is known of than its verbs
tells nothing, and neither does one that is not made as it is here.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

from django.db import connections, router

from ...core.faces import Hop
from ...core.facts import Facts, of_info, of_stats
from .call import Call

log = logging.getLogger("django_cachekit")

FILES = 10_000
"""In how many files at most a walk adds up the bytes."""


async def tell(call: Call) -> Facts:
    """Return what can be known of the cache."""
    for base in type(call.cache).__mro__:
        known = _LOOKS.get(f"{base.__module__}.{base.__qualname__}")
        if known is not None:
            return await call.face.run(known[0], _looked, known[1], call.cache)
    return Facts()


def _looked(look: Callable[[Any], Facts], cache: Any) -> Facts:
    try:
        return look(cache)
    except (AttributeError, LookupError, TypeError) as error:
        # It is looked at from within, where another version may be made otherwise.
        log.warning("what %s holds is not known: %s", type(cache).__name__, type(error).__name__)
        return Facts()


def _memory(cache: Any) -> Facts:
    return Facts(len(cache._cache), max_entries=cache._max_entries, of="process")


def _table(cache: Any) -> Facts:
    connection = connections[router.db_for_read(cache.cache_model_class)]
    table = connection.ops.quote_name(cache._table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table}")  # noqa: S608  # quoted as Django does
        entries = int(cursor.fetchone()[0])
    return Facts(entries, max_entries=cache._max_entries, of="table")


def _directory(cache: Any) -> Facts:
    files = cache._list_cache_files()
    size = sum(map(_size, files)) if len(files) <= FILES else None
    return Facts(len(files), size, max_entries=cache._max_entries, of="directory")


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0  # it went meanwhile


def _django_redis(cache: Any) -> Facts:
    return _redis(cache.client.get_client(write=True))


def _redis(client: Any) -> Facts:
    given = client.connection_pool.connection_kwargs
    name = given.get("path") or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}"
    return Facts(servers=(of_info(str(name), client.info()),))


def _memcached(cache: Any) -> Facts:
    servers = []
    for name, client in cache._cache.clients.items():
        told = {_text(field): _text(value) for field, value in client.stats().items()}
        servers.append(of_stats(_text(name), told))
    return Facts(servers=tuple(servers))


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


_DJANGO = "django.core.cache.backends."

_LOOKS: dict[str, tuple[Hop, Callable[[Any], Facts]]] = {
    f"{_DJANGO}dummy.DummyCache": (Hop.NONE, lambda cache: Facts(0, 0)),
    f"{_DJANGO}locmem.LocMemCache": (Hop.NONE, _memory),
    f"{_DJANGO}db.BaseDatabaseCache": (Hop.DJANGO, _table),
    f"{_DJANGO}filebased.FileBasedCache": (Hop.THREAD, _directory),
    f"{_DJANGO}redis.RedisCache": (Hop.THREAD, lambda cache: _redis(cache._cache.get_client())),
    f"{_DJANGO}memcached.PyMemcacheCache": (Hop.THREAD, _memcached),
    "django_redis.cache.RedisCache": (Hop.THREAD, _django_redis),
}
"""How to look at a backend, by the class it is made of."""
