"""The engine of the file store: sealed bytes in a private tree, one file per entry.

::

    <LOCATION>/v1/<store>/.ledger          the epoch the tree was begun under, and its counts
    <LOCATION>/v1/<store>/<aa>/<name>      an entry; aa, its shard, is the name's first byte
    <LOCATION>/v1/<store>.locks/<aa>       the shard's lock, never deleted
    <LOCATION>/v1/<store>.gone.<random>    what a clear set aside, until it is deleted
    <LOCATION>/v1/<store>.held             the records of locks, see ``locks``

The number of shards does not depend on any setting, so processes that are configured differently
still agree on names and locks. A file's modification time says when it was last written or, to the
minute, read; its access time hints at its expiry, which the sealed header decides.
"""

import errno
import logging
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from ...core.faces import Hop
from ...core.facts import Facts
from ...errors import ValueTooLarge
from ..engine import KEEP, Blob, Change
from .disk import TRIES, create, drop, fetch, now_ns, own_directory, sync_directory
from .ledger import SHARDS, Bounds, tally
from .locks import HeldFiles
from .place import Place
from .sweep import TEMPORARY, Expiry, Sweeper, hint, names, survey

T = TypeVar("T")
log = logging.getLogger("django_cachekit")


class _Vanished(Exception):
    """Say that the tree went away during a write."""


class Tree:
    """Keep entries in files: every write takes the lock of its shard, no read takes any.

    ``largest`` is the most bytes a file may have to be read; ``sync`` makes every write last
    through a power cut.
    """

    hop = Hop.THREAD
    orderly = True

    def __init__(
        self, place: Place, bounds: Bounds, expiry: Expiry, largest: int, sync: bool = False
    ) -> None:
        self.place = place
        self._bounds = bounds
        self._largest = min(largest, bounds.bytes)
        self._sync = sync
        self._sweeper = Sweeper(place, bounds, expiry)
        self.locks = HeldFiles(place, sync)

    def read(self, names: Sequence[bytes]) -> tuple[int, dict[bytes, bytes]]:
        """Return the epoch, and what is in the files that are there."""
        epoch = self.place.epoch.current()
        found = {}
        for name in names:
            data = fetch(self.place.file(name), self._largest, used=True)
            if data is not None:
                found[name] = data
        return epoch, found

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk over all entries, shard by shard; one that goes meanwhile is left out."""
        for shard in range(SHARDS):
            for name in names(self.place.shard(shard)):
                data = fetch(self.place.file(name), self._largest)
                if data is not None:
                    yield name, data

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``, each whole or not at all; ValueTooLarge before any is stored."""
        for blob in blobs.values():
            self._admit(blob)
        for name, blob in blobs.items():
            self._holding(name, partial(self._put, name, blob))
            self._sweeper.tend(name.hex(), len(blob.data))

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove ``names``; one that is not there costs no lock."""
        for name in names:
            if os.path.lexists(self.place.file(name)):
                self._holding(name, partial(self._drop, name))

    def update(self, name: bytes, change: Change[T]) -> T:
        """Replace what is under ``name`` by what ``change`` makes of it, under the shard's lock."""
        stored, result = self._holding(name, partial(self._change, name, change))
        if stored is not None:
            self._sweeper.tend(name.hex(), len(stored.data))
        return result

    def clear(self) -> None:
        """Advance the epoch for good, then remove everything."""
        self.place.clear()

    def prune(self) -> int:
        """Remove what is expired, broken or over the bounds, and what crashes left behind."""
        self.locks.prune()
        return self._sweeper.prune()

    def facts(self) -> Facts:
        """Return what the ledger counts, what has expired included; no file is looked at."""
        ledger, entries, size = self.place.ledger(), 0, 0
        if ledger is not None:
            with ledger:
                entries, size = ledger.totals()
        return Facts(entries, size, self._bounds.entries, self._bounds.bytes)

    def _holding(self, name: bytes, work: Callable[[], T]) -> T:
        """Do ``work`` under the lock of the shard, again if the tree goes away meanwhile."""
        for _ in range(TRIES):
            try:
                with self.place.lock(name[0]):
                    return work()
            except _Vanished:
                continue
        raise OSError(errno.ESTALE, f"{self.place.tree} is removed again and again")

    def _change(self, name: bytes, change: Change[T]) -> tuple[Blob | None, T]:
        epoch = self.place.epoch.current()
        new, result = change(fetch(self.place.file(name), self._largest), epoch)
        if new is KEEP:
            return None, result
        if new is None:
            self._drop(name)
            return None, result
        self._admit(new)
        self._put(name, new)
        return new, result

    def _admit(self, blob: Blob) -> None:
        if len(blob.data) > self._largest:
            raise ValueTooLarge(
                f"the entry takes {len(blob.data):,} bytes; the limit is {self._largest:,} "
                '(by OPTIONS["MAX_VALUE_BYTES"])'
            )

    def _put(self, name: bytes, blob: Blob) -> None:
        """Put a file in its place and count it; the old one stays if anything fails."""
        shard, target = name[0], self.place.file(name)
        times = hint(blob.expires), now_ns()
        try:
            with self.place.begun() as ledger:
                slot = ledger.slot(shard) or tally(survey(self.place.shard(shard)))
                old = self._size(target)
                fresh = self._temporary(shard, blob.data, times)
                try:
                    ledger.note(shard, slot.put(old, len(blob.data), times[1], times[0]))
                    os.replace(fresh, target)
                except BaseException:
                    drop(fresh)
                    raise
        except FileNotFoundError as gone:
            raise _Vanished from gone
        if self._sync:
            sync_directory(self.place.shard(shard))

    def _temporary(self, shard: int, data: bytes, times: tuple[int, int]) -> str:
        home = self.place.shard(shard)
        fresh = f"{home}/{TEMPORARY}{os.urandom(8).hex()}"
        try:
            create(fresh, data, times, self._sync)
        except FileNotFoundError:
            own_directory(home)
            if self._sync:
                self.place.sync()
            create(fresh, data, times, self._sync)
        return fresh

    def _drop(self, name: bytes) -> None:
        shard, target = name[0], self.place.file(name)
        old = self._size(target)
        if not drop(target) or old is None:
            return
        ledger = self.place.ledger()
        if ledger is None:
            return
        with ledger:
            slot = ledger.slot(shard)
            if slot is not None:
                ledger.note(shard, slot.without(old))

    def _size(self, target: str) -> int | None:
        """Return the size of the file that is there, and move a directory out of its way."""
        try:
            found = os.lstat(target)
        except FileNotFoundError:
            return None
        if stat.S_ISDIR(found.st_mode):
            log.warning("%s is a directory where an entry belongs; it is moved aside", target)
            self.place.set_aside(target)
        return found.st_size if stat.S_ISREG(found.st_mode) else None
