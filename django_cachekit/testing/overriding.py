"""A store for the time of a test, in place of the project's own."""

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from django.core.cache import InvalidCacheBackendError
from django.core.cache.backends import locmem
from django.core.cache.backends.filebased import FileBasedCache
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings
from django.utils.module_loading import import_string

from .. import conf
from ..backends import array
from ..backends.array import ArrayCache
from ..backends.base import NamedDriver
from ..backends.file import EncryptedFileCache
from ..core.faces import run_now
from ..facade import cache
from ..flows import values
from ..layers import memo
from ..layers.ground import driver_of
from ..manager import manager
from ..repository import Repository
from .around import Around
from .background import await_background, wait_for_background
from .kept import Kept

Config = Mapping[str, Any]

MEMORY = "django_cachekit.backends.array.ArrayCache"
NOTHING = "django_cachekit.backends.null.NullCache"

KEPT = ("KEY_FUNCTION", "KEY_PREFIX", "TIMEOUT", "VERSION")
"""What a memory in an alias's place takes over from it, besides some ``OPTIONS``."""

KEPT_OPTIONS = ("SIGNALS", "TAG_INDEX")


class override_cache(Around[Repository]):
    """Put an empty store in place of some aliases of ``CACHES``, or of all where none is named.

    An alias that is named gets a memory of its own; one by keyword the configuration given. With
    ``off`` they keep nothing. What the former store holds is neither seen nor changed, nor are its
    statistics; what was written meanwhile is gone afterwards, and the former store is as it was.
    The block is given the first alias's repository.
    """

    def __init__(
        self,
        *aliases: str,
        off: bool = False,
        attr_name: str | None = None,
        kwarg_name: str | None = None,
        **configs: Config | None,
    ) -> None:
        super().__init__(attr_name=attr_name, kwarg_name=kwarg_name)
        self.aliases = aliases
        self.configs = configs
        self.off = off
        self._to_empty: list[list[str]] = []

    def around(self) -> Iterator[Repository]:
        """Have the stores in force."""
        with ExitStack() as clean:
            stores = self._stores(uuid.uuid4().hex[:12], clean)
            kept = Kept()
            clean.callback(kept.put_back)
            clean.enter_context(override_settings(CACHES={**conf.caches(), **stores}))
            kept.put_back_but(stores)
            clean.enter_context(_nothing_remembered())
            self._to_empty.append([alias for alias, given in self.configs.items() if given])
            clean.callback(self._to_empty.pop)
            yield cache.store(next(iter(stores))) if self.aliases or self.configs else cache

    def __exit__(self, *error: Any) -> None:
        try:
            wait_for_background()
            self._empty()
        finally:
            super().__exit__(*error)

    async def __aexit__(self, *error: Any) -> None:
        try:
            await await_background()
            # A database refuses to be asked where an event loop runs.
            await sync_to_async(self._empty)()
        finally:
            await super().__aexit__(*error)

    def _empty(self) -> None:
        """Empty what was configured, where that takes no more than what was written here."""
        for alias in self._to_empty[-1]:
            if isinstance(driver_of(alias), NamedDriver):
                run_now(values.flush(manager.port(alias).bare()))

    def _stores(self, mark: str, clean: ExitStack) -> dict[str, Config]:
        """Return what is to stand in ``CACHES``, and have ``clean`` remove what it leaves."""
        there = conf.caches()
        unknown = [alias for alias in self.aliases if alias not in there]
        if unknown:
            known = ", ".join(map(repr, there))
            raise InvalidCacheBackendError(f"override_cache({unknown[0]!r}): CACHES has {known}.")
        named = (*self.aliases, *self.configs) or tuple(there)
        return {alias: self._store(alias, there.get(alias, {}), mark, clean) for alias in named}

    def _store(self, alias: str, former: Config, mark: str, clean: ExitStack) -> Config:
        given = self.configs.get(alias)
        if given:
            return _apart(given, mark, clean)
        options = former.get("OPTIONS") or {}
        config = {name: former[name] for name in KEPT if name in former}
        config["OPTIONS"] = {name: options[name] for name in KEPT_OPTIONS if name in options}
        if self.off:
            return {**config, "BACKEND": NOTHING}
        return _apart({**config, "BACKEND": MEMORY, "LOCATION": alias}, mark, clean)


OF_PLACE = "EPOCH_FILE"
"""The option that names a place beside LOCATION: a flush in one would be one of the other."""


def _apart(config: Config, mark: str, clean: ExitStack) -> Config:
    """Return a configuration that shares nothing with another of the same, and is gone after."""
    backend, location = import_string(config["BACKEND"]), config.get("LOCATION", "")
    place = f"{location}-{mark}"
    if issubclass(backend, ArrayCache):
        clean.callback(partial(_drop_memories, place))
    elif issubclass(backend, LocMemCache):
        clean.callback(partial(_drop_locmem, place))
    elif issubclass(backend, EncryptedFileCache | FileBasedCache):
        clean.callback(partial(_drop_files, Path(place)))
    else:
        return {**config, "KEY_PREFIX": f"{config.get('KEY_PREFIX', '')}{mark}"}
    options = {name: one for name, one in (config.get("OPTIONS") or {}).items() if name != OF_PLACE}
    return {**config, "LOCATION": place, "OPTIONS": options}


def _drop_memories(place: str) -> None:
    for where in [where for where in array._memories if where[0] == place]:
        array._memories.pop(where, None)


def _drop_locmem(place: str) -> None:
    for held in (locmem._caches, locmem._expire_info, locmem._locks):  # type: ignore[attr-defined]  # not in the stubs
        held.pop(place, None)


def _drop_files(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    for path in place.parent.glob(f"{place.name}.epoch-*"):
        path.unlink(missing_ok=True)


@contextmanager
def _nothing_remembered() -> Iterator[None]:
    """Have no memory of ``memo()`` in force, and then the one that was."""
    none = memo.Memory(None)
    none.end()
    token = memo._memory.set(none)
    try:
        yield
    finally:
        inner = memo._memory.get()
        if inner is not None:
            inner.end()
        try:
            memo._memory.reset(token)
        except ValueError:  # begun in another task, whose context has it
            memo._memory.set(None)
