"""A store in files: private, sealed, exact between processes, and bounded.

::

    "BACKEND": "django_cachekit.backends.file.EncryptedFileCache",
    "LOCATION": "/var/cache/site",
    "OPTIONS": {"ENCRYPTION_KEYS": [...], "INDEX_KEY": ...},

======================  ==================================================================
ENCRYPTION_KEYS,        the keys that seal and that name entries, see ``codecs``;
INDEX_KEY, STORE_ID     ``manage.py cache_key_generate`` makes new ones
MAX_ENTRIES             100,000
MAX_BYTES               1 GiB, of sealed entries
FSYNC                   False: after a power cut the newest entries may be misses
EPOCH_FILE              where the number lies that a clear moves on; beside ``LOCATION``,
                        so that a backup of the directory brings no cleared entry back
ALLOW_SHARED_DIRECTORY  False: refuse a ``LOCATION`` that others can write to
======================  ==================================================================

Other OPTIONS are those of ``codecs``. Locks are by ``flock``, which NFS does not promise.
"""

import os
from collections.abc import Mapping
from typing import Any

from .. import conf
from ..codecs import Chain, build, key_files
from ..core.keys import digest
from ..core.remedies import by
from ..core.settings import defaults
from ..errors import Misconfigured
from ..layers.base import Driver
from .base import Names, StoreCache
from .bytestore import Bytes
from .filetree import Bounds, EpochFile, Place, Tree, trouble
from .headers import expiry_ms

DEFAULTS = defaults("file")
MAX_ENTRIES: int = DEFAULTS["MAX_ENTRIES"]
MAX_BYTES: int = DEFAULTS["MAX_BYTES"]
_AROUND = 2**18
"""More than a header, a key and tags of the greatest length add to a value."""


class EncryptedFileCache(StoreCache):
    """Keep sealed entries in files under ``LOCATION``."""

    def __init__(self, location: str, params: Mapping[str, Any]) -> None:
        options = params.get("OPTIONS") or {}
        self.max_entries = params.get("max_entries", options.get("MAX_ENTRIES", MAX_ENTRIES))
        super().__init__(location, params)

    def connect(self, alias: str) -> Driver:
        """Return the driver for this directory; Misconfigured says what is wrong with it."""
        root = _root(alias, self.location)
        chain = _chain(alias, self.options)
        place = self._place(alias, root)
        _keys_elsewhere(alias, root, self.options)
        bounds = Bounds(
            _positive(alias, "MAX_ENTRIES", self.max_entries),
            _positive(alias, "MAX_BYTES", self.options.get("MAX_BYTES", MAX_BYTES)),
        )
        largest = chain.max_bytes + _AROUND
        tree = Tree(place, bounds, expiry_ms, largest, bool(self.options.get("FSYNC", False)))
        driver = Bytes(alias, type(self), Names(self), tree, chain)
        driver.locks = tree.locks
        return driver

    def _place(self, alias: str, root: str) -> Place:
        shared = bool(self.options.get("ALLOW_SHARED_DIRECTORY", False))
        wrong = trouble(root, shared)
        if wrong:
            raise Misconfigured(
                f"CACHES[{alias!r}]: LOCATION {root!r} {wrong}; use a directory of your own with "
                "mode 0700, or OPTIONS {'ALLOW_SHARED_DIRECTORY': True}."
            )
        store_id = self.options.get("STORE_ID", alias)
        store = digest(f"{len(store_id)}:{store_id}:{self.key_prefix}")[:32]
        epoch = self.options.get("EPOCH_FILE", f"{root}.epoch-{store}")
        if not os.path.isabs(epoch) or _inside(epoch, root):
            raise Misconfigured(
                f"CACHES[{alias!r}]: EPOCH_FILE is an absolute path outside LOCATION, or left out."
            )
        return Place(root, store, EpochFile(os.fspath(epoch)), shared)


def _root(alias: str, location: Any) -> str:
    root = os.path.normpath(os.fspath(location)) if location else ""
    if not os.path.isabs(root):
        raise Misconfigured(
            f"CACHES[{alias!r}]: LOCATION is the absolute path of a directory, such as "
            f"'/var/cache/site', not {root!r}."
        )
    if os.path.islink(root):
        raise Misconfigured(
            f"CACHES[{alias!r}]: LOCATION {root!r} is a symbolic link; name what it leads to."
        )
    return root


def _chain(alias: str, options: Mapping[str, Any]) -> Chain:
    chain = build(options, store_id=alias, secret_keys=conf.secret_keys())
    if not chain.sealed:
        raise Misconfigured(
            f"CACHES[{alias!r}]: EncryptedFileCache needs OPTIONS ENCRYPTION_KEYS and INDEX_KEY; "
            f"run {by('cache_key_generate')} and paste its lines."
        )
    return chain


def _keys_elsewhere(alias: str, root: str, options: Mapping[str, Any]) -> None:
    for path in key_files(options):
        if _inside(path, root):
            raise Misconfigured(
                f"CACHES[{alias!r}]: the key file {str(path)!r} lies inside LOCATION, "
                "where whoever reads the entries finds it; move it elsewhere."
            )


def _inside(path: "str | os.PathLike[str]", root: str) -> bool:
    real = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(path), real]) == real


def _positive(alias: str, option: str, given: Any) -> int:
    try:
        number = int(given)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        raise Misconfigured(f"CACHES[{alias!r}]: {option} is a number from 1 up, not {given!r}.")
    return number
