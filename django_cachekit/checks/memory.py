"""The check that processes share what they should."""

from collections.abc import Mapping
from typing import Any

from django.core import checks

from .. import conf
from .common import ARRAY, kinds_of

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


def default_store_is_shared(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the default store is one that processes share: W013."""
    name = _default_store()
    if conf.debug() or not kinds_of(conf.caches().get(name, {})) & {ARRAY, LOCMEM}:
        return []
    text = (
        f"CACHES[{name!r}]: the default store is in the memory of each process. A flush, a lock or "
        "a count in one is not seen by the others, and commands reach none of them."
    )
    hint = (
        "Use a store that processes share (file, database, Redis, Memcached), or run one process; "
        "then silence this with SILENCED_SYSTEM_CHECKS."
    )
    return [checks.Warning(text, hint=hint, id="cachekit.W013")]


def _default_store() -> Any:
    """Return the alias that holds the values of the default one."""
    given: Any = conf.given()
    name = given.get("DEFAULT_STORE", "default") if isinstance(given, Mapping) else "default"
    for _ in conf.caches():
        under = (conf.caches().get(name, {}).get("OPTIONS") or {}).get("STORE")
        name = under or name
    return name
