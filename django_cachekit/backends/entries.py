"""What lies in a store of bytes: entries, bound to their names, their expiry and the epoch."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..codecs import Chain, Unreadable
from ..core import clock
from ..core.bounded import Bounded
from ..core.entry import Claim, Entry
from ..core.operation import Key, Operation, Record, tag_record
from ..layers.tagindex import Book, Row
from . import numbers
from .base import Names, record_text
from .engine import Blob, Name, Sealed, epoch_of

log = logging.getLogger("django_cachekit")

NAMES = 10_000
"""Of how many keys one process remembers the names, per alias."""

LONGEST = 250
"""How many characters a key may have to be remembered."""

TAGS = 1_000
"""Of how many sets of tags one process remembers the names of their records, per alias."""

COUNTERS = 1_000
"""Of how many counters one process remembers the envelopes it verified last, per alias."""

SMALL = 1_024
"""How many bytes such an envelope may have to be remembered."""

RECORDS = 10_000
"""Of how many records one process remembers the bytes it verified last, per alias."""

_TAG = record_text(tag_record(""))


class Entries:
    """Make the names and bytes of one alias's entries, and read them.

    ``readable`` makes names that know their text, ``telling`` blobs that name the records of their
    tags. What cannot be read is counted by its reason in ``unreadable``, and is a miss. A ``book``
    is told of every entry that is met or made.
    """

    def __init__(self, alias: str, names: Names, chain: Chain, readable: bool = False) -> None:
        self.alias = alias
        self.names = names
        self.chain = chain
        self.readable = readable
        self.telling = False
        self.unreadable: Counter[str] = Counter()
        self.book: Book | None = None
        # What stands before a key of the usual version; none begins as the text of a record does.
        lead = names.lead
        self._lead = None if lead is None or lead.startswith("\0") else lead
        self._names: Bounded[str, bytes] = Bounded(NAMES)
        self._tags: Bounded[tuple[str, ...], Mapping[str, bytes]] = Bounded(TAGS)
        self._counted: Bounded[bytes, tuple[int, bytes, Entry]] = Bounded(COUNTERS)
        self._verified: Bounded[bytes, tuple[int, bytes, Entry]] = Bounded(RECORDS)

    def name(self, key: Key, version: int | None) -> bytes:
        """Return the 32 bytes that stand for a key or a record."""
        if version is None and type(key) is str and self._lead is not None:
            return self.named(self._lead + key)
        return self.named(
            record_text(key if isinstance(key, Record) else self.names.made(key, version))
        )

    def of_tags(self, tags: tuple[str, ...]) -> Mapping[str, bytes]:
        """Return the names of the records of tags, which are the same for many keys."""
        found = self._tags.get(tags)
        if found is None:
            found = {tag: self.named(_TAG + tag) for tag in tags}
            if sum(map(len, tags)) <= LONGEST:
                self._tags.put(tags, found)
        return found

    def named(self, text: str) -> bytes:
        """Return the 32 bytes that stand for a full key, made once while it is in use."""
        name = self._names.get(text)
        if name is None:
            name = self.chain.name(text)
            if self.readable:
                name = Name.of(name, text)
            if len(text) <= LONGEST:
                self._names.put(text, name)
        return name

    def entry(self, value: Any, op: Operation) -> Entry:
        """Return the value in an envelope with the expiry that the operation asks for."""
        entry = value if type(value) is Entry else Entry(value, clock.now())
        entry.expires = self.names.expires(op.ttl)
        return entry

    def hollow(self, token: bytes, until: float) -> Entry:
        """Return a claim on a key that has no value."""
        return Entry(b"", clock.now(), until, claim=Claim(token, until, hollow=True))

    def blob(
        self, name: bytes, key: Key, entry: Entry, epoch: int, version: int | None = None
    ) -> Blob:
        """Return what is to be stored for an entry."""
        rows: tuple[Row, ...] = ()
        if self.book is not None:
            self.book.met(name, entry)
            rows = self.book.along(key, self.names.version if version is None else version, entry)
        carried = self._carried(key, version)
        claim = entry.claim
        own = isinstance(key, Record) or (claim is not None and claim.hollow)
        data = self.chain.dumps(name, entry, epoch, carried, own)
        if not (self.telling and entry.stamps):
            return Blob(data, entry.expires, epoch, rows)
        records = self.of_tags(tuple(entry.stamps)).values()
        return Blob(data, entry.expires, epoch, rows, tuple(records))

    def counter(
        self, name: bytes, key: Key, entry: Entry, epoch: int, version: int | None = None
    ) -> Blob:
        """Return what is to be stored for a number on which the server itself will count."""
        if self.book is not None:
            self.book.met(name, entry)
        bare = entry.holding(0)
        carried = self._carried(key, version)
        envelope = self.chain.dumps(numbers.bound(name), bare, epoch, carried, own=True)
        return Blob(numbers.join(envelope, entry.value), entry.expires, epoch)

    def load(self, name: bytes, data: bytes | None, epoch: int) -> Entry | None:
        """Return the live entry; None if there is none or it cannot be read."""
        entry = self.find(name, data, epoch)
        return None if entry is None or (entry.claim and entry.claim.hollow) else entry

    def find(self, name: bytes, data: bytes | None, epoch: int) -> Entry | None:
        """Return the live entry, which may be hollow; None if none can be read."""
        if data is None:
            return None
        try:
            if type(data) is bytes and not data.startswith(numbers.MAGIC):
                entry = self.chain.loads(name, data, epoch)
            else:
                entry = self._loaded(name, data, epoch)
            if self.book is not None:
                self.book.met(name, entry)
            return entry
        except Unreadable as why:
            if why.reason != "expired":
                self._count(name, why.reason)
            return None

    def record(self, name: bytes, data: bytes, epoch: int) -> Entry | None:
        """Return the entry of a record, which nobody changes; None if it cannot be read.

        The same bytes under the same name and epoch are not verified again: what was found of them
        once holds for ever, if they never expire.
        """
        seen, epoch = self._verified.get(name), epoch_of(data, epoch)
        if seen is not None and seen[0] == epoch and seen[1] == data:
            return seen[2]
        entry = self.find(name, data, epoch)
        if entry is not None and entry.expires is None:
            self._verified.put(name, (epoch, bytes(data), entry))
        return entry

    def key(self, name: bytes, data: bytes, epoch: int) -> tuple[str, str]:
        """Return the version and the key that travel inside; two empty texts if none do."""
        epoch = epoch_of(data, epoch)
        name, envelope, _ = numbers.split(name, bytes(data))
        version, _, key = (self.chain.key(name, envelope, epoch) or "").partition(":")
        return version, key

    def _loaded(self, name: bytes, data: bytes, epoch: int) -> Entry:
        if type(data) is Sealed:
            epoch, data = data.epoch, bytes(data)
        if not data.startswith(numbers.MAGIC):
            return self.chain.loads(name, data, epoch)
        envelope, number = numbers.apart(data)
        seen = self._counted.get(name)
        if seen is None or seen[0] != epoch or seen[1] != envelope or not seen[2].live(clock.now()):
            parts = numbers.split(name, data)
            entry = self.chain.loads(parts.name, parts.envelope, epoch)
            number = parts.number
            if len(envelope) <= SMALL:
                self._counted.put(name, (epoch, envelope, entry))
            return entry.holding(number)
        # Who counts leaves all as it was but the number, and that nobody signs.
        return seen[2].holding(number)

    def _count(self, name: bytes, reason: str) -> None:
        self.unreadable[reason] += 1
        log.warning(
            "cache %r: an entry (%s) could not be read: %s", self.alias, name.hex()[:8], reason
        )

    def _carried(self, key: Key, version: int | None) -> str | None:
        if isinstance(key, Record):
            return None
        return f"{self.names.version if version is None else version}:{key}"
