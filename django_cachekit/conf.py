"""The settings, live: the only reader of ``django.conf``.

Nothing is copied at import, so ``override_settings`` and late configuration work. Which settings
there are, and what each is when left out, is declared in ``core/settings.py``.
"""

import hmac
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import InvalidCacheBackendError
from django.utils.module_loading import import_string

from .core.settings import SETTINGS
from .errors import Misconfigured

DEFAULTS: Mapping[str, Any] = {one.name: one.default for one in SETTINGS}
"""Every name that ``CACHEKIT`` may hold, with what it is when left out."""

PLACES = ("thread", "after_response", "tasks")
"""Where that may be done which is done behind a caller: what ``BACKGROUND`` may be."""


def get(name: str) -> Any:
    """Return the setting ``CACHEKIT[name]``, or its default."""
    given = getattr(settings, "CACHEKIT", {})
    if not isinstance(given, Mapping):
        raise Misconfigured(f"CACHEKIT is a dict of settings, not {type(given).__name__}.")
    return given.get(name, DEFAULTS[name])


def given() -> Mapping[str, Any]:
    """Return ``CACHEKIT`` as it was written, for the checks."""
    found: Mapping[str, Any] = getattr(settings, "CACHEKIT", {})
    return found


def values_travel() -> bool:
    """Tell whether signals carry values: ``CACHEKIT["SIGNALS"]["values"]``."""
    return bool((get("SIGNALS") or {}).get("values"))


def counts(alias: str) -> bool:
    """Tell whether an alias's calls are counted: its ``OPTIONS["STATS"]``, or else ``CACHEKIT``'s.

    ``CACHEKIT["STATS"]`` is for all aliases, or names some.
    """
    own = (caches().get(alias, {}).get("OPTIONS") or {}).get("STATS")
    if own is not None and not isinstance(own, bool):
        raise Misconfigured(f"CACHES[{alias!r}]: STATS is True or False, not {own!r}.")
    wanted = get("STATS") if own is None else own
    if isinstance(wanted, bool):
        return wanted
    if not isinstance(wanted, (list, tuple, set, frozenset)):
        raise Misconfigured(f'CACHEKIT["STATS"] is True, False or a list, not {wanted!r}.')
    return alias in wanted


def caches() -> Mapping[str, Mapping[str, Any]]:
    """Return ``CACHES`` as it was written."""
    found: Mapping[str, Mapping[str, Any]] = getattr(settings, "CACHES", {})
    return found


def kind_of(alias: str) -> str:
    """Return the class of an alias's backend by name, which no import is needed for."""
    path = str(caches().get(alias, {}).get("BACKEND", ""))
    return path.rpartition(".")[2] or "no backend"


def known(aliases: Iterable[str] | None = None) -> list[str]:
    """Return some aliases, each once, or all of ``CACHES``; an unknown one is Django's error."""
    there = caches()
    asked = list(there) if aliases is None else list(dict.fromkeys(aliases))
    unknown = [alias for alias in asked if alias not in there]
    if unknown:
        raise InvalidCacheBackendError(
            f"Not in CACHES: {', '.join(unknown)}. There: {', '.join(there)}."
        )
    return asked


def debug() -> bool:
    """Tell whether this is a developer's machine: ``DEBUG``."""
    return bool(settings.DEBUG)


def sessions() -> tuple[str, str] | None:
    """Return the session engine and its alias of ``CACHES``, if sessions lie in a cache."""
    engine = str(settings.SESSION_ENGINE)
    kept = engine.rpartition(".")[2] in ("cache", "cached_db")
    return (engine, settings.SESSION_CACHE_ALIAS) if kept else None


def served_directories() -> list[tuple[str, Path]]:
    """Return the directories a web server hands out, each with the setting that names it."""
    found = [(name, getattr(settings, name, None)) for name in ("MEDIA_ROOT", "STATIC_ROOT")]
    for given in getattr(settings, "STATICFILES_DIRS", None) or ():
        path = given[1] if isinstance(given, (list, tuple)) else given
        found.append(("STATICFILES_DIRS", path))
    return [(name, Path(path).resolve()) for name, path in found if path]


def secret_keys() -> list[bytes]:
    """Return ``SECRET_KEY`` and its fallbacks as bytes, the one that writes first."""
    keys = [settings.SECRET_KEY, *getattr(settings, "SECRET_KEY_FALLBACKS", [])]
    return [key if isinstance(key, bytes) else str(key).encode() for key in keys if key]


def shown(key: object) -> str:
    """Return a key as a log may show it: 8 hex digits of an HMAC, or itself by ``LOG_RAW_KEYS``.

    Itself is escaped, so that no key can begin a line of its own.
    """
    if get("LOG_RAW_KEYS"):
        return ascii(key)
    text = str(key).encode("utf-8", "surrogatepass")
    return hmac.digest(secret_keys()[0], b"cachekit log\0" + text, "sha256").hex()[:8]


def alias_of(backend: type, location: str, params: Mapping[str, Any]) -> str:
    """Return the alias whose configuration is this one; Django tells a backend all but its name.

    Two aliases with one configuration are one store, so the first of them will do.
    """
    for alias, config in caches().items():
        rest = {key: value for key, value in config.items() if key not in ("BACKEND", "LOCATION")}
        path = config.get("BACKEND", "")
        if config.get("LOCATION", "") == location and rest == params and _is(path, backend):
            return alias
    return "unnamed"


def _is(path: Any, backend: type) -> bool:
    try:
        return import_string(path) is backend
    except (ImportError, TypeError, AttributeError):
        return False
