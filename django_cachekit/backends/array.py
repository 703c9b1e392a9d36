"""A store in this process's memory: bounded, least recently used out first, no pickle where none is
needed, no thread on the async face."""

import threading
from collections.abc import Mapping
from typing import Any

from .. import conf, signals
from ..codecs.copies import hold, share
from ..core import clock
from ..core.entry import NO_STAMPS, Entry
from ..core.faces import Hop, after_fork
from ..core.facts import Facts
from ..core.keys import matcher, usual
from ..core.marks import changed
from ..core.operation import MISSING, UNSURE, Key, Operation, Record, Reply, Seen, Stamp
from ..core.remedies import contended
from ..core.settings import defaults
from ..core.ttl import KEEP
from ..errors import Misconfigured, StoreUnavailable, ValueTooLarge
from ..layers.base import Driver
from ..layers.events import told as tell
from ..layers.pending import waiting
from .base import Names, StoreCache, SyncDriver
from .bytestore import plus
from .memory import Memory, Slot

HIT, MISS = signals.cache_hit, signals.cache_missed
ONE, MANY = signals.retrieving_key, signals.retrieving_many_keys

DEFAULTS = defaults("array")
ENTRIES: int = DEFAULTS["MAX_ENTRIES"]
BYTES: int = DEFAULTS["MAX_BYTES"]

_memories: dict[tuple[str, str], Memory] = {}
_making = threading.Lock()


def _forked() -> None:
    """Free the locks that a thread of the parent may have held when the child was made."""
    for memory in _memories.values():
        memory.lock, memory.claims = threading.RLock(), {}  # who laid them stayed behind
        memory.locks.forked()


after_fork(_forked)


class Array(SyncDriver):
    """Drive a memory; every verb is one step under its lock."""

    shared = False
    claims = True
    orderly = True
    lists = True
    hop = Hop.NONE

    def __init__(
        self, alias: str, sender: type, names: Names, memory: Memory, options: Mapping[str, Any]
    ) -> None:
        super().__init__(alias, sender, names)
        self.memory = memory
        self.entries = _bound(alias, options, "MAX_ENTRIES", ENTRIES)
        self.room = _bound(alias, options, "MAX_BYTES", BYTES)
        self.hold = hold if options.get("COPY", DEFAULTS["COPY"]) else share
        self.lead = names.lead

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value of a live key, MISSING, or UNSURE for the long way round."""
        lead = self.lead
        if version is not None or type(key) is not str or lead is None:
            return UNSURE
        # As reading_is_heard() asks; a call more would be a tenth of what a hit takes.
        heard = HIT.receivers or MISS.receivers or ONE.receivers or MANY.receivers
        if heard and not (told or self.silent):
            return UNSURE if told is None else tell(self, self.alias, key, tags)
        name = lead + key
        slots = self.memory.slots
        slot = slots.get(name)
        if slot is None:
            return MISSING if usual(name) else UNSURE
        if slot.odd:
            return UNSURE
        expires, thaw = slot.expires, slot.thaw
        if expires is not None and expires <= clock.now():
            return MISSING
        if slot.checks:
            late = waiting(self.alias)
            if (late and not late.isdisjoint(slot.tags)) or not self.memory.valid(slot):
                return MISSING
        if tags and tags != slot.tags and not slot.bears(tags):
            return MISSING
        try:
            slots.move_to_end(name)
        except KeyError:
            pass  # another thread dropped it a moment ago
        return slot.held if thaw is None else thaw(slot.held)

    def do_read(self, op: Operation) -> Reply:
        """Read all keys at one moment."""
        values = {}
        with self.memory.lock:
            for key in op.keys:
                name = self._name(key, op.version)
                slot = self.memory.stale(name) if op.soft else self.memory.find(name)
                if slot is not None:
                    values[key] = _given(slot)
            stamp = Stamp(self.memory.epoch, {}) if op.snapshot else None
        return Reply(values, stamp)

    def do_write(self, op: Operation) -> set[Key]:
        """Store all values, or none if the alias was flushed while they were computed."""
        slots = [
            (key, self._name(key, op.version), self._slot(key, value, op))
            for key, value in op.values.items()
        ]
        memory, failed = self.memory, set()
        with memory.lock:
            if self._late(op):
                return set(op.keys)
            for key, name, slot in slots:
                if op.token and memory.claims.get(name) != op.token:
                    failed.add(key)
                else:
                    memory.keep(name, slot, self.entries, self.room)
        return failed

    def do_delete(self, op: Operation) -> set[Key]:
        """Drop the keys, and tell which were there; of a claim, the claim alone."""
        with self.memory.lock:
            mine = [key for key in op.keys if self._mine(op, key)]
            named = {key: self._name(key, op.version) for key in mine}
            for name in named.values():
                self.memory.claims.pop(name, None)
            if op.token:
                return set(mine)
            there = {key for key, name in named.items() if self.memory.find(name)}
            for name in named.values():
                self.memory.drop(name)
        return there

    def do_mark(self, op: Operation) -> None:
        """Change a part of a tag's record."""
        with self.memory.lock:
            slot = self.memory.find(op.key)
            record = changed(slot and slot.held, op.match, op.token, op.by)
            self.memory.keep(op.key, self._slot(op.key, record, op), self.entries, self.room)

    def do_touch(self, op: Operation) -> set[Key]:
        """Give live keys a new expiry."""
        there = set()
        with self.memory.lock:
            for key in op.keys:
                name = self._name(key, op.version)
                slot = self.memory.find(name)
                if slot is not None:
                    self.memory.slots[name] = slot._replace(
                        expires=self.names.expires(op.ttl), ends=None
                    )
                    there.add(key)
        return there

    def do_claim(self, op: Operation) -> Any:
        """Lay a claim on the key for who would compute it; it ends with who laid it."""
        name = self._name(op.key, op.version)
        with self.memory.lock:
            slot = self.memory.find(name) if op.match == "absent" else None
            if slot is not None and slot.bears(op.tags):
                return slot.value()
            if name in self.memory.claims and op.match != "taken":
                return UNSURE
            self.memory.claims[name] = op.token
        return MISSING

    def do_lock(self, op: Operation) -> Any:
        """Do what is asked of a lock; the memory's own, they are no entries."""
        try:
            return self.memory.locks(op)
        except StoreUnavailable as error:
            raise StoreUnavailable(contended(self.alias, str(error))) from None

    def do_claim_all(self, op: Operation) -> dict[Key, Any]:
        """Lay a claim on each of several keys."""
        return {key: self.do_claim(op._replace(keys=(key,))) for key in op.keys}

    def do_add(self, op: Operation) -> bool:
        """Store the value where nothing live is."""
        ((key, value),) = op.values.items()
        name, slot = self._name(key, op.version), self._slot(key, value, op)
        with self.memory.lock:
            if self._late(op) or self.memory.find(name) is not None:
                return False
            self.memory.keep(name, slot, self.entries, self.room)
        return True

    def do_incr(self, op: Operation) -> Any:
        """Change a number, keeping its expiry and tags; a missing one starts from ``initial``."""
        key, name = op.key, self._name(op.key, op.version)
        with self.memory.lock:
            slot = self.memory.find(name)
            if slot is None or not slot.bears(op.tags):
                if op.initial is None:
                    return MISSING
                stamps = op.stamp.nonces if op.stamp else NO_STAMPS
                slot = self._slot(key, op.initial, op).stamped(stamps)
            number = plus(self.alias, key, slot.value(), op.by)
            held = self.hold(number)
            slot = slot._replace(held=held.value, thaw=held.thaw, size=held.size)
            self.memory.keep(name, slot, self.entries, self.room)
        return number

    def do_pull(self, op: Operation) -> Any:
        """Take the value out: for one caller only."""
        name = self._name(op.key, op.version)
        with self.memory.lock:
            slot = self.memory.find(name)
            if slot is None or not slot.bears(op.tags):
                return MISSING
            self.memory.drop(name)
            self.memory.claims.pop(name, None)
        return slot.value()

    def do_see(self, op: Operation) -> Seen:
        """Tell what is there; the mark is the very slot."""
        name = self._name(op.key, op.version)
        with self.memory.lock:
            slot = self.memory.find(name)
            there = self.memory.slots.get(name)
            stamp = Stamp(self.memory.epoch, {})
        tags = there.tags if there is not None else ()
        serves = slot is not None and slot.bears(op.tags)
        return Seen(slot.value() if slot and serves else MISSING, there, stamp, tags)

    def do_swap(self, op: Operation) -> bool:
        """Put a value in the place of the slot that was seen, if that is still there."""
        ((key, value),) = op.values.items()
        name, old = self._name(key, op.version), op.seen if op.match == "present" else None
        slot = self._slot(key, value, op if op.ttl is not KEEP else op._replace(ttl=None))
        if old is not None:
            slot = slot._replace(checks=old.checks, tags=old.tags, created=old.created)
            if op.ttl is KEEP:
                odd = slot.odd or old.ends is not None
                slot = slot._replace(expires=old.expires, fresh=old.fresh, ends=old.ends, odd=odd)
        elif op.stamp is not None:
            slot = slot.stamped(op.stamp.nonces)
        with self.memory.lock:
            same = self.memory.slots.get(name) is op.seen
            same = same and (old is None or (old.live() and not old.over()))
            if self._late(op) or not same:
                return False
            self.memory.keep(name, slot, self.entries, self.room)
        return True

    def do_ttl(self, op: Operation) -> Any:
        """Return the seconds that are left, None for ever, or MISSING."""
        with self.memory.lock:
            slot = self.memory.find(self._name(op.key, op.version))
        if slot is None:
            return MISSING
        ends = slot.expires if slot.ends is None else slot.ends
        return None if ends is None else ends - clock.now()

    def do_keys(self, op: Operation) -> list[str]:
        """Return the live keys of this alias's version that match, as they were given."""
        fits = matcher(op.glob)
        with self.memory.lock:
            slots = list(self.memory.slots.items())
            return [
                slot.key
                for name, slot in slots
                if slot.key is not None
                and slot.version == self.version
                and name == self.names.made(slot.key, slot.version)
                and fits(slot.key)
                and self.memory.find(name)
            ]

    def do_members(self, op: Operation) -> list[str]:
        """Return the live keys that match and bear all of ``tags``."""
        wanted = self.do_keys(op)
        with self.memory.lock:
            slots = {key: self.memory.slots.get(self._name(key, None)) for key in wanted}
        return [key for key, slot in slots.items() if slot is not None and slot.bears(op.tags)]

    def do_tags(self, op: Operation) -> list[str]:
        """Return the tags that live values bear."""
        with self.memory.lock:
            slots = [self.memory.slots[self._name(key, None)] for key in self.do_keys(op)]
        return sorted({record.name for slot in slots for record, _ in slot.checks} - {""})

    def do_sift(self, op: Operation) -> None:
        """Do nothing: what is dead is not listed."""

    def do_clear(self, op: Operation) -> None:
        """Empty the memory."""
        self.memory.clear()

    def do_prune(self, op: Operation) -> int:
        """Drop what has expired or was flushed, and return how many went."""
        with self.memory.lock:
            names = list(self.memory.slots)
            for name in names:
                self.memory.find(name)
            return sum(name not in self.memory.slots for name in names)

    def do_facts(self, op: Operation) -> Facts:
        """Return how much lies in the memory, which other aliases may share, and its bounds."""
        with self.memory.lock:
            entries = sum(slot.key is not None for slot in list(self.memory.slots.values()))
            size, evicted = self.memory.bytes, self.memory.evicted
        return Facts(entries, size, self.entries, self.room, evicted, of="process")

    def _mine(self, op: Operation, key: Key) -> bool:
        """Tell whether the operation asks for no claim, or has it."""
        claims = self.memory.claims
        return not op.token or claims.get(self._name(key, op.version)) == op.token

    def _late(self, op: Operation) -> bool:
        stamp = op.stamp
        return stamp is not None and stamp.epoch is not None and stamp.epoch != self.memory.epoch

    def _name(self, key: Key, version: int | None) -> Any:
        return key if isinstance(key, Record) else self.names.made(key, version)

    def _slot(self, key: Key, value: Any, op: Operation) -> Slot:
        entry = value if type(value) is Entry else None
        held = self.hold(value if entry is None else entry.value)
        if held.size > self.room:
            raise ValueTooLarge(
                f"alias {self.alias!r}, key {conf.shown(key)}: the value takes {held.size:,} "
                f"bytes; the limit is {self.room:,} (OPTIONS['MAX_BYTES'])"
            )
        text = None if isinstance(key, Record) else key
        version = self.version if op.version is None else op.version
        odd = text is not None and not usual(self.names.made(text, version))
        expires = self.names.expires(op.ttl)
        slot = Slot(held.value, held.thaw, expires, held.size, text, version, odd=odd)
        return slot if entry is None else _filled(slot, entry)


class ArrayCache(StoreCache):
    """Keep values in this process's memory.

    ``LOCATION`` names the memory: aliases with one name and one ``KEY_PREFIX`` share it.
    ``OPTIONS``: ``MAX_ENTRIES`` (10,000), ``MAX_BYTES`` (256 MiB), and ``COPY`` (True; False gives
    out the very object that was put in, for those who never change it).
    """

    def connect(self, alias: str) -> Driver:
        """Return a driver over the memory that LOCATION and KEY_PREFIX name."""
        where = (self.location, self.key_prefix)
        with _making:
            memory = _memories.setdefault(where, Memory())
        return Array(alias, type(self), Names(self), memory, self.options)


def _bound(alias: str, options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Misconfigured(f"CACHES[{alias!r}]: {name} is a whole number from 1, not {value!r}.")
    return value


def _given(slot: Slot) -> Any:
    value = slot.value()
    if not slot.checks and slot.fresh is slot.ends is slot.cost is None:
        return value
    stamps = {record.name: nonce for record, nonce in slot.checks}
    times = (slot.created, slot.expires, slot.fresh)
    return Entry(value, *times, stamps, ends=slot.ends, cost=slot.cost)


def _filled(slot: Slot, entry: Entry) -> Slot:
    """Return a slot with what its entry says."""
    return slot.stamped(entry.stamps)._replace(
        created=entry.created,
        fresh=entry.fresh,
        ends=entry.ends,
        cost=entry.cost,
        odd=slot.odd or entry.ends is not None,
    )
