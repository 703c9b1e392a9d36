"""Taking over what another backend left in the same server, entry by entry, as it is asked for.

``OPTIONS: {"READ_LEGACY": ["django"]}`` on an alias that stands where one of Django's own backends
or django-redis stood, with the same server, prefix and version. An entry that ours does not have is
claimed, by one caller, and written as ours with the ttl it had left. Whatever is written or removed
takes the old entry away with it, and once the alias was flushed nothing old is looked for any more:
an old entry never comes back in a newer one's place.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..codecs import Unreadable
from ..core.faces import Face
from ..core.operation import Key, Kind, Operation, Record, Reply, Stamp
from .engine import is_flushed

log = logging.getLogger("django_cachekit")


class Left(NamedTuple):
    """Hold an old entry: its value (an ``Unreadable`` if it has none), its seconds to live, if any.

    ``token`` is what ``claim`` is to be given, for its store to know the entry again by.
    """

    value: Any
    ttl: float | None
    token: Any


class Old(Protocol):
    """Reach what another backend left, under the full keys that Django makes."""

    async def find(self, face: Face, texts: Sequence[str]) -> Mapping[str, Left]:
        """Return what lies under these keys, in one trip."""

    async def claim(self, face: Face, text: str, token: Any) -> bool:
        """Remove an entry if it is still the one that was found; True for one caller only."""

    async def drop(self, face: Face, texts: Sequence[str]) -> None:
        """Remove what lies under these keys, whatever it is."""


class Adoption:
    """Stand around each verb of a driver, and take over what it meets.

    ``adopted`` counts the entries that were taken over, ``unreadable`` how often one was met that
    cannot be read, which is left where it is: when neither grows any more, ``READ_LEGACY`` can be
    taken out of the settings.
    """

    def __init__(self, alias: str, old: Old) -> None:
        self.alias = alias
        self.old = old
        self.adopted = 0
        self.unreadable = 0

    async def around(self, driver: Any, work: Any, face: Face, op: Operation) -> Any:
        """Do ``work``, the driver's method for ``op``, on entries of whichever backend."""
        keys = {
            driver.names.made(key, op.version): key
            for key in op.keys
            if not isinstance(key, Record)
        }
        if op.verb == "read":
            reply: Reply = await work(face, op)
            absent = {text: key for text, key in keys.items() if key not in reply.values}
            met = absent and await self._adopt(driver, face, op, absent)
            return await work(face, op) if met else reply
        if keys and op.verb == "write":
            for key, value in op.values.items():
                self._encoded(driver, key, value, op)  # first: what cannot be leaves all as it was
            await self.old.drop(face, list(keys))
        elif keys:
            await self._adopt(driver, face, op, keys)
        return await work(face, op)

    async def _adopt(self, driver: Any, face: Face, op: Operation, keys: Mapping[str, Key]) -> bool:
        """Make old entries ours, and tell whether there were any."""
        epoch, _ = await driver.io.read(face, [])
        if is_flushed(epoch):
            return False
        stamp = Stamp(epoch or await driver.io.epoch(face), {})
        found = await self.old.find(face, list(keys))
        for text, left in found.items():
            key = keys[text]
            add = Operation("add", Kind.ATOMIC, (key,), op.version, ttl=left.ttl, stamp=stamp)
            if not self._fits(driver, key, left.value, add):
                self.unreadable += 1
                log.warning("cache %r: another backend's entry cannot be taken over", self.alias)
            elif await self.old.claim(face, text, left.token):
                add = add._replace(values={key: left.value})
                self.adopted += await driver.do_add(face, add)
        return bool(found)

    def _fits(self, driver: Any, key: Key, value: Any, op: Operation) -> bool:
        """Tell whether a value was read, and can be written as ours."""
        if isinstance(value, Unreadable):
            return False
        try:
            self._encoded(driver, key, value, op)
        except Exception:  # pickling may raise anything at all, and the caller only reads
            return False
        return True

    def _encoded(self, driver: Any, key: Key, value: Any, op: Operation) -> None:
        entries = driver.entries
        name = entries.name(key, op.version)
        entries.blob(name, key, entries.entry(value, op), 0, op.version)
