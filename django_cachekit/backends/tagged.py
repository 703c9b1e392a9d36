"""Tags for an alias whose own backend knows none, for plain Django use too."""

from collections.abc import Mapping
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.cache.backends.base import DEFAULT_TIMEOUT

from .. import conf
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import Face
from ..core.operation import Key, Operation, Record, Reply, Seen, Stamp
from ..errors import Misconfigured, NotANumber, NotSupported, ValueTooLarge
from ..layers.base import GUESSES, Driver, Guesses
from ..layers.ground import driver_of
from .base import Names, StoreCache


class Led:
    """Put what leads before the names of tags on their way down, and take it off on the way up.

    The alias underneath judges entries too, by the tags that these bear, so they bear there the
    names under which the records of their tags lie.
    """

    def __init__(self, lead: str) -> None:
        self.lead = lead

    def down(self, op: Operation) -> Operation:
        """Return the operation with its tags, and those of its values, as they lie underneath."""
        values = {name: self._sealed(value) for name, value in op.values.items()}
        tags = tuple(self.lead + tag for tag in op.tags)
        stamp = op.stamp
        if stamp is not None:
            stamp = Stamp(stamp.epoch, self._marks(stamp.nonces), stamp.flushes)
        return op._replace(values=values, tags=tags, stamp=stamp)

    def up(self, result: Any) -> Any:
        """Return an answer with the tags of this alias, and without what bears any other."""
        if isinstance(result, Reply):
            mine = {name: value for name, value in result.values.items() if self._mine(name, value)}
            return result._replace(values={name: self._bare(value) for name, value in mine.items()})
        if isinstance(result, Seen):
            return result._replace(tags=tuple(map(self.off, result.tags)))
        return result

    def off(self, name: str) -> str:
        """Return the name of a tag, or of another record, without what leads."""
        return name.removeprefix(self.lead)

    def _mine(self, name: Key, value: Any) -> bool:
        if isinstance(name, Record):
            return name.name.startswith(self.lead)
        # Under a key of this alias another can have put what is not judged by its tags.
        return type(value) is not Entry or all(tag.startswith(self.lead) for tag in value.stamps)

    def _marks(self, stamps: Mapping[str, bytes]) -> dict[str, bytes]:
        return {self.lead + tag: mark for tag, mark in stamps.items()}

    def _sealed(self, value: Any) -> Any:
        return _stamped(value, self._marks(value.stamps)) if type(value) is Entry else value

    def _bare(self, value: Any) -> Any:
        if type(value) is not Entry:
            return value
        return _stamped(value, {self.off(tag): mark for tag, mark in value.stamps.items()})


def _stamped(entry: Entry, stamps: Mapping[str, bytes]) -> Entry:
    """Return the entry with other stamps; a copy, since a store may have kept the very object."""
    found = entry.holding(entry.value)
    found.stamps = stamps
    return found


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
        self.led = Led(f"{names.prefix}:") if names.prefix else None

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
        if self.led is not None:
            asked = self.led.down(asked)
        try:
            result = await self.inner.perform(face, asked)
        except (NotANumber, ValueTooLarge) as error:
            raise type(error)(_renamed(str(error), names)) from error.__cause__
        return self._answer(op, result, {name: key for key, name in names.items()})

    def _answer(self, op: Operation, result: Any, back: Mapping[Key, Key]) -> Any:
        """Return the answer under the caller's names."""
        if self.led is not None:
            result = self.led.up(result)
        if isinstance(result, Reply):
            # The records of an entry's tags may have come along with it.
            found = {self._own(n, back): value for n, value in result.values.items()}
            held = frozenset(back[name] for name in result.held)
            return Reply(found, result.stamp, held)
        if isinstance(result, set):
            return {back[name] for name in result}
        if op.verb == "claim_all":
            return {back[name]: found for name, found in result.items()}
        return result

    def _own(self, name: Key, back: Mapping[Key, Key]) -> Key:
        if name in back:
            return back[name]
        if self.led is None or not isinstance(name, Record):
            return name
        return Record(name.kind, self.led.off(name.name))

    def _name(self, key: Key, version: int | None) -> Key:
        if isinstance(key, Record):
            return key if self.led is None else Record(key.kind, self.led.lead + key.name)
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
