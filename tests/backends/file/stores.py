"""Make file stores, and look at what lies on the disk."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_cachekit.backends.bytestore import Bytes
from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.filetree import Tree


def key(byte: int) -> str:
    """Return a key of 32 equal bytes, as settings hold it."""
    return urlsafe_b64encode(bytes([byte]) * 32).decode().rstrip("=")


KEYS = {"ENCRYPTION_KEYS": [key(1)], "INDEX_KEY": key(100), "STORE_ID": "tests"}


def open_store(location: "str | os.PathLike[str]", **options: Any) -> EncryptedFileCache:
    """Open a store; options in capitals go to OPTIONS, ``prefix`` and ``timeout`` to the top."""
    top = {"KEY_PREFIX": options.pop("prefix", ""), "TIMEOUT": options.pop("timeout", 300)}
    cache = EncryptedFileCache(str(location), {**top, "OPTIONS": {**KEYS, **options}})
    driver_of(cache)  # a store connects at its first use; here that is now
    return cache


def driver_of(cache: EncryptedFileCache) -> Bytes:
    """Return the driver under a cache."""
    driver = cache.cachekit_driver
    assert isinstance(driver, Bytes)
    return driver


def tree_of(cache: EncryptedFileCache) -> Tree:
    """Return the engine under a cache."""
    engine = driver_of(cache).engine
    assert isinstance(engine, Tree)
    return engine


def path_of(cache: EncryptedFileCache, key: str) -> Path:
    """Return where the entry of a key lies, or would."""
    name = driver_of(cache).chain.name(cache.make_key(key))
    return Path(tree_of(cache).place.file(name))


def entries(root: "str | os.PathLike[str]") -> list[Path]:
    """Return the files of all entries under a directory."""
    return [path for path in walk(root) if len(path.name) == 64 and path.is_file()]


def temporary(root: "str | os.PathLike[str]") -> list[Path]:
    """Return the files that writers have begun."""
    return [path for path in walk(root) if path.name.startswith(".t")]


def walk(root: "str | os.PathLike[str]") -> Iterator[Path]:
    """Walk over everything under a directory, that itself included."""
    yield Path(root)
    for home, directories, files in os.walk(root):
        yield from (Path(home, name) for name in [*directories, *files])


def listings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of all directories that are listed from now on."""
    found: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> Any:
        found.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    return found
