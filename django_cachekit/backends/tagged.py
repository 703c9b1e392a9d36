"""Tags for an alias whose own backend knows none, for plain Django use too."""

from collections.abc import Mapping
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .. import conf
from ..core.bounded import Bounded
from ..core.faces import Face
from ..core.operation import Key, Operation, Record, Reply
from ..errors import Misconfigured, NotANumber, NotSupported, ValueTooLarge
from ..layers.base import GUESSES, Driver, Guesses
from ..layers.ground import driver_of
from .base import Names, StoreCache


class Renamed:
    """Drive another alias under this one's own prefix and version."""

    def __init__(self, inner: Driver, sender: type, names: Names, alias: str, store: str) -> None:
        self.inner = inner
        self.alias, self.store = alias, store
        self.guesses: Guesses | None = None if inner.guesses is None else Bounded(GUESSES)
        self.silent = False
        self.shared = inner.shared
        self.claims = inner.claims
        self.beside = getattr(inner, "beside", False)
        self.orderly = inner.orderly
        self.sender = sender
        self.names = names

    @property
    def instant(self) -> bool:
        """Tell whether it only touches memory."""
        return self.inner.instant

    @property
    def transactional(self) -> str | None:
        """Return the database whose transactions take along what is written here, if any."""
        found: str | None = getattr(self.inner, "transactional", None)
        return found

    @property
    def version(self) -> int:
        """Return the alias's own version."""
        return self.names.version

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation under other names, and give the answer under the caller's."""
        if op.verb == "keys":
            raise NotSupported(
                f"alias {self.alias!r}: a TaggedCache cannot list its keys; the alias under it "
                f"may, with those of others: cache.store({self.store!r}).keys()."
            )
        names = {key: self._name(key, op.version) for key in op.keys}
        values = {names[key]: value for key, value in op.values.items()}
        ttl = self.names.timeout if op.ttl is DEFAULT_TIMEOUT else op.ttl
        asked = op._replace(keys=tuple(names.values()), values=values, version=None, ttl=ttl)
        try:
            result = await self.inner.perform(face, asked)
        except (NotANumber, ValueTooLarge) as error:
            raise type(error)(_renamed(str(error), names)) from error.__cause__
        back = {name: key for key, name in names.items()}
        if isinstance(result, Reply):
            found = {back[name]: value for name, value in result.values.items()}
            held = frozenset(back[name] for name in result.held)
            return Reply(found, result.stamp, held)
        if isinstance(result, set):
            return {back[name] for name in result}
        if op.verb == "claim_all":
            return {back[name]: found for name, found in result.items()}
        return result

    def _name(self, key: Key, version: int | None) -> Key:
        if isinstance(key, Record):
            prefix = self.names.prefix
            return Record(key.kind, f"{prefix}:{key.name}" if prefix else key.name)
        return self.names.made(key, version)


def _renamed(text: str, names: Mapping[Key, Key]) -> str:
    """Return what an error says with the caller's key in the place of the one underneath."""
    for key, name in names.items():
        for spelled in (repr, conf.shown):
            text = text.replace(spelled(name), spelled(key))
    return text


class TaggedCache(StoreCache):
    """Be another alias with tags: ``OPTIONS: {"STORE": alias}``.

    Its ``clear()`` empties the alias underneath. Its keys have this alias's prefix and version
    inside that alias's own.
    """

    def connect(self, alias: str) -> Driver:
        """Return a driver over the alias that ``STORE`` names."""
        store = self.options.get("STORE")
        if not store or store == alias:
            raise Misconfigured(
                f"CACHES[{alias!r}]: TaggedCache needs OPTIONS {{'STORE': another alias}}."
            )
        try:
            inner = driver_of(store)
        except InvalidCacheBackendError as error:
            if store in conf.caches():
                raise  # its backend cannot be imported, and the error says why
            there = ", ".join(repr(name) for name in conf.caches() if name != alias)
            raise Misconfigured(
                f"CACHES[{alias!r}]: STORE names {store!r}, which is not in CACHES; name one of "
                f"{there or 'them, when there is another'}."
            ) from error
        return Renamed(inner, type(self), Names(self), alias, store)
