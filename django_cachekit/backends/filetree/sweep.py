"""Making room: what has expired, what is over the bounds, and what a crash left behind.

A sweep looks at one shard under its lock, and counts it anew. Temporary files are made under that
lock only, so one that a sweep meets was left by a writer that died. No write looks at more than a
few shards; which ones, the ledger tells.
"""

import contextlib
import logging
import os
import random
import re
import stat
from collections.abc import Callable, Iterator

from ..headers import HEAD
from .disk import drop, now_ns, peek
from .ledger import EMPTY, LATEST, SHARDS, Bounds, Found, Ledger, tally
from .place import Place

log = logging.getLogger("django_cachekit")

Expiry = Callable[[bytes], int | None]
"""Return the expiry (Unix ms) that the first bytes of an entry tell, or None if it is no entry."""

TEMPORARY = ".t"
FAR = 9_000_000_000
"""The second (in the year 2255) that stands for never, and all later ones, in an access time."""

SMALL = 32
"""Entries in a shard from which its oldest go in batches, rather than the oldest of all alone."""

EFFORT = 512
"""How many files one write may look at to find the oldest of all, before it takes what it has."""

EVERY = 256
"""After so many writes a process sweeps one shard, though there be room."""

WRITERS = 64
"""So many processes at once stay within the bounds, each filling its part of the room unasked."""

_named = re.compile(r"[0-9a-f]{64}").fullmatch


def hint(expires: float | None) -> int:
    """Return an expiry (Unix seconds) as the access time that hints at it, in nanoseconds."""
    return FAR * 10**9 if expires is None or expires > FAR else int(expires * 1e9)


def names(path: str) -> Iterator[bytes]:
    """Return the names of the entries in a shard's directory."""
    return (bytes.fromhex(item.name) for item in _items(path) if _named(item.name))


def survey(path: str) -> list[Found]:
    """List the entries of a shard whose lock is held, and remove what a dead writer left."""
    found = []
    for item in _items(path):
        if item.name.startswith(TEMPORARY):
            drop(item.path)
        elif _named(item.name):
            found += _describe(item)
    return found


def _items(path: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(path) as items:
            return list(items)
    except FileNotFoundError:
        return []


def _describe(item: "os.DirEntry[str]") -> list[Found]:
    try:
        info = item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return []  # the whole tree is being removed
    if not stat.S_ISREG(info.st_mode):
        return []
    times = info.st_mtime_ns, info.st_ctime_ns, info.st_atime_ns
    return [Found(times[0], times[1], item.name, times[2], info.st_size)]


class Sweeper:
    """Keep one store within its bounds."""

    def __init__(self, place: Place, bounds: Bounds, expiry: Expiry) -> None:
        self._place = place
        self._bounds = bounds
        self._expiry = expiry
        self._credit = (0, 0)
        # Each process starts elsewhere, so that short-lived ones sweep too, and not all the same.
        self._writes = random.randrange(EVERY * SHARDS)  # noqa: S311 - no secret

    def tend(self, name: str, size: int) -> None:
        """Do what a write of one entry makes due; trouble with that is logged, for it is stored."""
        self._writes += 1
        entries, room = self._credit
        self._credit = entries - 1, room - size
        try:
            if self._writes % EVERY == 0:
                self.sweep(self._writes // EVERY % SHARDS)
            if entries <= 1 or room <= size:
                self.make_room(name)
        except OSError as error:
            log.warning("cache files in %s could not be tidied: %s", self._place.tree, error)

    def prune(self) -> int:
        """Remove whatever is expired, broken or over the bounds; return how many entries went."""
        if os.path.isdir(self._place.tree):
            self._place.settle()
        gone = sum(self.sweep(shard, deep=True)[0] for shard in range(SHARDS))
        if os.path.isdir(self._place.root):
            self._place.discard()
        return gone + self.make_room()

    def make_room(self, spare: str = "") -> int:
        """Remove what is due or oldest until the bounds hold; return how many entries went.

        ``spare`` names an entry that stays.
        """
        gone, effort = 0, EFFORT
        while True:
            shard, rival = self._victim(spare)
            if shard is None:
                return gone
            went, seen = self.sweep(shard, rival if effort > 0 else LATEST, spare)
            gone += went
            if not went and effort <= 0:
                return gone
            effort -= seen + SMALL // 4

    def _victim(self, spare: str) -> tuple[int | None, int]:
        """Return where to make room and what else is old; None if none is needed, or possible."""
        ledger = self._place.ledger()
        if ledger is None:
            return None, LATEST
        with ledger:
            entries, size = ledger.totals()
            self._credit = (
                (self._bounds.entries - entries) // WRITERS,
                (self._bounds.bytes - size) // WRITERS,
            )
            if entries <= self._bounds.entries and size <= self._bounds.bytes:
                return None, LATEST
            return ledger.victims(now_ns(), int(spare[:2], 16) if spare else None)

    def sweep(
        self, shard: int, rival: int | None = None, spare: str = "", deep: bool = False
    ) -> tuple[int, int]:
        """Remove what has expired in a shard and count the rest; return how many went, and were.

        With a ``rival`` (the time of the oldest entry elsewhere) the oldest go too while the store
        is over its bounds, but never ``spare``. ``deep`` looks into every file.
        """
        with self._place.lock(shard):
            ledger = self._place.ledger()
            if ledger is None:
                return 0, 0
            with ledger:
                path = self._place.shard(shard)
                found = survey(path)
                live = [one for one in found if not self._expired(path, one, deep)]
                if rival is not None:
                    live = self._evict(ledger, shard, sorted(live), rival, spare)
                ledger.note(shard, tally(live))
        return len(found) - len(live), len(found)

    def _expired(self, path: str, found: Found, deep: bool) -> bool:
        """Remove an entry if its header says that it is over, or is no header."""
        now = now_ns()
        if found.expires > now and not deep:
            return False
        file = f"{path}/{found.name}"
        head = peek(file, HEAD)
        if head is None:
            return False
        expires = self._expiry(head)
        if expires is None or expires * 10**6 <= now:
            drop(file)
            return True
        if found.expires <= now:
            # Somebody's backup or a read has moved the time that hints at the expiry.
            with contextlib.suppress(FileNotFoundError):  # the tree is being cleared away
                os.utime(file, ns=(hint(expires / 1000), found.written))
        return False

    def _evict(
        self, ledger: Ledger, shard: int, live: list[Found], rival: int, spare: str
    ) -> list[Found]:
        """Remove the oldest of ``live`` as far as need be, and return the rest."""
        entries, size = self._excess(ledger, shard, live)
        if entries <= 0 and size <= 0:
            return live
        least, most = max(1, len(live) // 16), max(1, len(live) // 2)
        small, gone = len(live) < SMALL, 0
        kept = []
        for one in live:
            enough = gone >= least and (gone >= most or (entries <= 0 and size <= 0))
            if enough or one.name == spare or (small and one.written > rival):
                kept.append(one)
                continue
            drop(f"{self._place.shard(shard)}/{one.name}")
            gone, entries, size = gone + 1, entries - 1, size - one.size
        return kept

    def _excess(self, ledger: Ledger, shard: int, live: list[Found]) -> tuple[int, int]:
        """Return how many entries and bytes the store is over, this shard counted anew."""
        entries, size = ledger.totals()
        noted = ledger.slot(shard) or EMPTY
        here = tally(live)
        return (
            entries - noted.entries + here.entries - self._bounds.entries,
            size - noted.bytes + here.bytes - self._bounds.bytes,
        )
