"""System checks: what is wrong with the settings, and how to mend it.

======= ==================================================================================
id      what it says
======= ==================================================================================
E001    a sealed store has no key, or no key for names
E002    a key is short, long, not base64url, there twice, like SECRET_KEY, or not to be had
E003    the file store's LOCATION is missing, relative, a link, or a place it refuses
E004    a file with a key lies in the cache directory
E005    STORE or STORES name no alias, an unknown one, or lead back to where they stand
E006    CACHEKIT holds a name or a value that means nothing
E007    DEFAULT_STORE or LIMITER_STORE is not in CACHES
E008    a bound is no whole number from 1
E009    SERIALIZER, COMPRESSION or CIPHER is unknown, or its library is not installed
W010    keys are derived from SECRET_KEY
W011    the cache directory lies where a web server hands out files
W012    the cache directory is open to other users
W013    the default store is in the memory of each process, outside of DEBUG
W014    an option looks like a misspelt one
E020    a backend of this package cannot be imported
E021    a warmer in CACHEKIT["WARMERS"] cannot be imported
======= ==================================================================================

All are under the tag ``caches``; those on keys and directories also under ``security``. No
message shows any part of a key.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from . import conf
from .codecs import Problem, key_files, problems

Messages = Iterator[checks.CheckMessage]

OURS = "django_cachekit.backends."
FILE = OURS + "file.EncryptedFileCache"
ARRAY = OURS + "array.ArrayCache"
DATABASE = OURS + "database.DatabaseCache"
BYTES = {FILE, DATABASE} | {
    OURS + path
    for path in ("redis.RedisCache", "memcached.MemcachedCache", "dynamodb.DynamoDBCache")
}
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
OWN_OPTIONS = {ARRAY, FILE, DATABASE, OURS + "tagged.TaggedCache", OURS + "null.NullCache"}

BOUNDS = ("MAX_ENTRIES", "MAX_BYTES")
OPTIONS = {
    *BOUNDS, "ALLOW_SHARED_DIRECTORY", "CIPHER", "COMPRESSION", "COPY", "CULL_FREQUENCY",
    "DATABASE", "ENCRYPTION_KEYS", "EPOCH_FILE", "FSYNC", "INDEX_KEY", "KEYS_FROM_SECRET_KEY",
    "MAX_VALUE_BYTES", "PICKLE_CLASSES", "RAISE", "READ_LEGACY", "SERIALIZER", "SIGNALS", "STORE",
    "STORES", "STORE_ID", "TAG_INDEX", "TAG_STALENESS",
}  # fmt: skip

_NO_KEY = {"empty", "missing_index", "no_keys", "no_secret"}
_PARTS = {"cipher", "store_id", "serializer", "compression"}
_GENERATE = "Run manage.py cache_key_generate and paste its lines into OPTIONS."
_HINTS = {
    "unresolved": "Give the key where the site runs: the variable, file or callable named here.",
    "conflict": "Take one of them out of OPTIONS.",
    "no_secret": "Set SECRET_KEY, or give ENCRYPTION_KEYS and INDEX_KEY.",
    "max_value_bytes": "Give a whole number of bytes, or leave it out for 8 MiB.",
    "serializer": "Use auto, json, msgpack, pickle or a dotted path, and install its library.",
    "compression": "Use None, zlib or zstd: pip install django-cachekit[zstd].",
    "cipher": "Use aes-256-gcm, the default: pip install django-cachekit[encryption].",
    "store_id": "Give some text, or leave it out: it is the alias then.",
}
_OWN = "Name a directory of its own, with mode 0700, outside of what a web server hands out."


class Alias(NamedTuple):
    """Be one entry of ``CACHES``; ``kinds`` are the dotted paths of its class and all bases."""

    name: str
    config: Mapping[str, Any]
    kinds: frozenset[str]

    @property
    def options(self) -> Mapping[str, Any]:
        """Return its OPTIONS."""
        given = self.config.get("OPTIONS")
        return given if isinstance(given, Mapping) else {}

    def says(self, text: str) -> str:
        """Return a message about it."""
        return f"CACHES[{self.name!r}]: {text}"


def register_all() -> None:
    """Register every check with Django."""
    for check in (settings_mean_something, backends_are_there, options_mean_something):
        checks.register(check, checks.Tags.caches)
    for check in (keys_are_fit, directories_are_private):
        checks.register(check, checks.Tags.caches, checks.Tags.security)
    checks.register(default_store_is_shared, checks.Tags.caches)


def settings_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check ``CACHEKIT``: E006, E007, E021."""
    given: Any = conf.given()
    if not isinstance(given, Mapping):
        text = f"CACHEKIT is a dict of settings, not {type(given).__name__}."
        return [_error("E006", text, "Write CACHEKIT = {...}.")]
    return [*_names(given), *_stores(given), *_warmers(given.get("WARMERS") or ())]


def _names(given: Mapping[Any, Any]) -> Messages:
    for name in given:
        if name not in conf.DEFAULTS:
            near = _near(name, conf.DEFAULTS) or f"Its names are {', '.join(conf.DEFAULTS)}."
            yield _error("E006", f"CACHEKIT has no setting {name!r}.", near)
    if not isinstance(given.get("SIGNALS") or {}, Mapping):
        text = 'CACHEKIT["SIGNALS"] is a dict.'
        yield _error("E006", text, 'Write {"values": True} if signals should carry values.')


def _stores(given: Mapping[Any, Any]) -> Messages:
    for name in ("DEFAULT_STORE", "LIMITER_STORE"):
        alias = given.get(name)
        if alias is not None and alias not in conf.caches():
            text = f'CACHEKIT["{name}"] is {alias!r}, which is not in CACHES.'
            yield _error("E007", text, _choose(alias))


def _warmers(given: Any) -> Messages:
    hint = "Give a list of dotted paths to functions, or a dict of them by name."
    if not isinstance(given, (Mapping, list, tuple, set, frozenset)):
        yield _error("E021", 'CACHEKIT["WARMERS"] is a list or a dict.', hint)
        return
    for path in given.values() if isinstance(given, Mapping) else given:
        if not callable(_imported(path)):
            text = f'CACHEKIT["WARMERS"]: {path!r} leads to no function.'
            yield _error("E021", text, hint)


def backends_are_there(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the backends of this package can be imported: E020."""
    hint = (
        "See the dotted path, and install what it needs: pip install django-cachekit[redis], "
        "[memcached] or [dynamodb]."
    )
    return [
        _error("E020", f"CACHES[{name!r}]: there is no {config['BACKEND']}.", hint)
        for name, config in conf.caches().items()
        if str(config.get("BACKEND")).startswith(OURS) and _imported(config["BACKEND"]) is None
    ]


def options_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check the OPTIONS of our stores: E005, E008, E009, W014."""
    found: list[checks.CheckMessage] = []
    for alias in _ours():
        found += [*_chain(alias), *_bounds(alias), *_spelling(alias)]
        if alias.kinds & BYTES:
            found += [
                _error("E009", alias.says(problem.text), _HINTS[problem.id])
                for problem in _problems(alias)
                if problem.id in _PARTS
            ]
    return found


def _chain(alias: Alias) -> Messages:
    if OURS + "tagged.TaggedCache" in alias.kinds and not alias.options.get("STORE"):
        yield _error("E005", alias.says("STORE names no alias."), _choose(alias.name))
    for store in _under(alias.options):
        if store == alias.name:
            yield _error("E005", alias.says("it names itself as its STORE."), _choose(store))
        elif store not in conf.caches():
            text = f"it is over {store!r}, which is not in CACHES."
            yield _error("E005", alias.says(text), _choose(store))
        elif alias.name in _reached(store):
            text = f"it is over {store!r}, which is over it in turn."
            yield _error("E005", alias.says(text), _choose(store))


def _under(options: Mapping[str, Any]) -> list[Any]:
    one, many = options.get("STORE"), options.get("STORES")
    return [*([one] if one else []), *(many if isinstance(many, (list, tuple)) else [])]


def _reached(store: str) -> set[str]:
    """Return the aliases that one alias is over, through however many."""
    seen: set[str] = set()
    waiting = [store]
    while waiting:
        config = conf.caches().get(waiting.pop(), {})
        fresh = [name for name in _under(config.get("OPTIONS") or {}) if name not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return seen


def _bounds(alias: Alias) -> Messages:
    for name in BOUNDS:
        value = alias.options.get(name, 1)
        unbounded = value is None and DATABASE in alias.kinds
        if not unbounded and (type(value) is not int or value < 1):
            text = f"{name} is a whole number from 1, not {value!r}."
            yield _error("E008", alias.says(text), "Leave it out for the default.")
    if alias.kinds & BYTES:
        for problem in _problems(alias):
            if problem.id == "max_value_bytes":
                yield _error("E008", alias.says(problem.text), _HINTS[problem.id])


def _spelling(alias: Alias) -> Messages:
    """Find misspelt options: ENCRYPTION_KEY, which is none, would leave a table unsealed."""
    if alias.config["BACKEND"] in OWN_OPTIONS:
        for name in alias.options:
            near = None if name in OPTIONS else _near(name, OPTIONS)
            if near:
                text = alias.says(f"{name!r} is no option.")
                yield checks.Warning(text, hint=near, id="cachekit.W014")


def keys_are_fit(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check the keys of our stores of bytes: E001, E002, E004, W010."""
    found: list[checks.CheckMessage] = []
    for alias in _ours():
        if alias.kinds & BYTES:
            found += [*_keys(alias), *_derived(alias)]
        if FILE in alias.kinds:
            found += [*_unsealed(alias), *_key_files(alias)]
    return found


def _keys(alias: Alias) -> Messages:
    for problem in _problems(alias):
        if problem.id not in _PARTS and problem.id != "max_value_bytes":
            id = "E001" if problem.id in _NO_KEY else "E002"
            yield _error(id, alias.says(problem.text), _HINTS.get(problem.id, _GENERATE))


def _derived(alias: Alias) -> Messages:
    if alias.options.get("KEYS_FROM_SECRET_KEY"):
        yield checks.Warning(
            alias.says("its keys are derived from SECRET_KEY, which more people and logs know."),
            hint=f"{_GENERATE} Then take KEYS_FROM_SECRET_KEY out.",
            id="cachekit.W010",
        )


def _unsealed(alias: Alias) -> Messages:
    given = {"ENCRYPTION_KEYS", "INDEX_KEY", "KEYS_FROM_SECRET_KEY"}
    if not any(alias.options.get(name) is not None for name in given):
        text = "EncryptedFileCache needs OPTIONS ENCRYPTION_KEYS and INDEX_KEY."
        yield _error("E001", alias.says(text), _GENERATE)


def _key_files(alias: Alias) -> Messages:
    root = _root(alias)
    for path in key_files(alias.options):
        if root is not None and path.resolve().is_relative_to(root.resolve()):
            text = f"the key file {str(path)!r} lies in its directory, beside what it opens."
            hint = "Move it to a directory that holds no cache."
            yield _error("E004", alias.says(text), hint)


def directories_are_private(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check where the file store keeps its files: E003, W011, W012."""
    found: list[checks.CheckMessage] = []
    for alias in _ours():
        if FILE in alias.kinds:
            found += [*_location(alias), *_served(alias), *_open(alias)]
    return found


def _location(alias: Alias) -> Messages:
    root = _root(alias)
    if root is None:
        yield _error("E003", alias.says("LOCATION is missing: it names a directory."), _OWN)
    elif not root.is_absolute():
        text = f"LOCATION {str(root)!r} is relative: where it is depends on who starts the site."
        yield _error("E003", alias.says(text), f"Give an absolute path. {_OWN}")
    elif root.is_symlink() or (root.exists() and not root.is_dir()):
        what = "a symbolic link" if root.is_symlink() else "no directory"
        yield _error("E003", alias.says(f"LOCATION {str(root)!r} is {what}."), _OWN)
    elif wrong := _refused(alias, root):
        yield _error("E003", alias.says(f"LOCATION {str(root)!r} {wrong}."), _OWN)


def _refused(alias: Alias, root: Path) -> str | None:
    if not root.exists() or alias.options.get("ALLOW_SHARED_DIRECTORY"):
        return None
    found = root.stat()
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    return "can be written to by other users" if found.st_mode & 0o022 else None


def _served(alias: Alias) -> Messages:
    root = _root(alias)
    if root is None or not root.is_absolute():
        return
    for setting, path in conf.served_directories():
        inside = root.resolve().is_relative_to(path)
        if inside or path.is_relative_to(root.resolve()):
            text = f"LOCATION {str(root)!r} {'is inside' if inside else 'contains'} {setting}."
            yield checks.Warning(alias.says(text), hint=_OWN, id="cachekit.W011")


def _open(alias: Alias) -> Messages:
    root = _root(alias)
    if root is not None and root.is_dir() and not root.is_symlink():
        mode = stat.S_IMODE(root.stat().st_mode)
        if mode & 0o077:
            text = f"the directory {str(root)!r} is open to other users (mode {mode:04o})."
            hint = f"Run: chmod 700 {str(root)!r}"
            yield checks.Warning(alias.says(text), hint=hint, id="cachekit.W012")


def default_store_is_shared(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the default store is one that processes share: W013."""
    name = _default_store()
    if conf.debug() or not _kinds(conf.caches().get(name, {})) & {ARRAY, LOCMEM}:
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


def _ours() -> list[Alias]:
    """Return the aliases whose backend is of this package, or built on one that is."""
    found = [Alias(name, config, _kinds(config)) for name, config in conf.caches().items()]
    return [alias for alias in found if any(kind.startswith(OURS) for kind in alias.kinds)]


def _kinds(config: Mapping[str, Any]) -> frozenset[str]:
    backend = _imported(config.get("BACKEND"))
    bases = backend.__mro__ if isinstance(backend, type) else ()
    return frozenset(f"{base.__module__}.{base.__qualname__}" for base in bases)


def _imported(path: Any) -> Any:
    """Return what a dotted path leads to, or None."""
    try:
        return import_string(path)
    except (ImportError, TypeError, AttributeError, ValueError):
        return None


def _problems(alias: Alias) -> list[Problem]:
    return problems(alias.options, store_id=alias.name, secret_keys=_secrets())


def _secrets() -> list[bytes]:
    try:
        return conf.secret_keys()
    except ImproperlyConfigured:
        return []  # which Django tells of itself


def _root(alias: Alias) -> Path | None:
    location = alias.config.get("LOCATION")
    return Path(location) if isinstance(location, (str, os.PathLike)) and location else None


def _near(name: Any, names: Any) -> str | None:
    near = get_close_matches(str(name).upper(), list(names), 1, 0.8)
    return f"Did you mean {near[0]}?" if near else None


def _choose(alias: Any) -> str:
    others = [name for name in conf.caches() if name != alias]
    return f"CACHES has {', '.join(map(repr, others)) or 'no other alias'}: name one of them."


def _error(id: str, text: str, hint: str) -> checks.Error:
    return checks.Error(text, hint=hint, id=f"cachekit.{id}")


Check = Callable[..., list[checks.CheckMessage]]
