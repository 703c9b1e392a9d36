"""A store of bytes: what an engine gives, and all that follows from it.

Every value is sealed or signed and bound to its key, its expiry and the alias's epoch, so bytes
that somebody read, moved, edited or truncated are a miss.
"""

import logging
from collections import Counter
from typing import Any

from django.db import Error as DatabaseError

from ..codecs import Chain, Unreadable
from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face
from ..core.keys import matcher, usual
from ..core.operation import MISSING, UNSURE, Key, Operation, Record, Reply, Stamp, tag_record
from ..errors import NotANumber, StoreUnavailable
from ..layers.base import guess
from ..layers.events import reading_is_heard
from ..layers.policy import lost
from ..layers.tags import alive
from .base import Names, SyncDriver, record_text
from .engine import KEEP, Blob, Engine, Keep

log = logging.getLogger("django_cachekit")


class Bytes(SyncDriver):
    """Drive an engine through a codec chain."""

    def __init__(
        self, alias: str, sender: type, names: Names, engine: Engine, chain: Chain
    ) -> None:
        super().__init__(alias, sender, names)
        self.engine = engine
        self.chain = chain
        self.hop = engine.hop
        self.unreadable: Counter[str] = Counter()
        self.lead = names.lead

    def quick(self, key: Any, version: int | None, tags: tuple[str, ...] = ()) -> Any:
        """Return the value, MISSING if there is none, or UNSURE for the long way round.

        The long way does all that is left out here: signals, odd keys and versions, errors.
        """
        if version is not None or type(key) is not str or self.lead is None:
            return UNSURE
        full = self.lead + key
        if not usual(full) or (reading_is_heard() and not self.silent) or self._tagged(key, tags):
            return UNSURE
        name = self.chain.name(full)
        try:
            epoch, blobs = self.engine.read([name])
            entry = self._alive(name, blobs.get(name), epoch)
        except (OSError, DatabaseError):
            return UNSURE  # where the error is met again, and told
        if entry is None or any(tag not in entry.stamps for tag in tags):
            return MISSING
        if entry.stamps and self.guesses is not None:
            guess(self.guesses, None, key, tuple(entry.stamps))
        return entry.value

    def _tagged(self, key: str, tags: tuple[str, ...]) -> bool:
        """Tell whether the long way reads the key and its tags' records in one trip, not two."""
        known = self.guesses
        return known is not None and bool(tags or (len(known) and known.get((None, key))))

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation; an error of the engine is a ``StoreUnavailable``."""
        try:
            return await super().perform(face, op)
        except (OSError, DatabaseError) as error:
            raise StoreUnavailable(f"alias {self.alias!r}: {_told(error)}") from error

    def do_read(self, op: Operation) -> Reply:
        """Read all keys in one trip."""
        named = {self._name(key, op.version): key for key in op.keys}
        epoch, blobs = self.engine.read(list(named))
        values = {}
        for name, data in blobs.items():
            entry = self._load(name, data, epoch)
            if entry is not None:
                bare = not entry.stamps and entry.fresh is None
                values[named[name]] = entry.value if bare else entry
        return Reply(values, Stamp(epoch, {}) if op.snapshot else None)

    def do_write(self, op: Operation) -> set[Key]:
        """Encode every value, then store all: one that cannot be encoded leaves all as it was."""
        if lost(op.stamp):
            return set(op.keys)
        epoch = self._epoch(op)
        blobs = {}
        for key, value in op.values.items():
            name = self._name(key, op.version)
            blobs[name] = self._blob(name, key, self._entry(value, op), epoch, op.version)
        self.engine.write(blobs)
        return set()

    def do_delete(self, op: Operation) -> set[Key]:
        """Remove the keys, and tell which were there and alive."""
        named = {self._name(key, op.version): key for key in op.keys}
        epoch, blobs = self.engine.read(list(named))
        there = {named[name] for name, data in blobs.items() if self._alive(name, data, epoch)}
        self.engine.remove(list(named))
        return there

    def do_touch(self, op: Operation) -> set[Key]:
        """Seal each entry anew with another expiry; one that is gone stays gone."""
        return {key for key in op.keys if self._touch(key, op)}

    def _touch(self, key: Key, op: Operation) -> bool:
        name = self._name(key, op.version)

        def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            entry = self._alive(name, data, epoch)
            if entry is None:
                return KEEP, False
            entry.expires = self.names.expires(op.ttl)
            return self._blob(name, key, entry, epoch, op.version), True

        return self.engine.update(name, change)

    def do_add(self, op: Operation) -> bool:
        """Store the value where nothing alive is."""
        ((key, value),) = op.values.items()
        name = self._name(key, op.version)
        fresh = self._entry(value, op)

        def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, bool]:
            late = op.stamp is not None and op.stamp.epoch not in (None, epoch)
            if late or self._alive(name, data, epoch) is not None:
                return KEEP, False
            return self._blob(name, key, fresh, epoch, op.version), True

        return self.engine.update(name, change)

    def do_incr(self, op: Operation) -> Any:
        """Change a number, keeping its expiry and tags; a missing one starts from ``initial``."""
        key = op.key
        name = self._name(key, op.version)

        def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry = self._alive(name, data, epoch)
            if entry is None or any(tag not in entry.stamps for tag in op.tags):
                if op.initial is None:
                    return KEEP, MISSING
                entry = self._entry(op.initial, op)
                entry.stamps = dict(op.stamp.nonces) if op.stamp else {}
            entry.value = plus(key, entry.value, op.by)
            return self._blob(name, key, entry, epoch, op.version), entry.value

        return self.engine.update(name, change)

    def do_pull(self, op: Operation) -> Any:
        """Take the value out: for one caller only."""
        name = self._name(op.key, op.version)

        def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, Any]:
            entry = self._alive(name, data, epoch)
            if entry is None:
                return KEEP, MISSING
            if any(tag not in entry.stamps for tag in op.tags):
                return KEEP, MISSING
            return None, entry.value

        return self.engine.update(name, change)

    def do_ttl(self, op: Operation) -> Any:
        """Return the seconds that are left, None for ever, or MISSING."""
        name = self._name(op.key, op.version)
        epoch, blobs = self.engine.read([name])
        entry = self._alive(name, blobs.get(name), epoch)
        if entry is None:
            return MISSING
        return None if entry.expires is None else entry.expires - clock.now()

    def do_keys(self, op: Operation) -> list[str]:
        """Return the keys of this alias's version that match, as they were given."""
        fits, found = matcher(op.glob), []
        epoch, _ = self.engine.read([])
        for name, data in self.engine.scan():
            text = self.chain.key(name, data, epoch)
            version, _, key = (text or "").partition(":")
            wanted = text is not None and version == str(self.version) and fits(key)
            if wanted and self._alive(name, data, epoch) is not None:
                found.append(key)
        return found

    def do_clear(self, op: Operation) -> None:
        """Empty the alias."""
        self.engine.clear()

    def do_prune(self, op: Operation) -> int:
        """Remove what has expired."""
        return self.engine.prune()

    def _epoch(self, op: Operation) -> int:
        """Return the epoch to seal under: the one before the value was computed, if there is one.

        A value sealed under an epoch that is past cannot be read, which is how a flush reaches
        what was being computed when it came.
        """
        if op.stamp is not None and op.stamp.epoch is not None:
            return int(op.stamp.epoch)
        epoch, _ = self.engine.read([])
        return epoch

    def _name(self, key: Key, version: int | None) -> bytes:
        full = key if isinstance(key, Record) else self.names.made(key, version)
        return self.chain.name(record_text(full))

    def _entry(self, value: Any, op: Operation) -> Entry:
        entry = value if type(value) is Entry else Entry(value, clock.now())
        entry.expires = self.names.expires(op.ttl)
        return entry

    def _blob(self, name: bytes, key: Key, entry: Entry, epoch: int, version: int | None) -> Blob:
        carried = None
        if not isinstance(key, Record):
            carried = f"{self.version if version is None else version}:{key}"
        return Blob(self.chain.dumps(name, entry, epoch, carried), entry.expires)

    def _load(self, name: bytes, data: bytes | None, epoch: int) -> Entry | None:
        if data is None:
            return None
        try:
            return self.chain.loads(name, data, epoch)
        except Unreadable as why:
            if why.reason != "expired":
                self.unreadable[why.reason] += 1
                log.warning(
                    "cache %r: an entry (%s) could not be read: %s",
                    self.alias,
                    name.hex()[:8],
                    why.reason,
                )
            return None

    def _alive(self, name: bytes, data: bytes | None, epoch: int) -> Entry | None:
        """Return the entry if it can be read, has not expired and none of its tags was flushed."""
        entry = self._load(name, data, epoch)
        if entry is None or not entry.stamps:
            return entry
        records = {self._name(tag_record(tag), None): tag_record(tag) for tag in entry.stamps}
        now, blobs = self.engine.read(list(records))
        loaded = {records[n]: self._load(n, found, now) for n, found in blobs.items()}
        current = {record: held.value for record, held in loaded.items() if held is not None}
        return entry if alive(entry, current) else None


def plus(key: Key, number: Any, by: int) -> int:
    """Return the sum, or raise a TypeMismatch (which is also a TypeError, as Django's would be)."""
    if type(number) is not int:
        raise NotANumber(
            f"The value of {key!r} is of type {type(number).__name__}; only an int can be counted."
        )
    return number + by


def _told(error: Exception) -> str:
    """Return the error's class and, for the system's own errors, what it says."""
    reason = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
