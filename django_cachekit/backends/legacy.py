"""Taking over what another backend left in the same server, entry by entry, as it is asked for.

``OPTIONS: {"READ_LEGACY": ["django"]}`` on an alias that stands where one of Django's own backends
or django-redis stood, with the same server, prefix and version. An entry that ours does not have is
taken out from under its old key, in one step that has one winner, and written as ours with the ttl
it had left. Whatever is written or removed takes the old entry away with it, and once the alias was
flushed nothing old is looked for any more: an old entry never comes back in a newer one's place.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..codecs import Unreadable
from ..codecs.legacy import NAMES
from ..core.faces import Face
from ..core.operation import Key, Kind, Operation, Record, Reply, Stamp
from ..errors import Misconfigured
from .engine import is_flushed

log = logging.getLogger("django_cachekit")


class Left(NamedTuple):
    """Hold an old entry: its value, or why it cannot be read, and its seconds to live, if any."""

    value: Any
    ttl: float | None


class Old(Protocol):
    """Reach what another backend left."""

    async def take(self, face: Face, texts: Sequence[str]) -> Mapping[str, Left]:
        """Take out what lies under these full keys; each for one caller only."""


class Adoption:
    """Stand around each verb of a driver, and take over what it meets.

    ``adopted`` counts the entries that were taken over, ``unreadable`` those that could not be
    read: when neither grows any more, ``READ_LEGACY`` can be taken out of the settings.
    """

    def __init__(self, alias: str, old: Old) -> None:
        self.alias = alias
        self.old = old
        self.adopted = 0
        self.unreadable: Counter[str] = Counter()

    async def around(self, driver: Any, work: Any, face: Face, op: Operation) -> Any:
        """Do ``work``, the driver's method for ``op``, on entries of whichever backend."""
        keys = [key for key in op.keys if not isinstance(key, Record)]
        if op.verb == "read":
            reply: Reply = await work(face, op)
            absent = [key for key in keys if key not in reply.values]
            met = absent and await self._adopt(driver, face, op, absent)
            return await work(face, op) if met else reply
        if op.verb == "write":
            await self._take(driver, face, op, keys)
        elif keys:
            await self._adopt(driver, face, op, keys)
        return await work(face, op)

    async def _adopt(self, driver: Any, face: Face, op: Operation, keys: Sequence[Key]) -> bool:
        """Make old entries ours, and tell whether there were any."""
        epoch, _ = await driver.io.read(face, [])
        if is_flushed(epoch):
            return False
        stamp = Stamp(epoch or await driver.io.epoch(face), {})
        found = await self._take(driver, face, op, keys)
        for key, left in found.items():
            add = Operation("add", Kind.ATOMIC, (key,), op.version, {key: left.value}, left.ttl)
            if await driver.do_add(face, add._replace(stamp=stamp)):
                self.adopted += 1
        return bool(found)

    async def _take(
        self, driver: Any, face: Face, op: Operation, keys: Sequence[Key]
    ) -> dict[Key, Left]:
        if not keys:
            return {}
        texts = {driver.names.made(key, op.version): key for key in keys}
        found = await self.old.take(face, list(texts))
        good = {}
        for text, left in found.items():
            if isinstance(left.value, Unreadable):
                self.unreadable[left.value.reason] += 1
                log.warning("cache %r: an entry of another backend cannot be read", self.alias)
            elif left.ttl is None or left.ttl > 0:
                good[texts[text]] = left
        return good


def wanted(alias: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what ``READ_LEGACY`` names, each perhaps with a colon and more; or Misconfigured."""
    given = options.get("READ_LEGACY") or ()
    names = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for name in names:
        if not isinstance(name, str) or name.partition(":")[0] not in NAMES:
            raise Misconfigured(
                f"CACHES[{alias!r}]: READ_LEGACY is a list of {', '.join(NAMES)}, not {given!r}."
            )
    return names
