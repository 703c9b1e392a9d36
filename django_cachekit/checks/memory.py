"""The checks that processes share what they should, and that what is kept is kept at all."""

from collections.abc import Mapping
from typing import Any

from django.core import checks

from .. import conf
from .common import ARRAY, NULL, Messages, choose, error, kinds_of, under, warning

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
DUMMY = "django.core.cache.backends.dummy.DummyCache"
MEMORY, NOTHING = {ARRAY, LOCMEM}, {NULL, DUMMY}

_SHARE = (
    "Use a store that processes share (file, database, Redis, Memcached), or run one process; "
    "then silence this with SILENCED_SYSTEM_CHECKS."
)


def default_store_is_shared(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the default store is one that processes share: W013."""
    name = _default_store()
    if conf.debug() or not _kinds(name) & MEMORY:
        return []
    text = (
        f"CACHES[{name!r}]: the default store is in the memory of each process. A flush, a lock or "
        "a count in one is not seen by the others, and commands reach none of them."
    )
    return [warning("W013", text, _SHARE)]


def default_store_keeps(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the default store of a site that is deployed keeps what it is given: W026."""
    name = _default_store()
    if not _kinds(name) & NOTHING:
        return []
    text = (
        f"CACHES[{name!r}]: the default store keeps nothing. Every value is computed each time, "
        "and every lock is granted to everybody."
    )
    hint = "Name a store that keeps what it is given: see docs/stores. This one is for tests."
    return [warning("W026", text, hint)]


def sessions_are_kept(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check where sessions lie that are kept in a cache: E007, W016."""
    kept = conf.sessions()
    return [*_sessions(*kept)] if kept else []


def _sessions(engine: str, alias: str) -> Messages:
    hint = (
        'Write SESSION_ENGINE = "django.contrib.sessions.backends.db", or name a store that '
        "processes share: SESSION_CACHE_ALIAS."
    )
    name = under(alias)
    if alias not in conf.caches():
        text = f"SESSION_CACHE_ALIAS is {alias!r}, which is not in CACHES."
        yield error("E007", text, choose(alias))
    elif _kinds(name) & NOTHING and engine.endswith(".cache"):
        text = f"CACHES[{name!r}] keeps nothing, so nobody stays logged in."
        yield warning("W016", f"Sessions are in CACHES[{alias!r}]: {text}", hint)
    elif _kinds(name) & MEMORY and not conf.debug():
        text = (
            f"CACHES[{name!r}] is in the memory of each process. A login or a logout in one is "
            "not seen by the others."
        )
        yield warning("W016", f"Sessions are in CACHES[{alias!r}]: {text}", hint)


def _kinds(name: Any) -> frozenset[str]:
    return kinds_of(conf.caches().get(name, {}))


def _default_store() -> Any:
    """Return the alias that holds the values of the default one."""
    given: Any = conf.given()
    name = given.get("DEFAULT_STORE", "default") if isinstance(given, Mapping) else "default"
    return under(name)
