"""Locks in files: one small record per lock, beside the tree of entries, where no clear reaches.

::

    <LOCATION>/v1/<store>.held/<aa>/<name>    a record; aa, its shard, is the name's first byte
    <LOCATION>/v1/<store>.held/<aa>.lock      the shard's lock: not that of its entries

A record is read and replaced under the lock of its shard, and says when it ends by two clocks.
Where it was written since this system was started, the one counts that nobody sets; else the wall
clock. Whoever can write to the directory can also remove what is there, so records are not sealed:
one that is not as it was made is free, and its fence begins with the clock again.
"""

import contextlib
import functools
import hashlib
import os
import random
import re
import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...core import clock
from ...core.faces import Face
from ...core.held import FREE, OWNER, Held, Taken
from ..locking import LINGER
from .disk import Lock, create, drop, fetch, own_directory, sync_directory
from .ledger import SHARDS
from .place import Place
from .sweep import TEMPORARY

NOBODY = bytes(OWNER)
OFTEN = 64
"""Of so many new records one has its shard looked through for those that are long forgotten."""

_MAGIC = b"CKH1"
_RECORD = struct.Struct("<4s16sQqq16s")
_GREATEST = 2**53
_MICRO = 10**6
_named = re.compile(r"[0-9a-f]{64}").fullmatch


class Note(NamedTuple):
    """Be what is written of a lock; ``wall`` and ``ticks`` are its end, in microseconds."""

    owner: bytes = NOBODY
    fence: int = 0
    wall: int = 0
    ticks: int = 0
    boot: bytes = NOBODY

    @classmethod
    def made(cls, owner: bytes, fence: int, ttl: float) -> "Note":
        """Return a note that ends so many seconds from now."""
        wall, ticks = (int((now + ttl) * _MICRO) for now in (clock.now(), clock.monotonic()))
        return cls(owner, fence, wall, ticks, boot())

    @classmethod
    def read(cls, path: str) -> "Note":
        """Return what is in a file; what is no record is one of nobody's."""
        data = fetch(path, _RECORD.size)
        if data is None or len(data) != _RECORD.size:
            return cls()
        magic, *fields = _RECORD.unpack(data)
        note = cls(*fields)
        return note if magic == _MAGIC and note.fence < _GREATEST else cls()

    @property
    def data(self) -> bytes:
        """Return it as it is written."""
        return _RECORD.pack(_MAGIC, *self)

    @property
    def ahead(self) -> float:
        """Return the seconds until its end, or those since then, below 0."""
        if self.boot != NOBODY and self.boot == boot():
            return self.ticks / _MICRO - clock.monotonic()
        return self.wall / _MICRO - clock.now()

    @property
    def left(self) -> float:
        """Return the seconds for which somebody has it still."""
        return 0.0 if self.owner == NOBODY else max(self.ahead, 0.0)

    def freed(self) -> "Note":
        """Return it as nobody's, from now on."""
        return self.made(NOBODY, self.fence, 0)


class HeldFiles:
    """Keep locks in files; ``sync`` makes each step last through a power cut."""

    def __init__(self, place: Place, sync: bool = False) -> None:
        self._place = place
        self._home = f"{place.tree}.held"
        self._sync = sync

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take the lock if nobody has it, the same owner included."""
        with self._lock(name[0]):
            known = Note.read(self._path(name))
            if known.left:
                return Taken(0, known.left)
            fence = known.fence + 1 if known.fence else max(int(clock.now() * 1000), 1)
            self._put(name, Note.made(owner, fence, ttl))
            if not known.fence and random.randrange(OFTEN) == 0:  # noqa: S311 - no secret
                self._sweep(name[0])
        return Taken(fence)

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Let the owner have it for ``ttl`` from now; False if it is not his any more."""
        with self._lock(name[0]):
            known = Note.read(self._path(name))
            if not known.left or known.owner != owner:
                return False
            self._put(name, Note.made(owner, known.fence, ttl))
        return True

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Give it back if it is the owner's (None: whoever's), and tell whether that was so."""
        with self._lock(name[0]):
            return self._free(name, owner)

    def _free(self, name: bytes, owner: bytes | None) -> bool:
        known = Note.read(self._path(name))
        if not known.left or owner not in (None, known.owner):
            return False
        self._put(name, known.freed())
        return True

    async def look(self, face: Face, name: bytes) -> Held:
        """Return how it stands; waits for nobody."""
        known = Note.read(self._path(name))
        left = known.left
        return Held(known.owner, left, known.fence) if left else FREE

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Return False: files do not tell."""
        return False

    async def wipe(self, face: Face) -> int:
        """Give all locks back, and return how many."""
        return sum(self._wiped(shard) for shard in self._shards())

    def _wiped(self, shard: int) -> int:
        with self._lock(shard):
            return sum(self._free(bytes.fromhex(name), None) for name in self._names(shard))

    def prune(self) -> None:
        """Remove what nobody has had for a while, and what a killed process left."""
        for shard in self._shards():
            with self._lock(shard):
                self._sweep(shard)

    def _sweep(self, shard: int) -> None:
        """Remove them from a shard whose lock is held."""
        for name in os.listdir(self._shard(shard)):
            path = f"{self._shard(shard)}/{name}"
            old = _named(name) and Note.read(path).ahead < -LINGER
            if old or name.startswith(TEMPORARY):
                drop(path)

    def _shards(self) -> Iterator[int]:
        return (shard for shard in range(SHARDS) if os.path.isdir(self._shard(shard)))

    def _names(self, shard: int) -> list[str]:
        return [name for name in os.listdir(self._shard(shard)) if _named(name)]

    def _shard(self, shard: int) -> str:
        return f"{self._home}/{shard:02x}"

    def _path(self, name: bytes) -> str:
        return f"{self._shard(name[0])}/{name.hex()}"

    def _lock(self, shard: int) -> Lock:
        return Lock(f"{self._shard(shard)}.lock", self._prepare)

    def _prepare(self) -> None:
        self._place.prepare()
        own_directory(self._home)

    def _put(self, name: bytes, note: Note) -> None:
        """Replace a record, whole or not at all."""
        home, target = self._shard(name[0]), self._path(name)
        own_directory(home)
        fresh = f"{home}/{TEMPORARY}{os.urandom(8).hex()}"
        create(fresh, note.data, sync=self._sync)
        try:
            os.replace(fresh, target)
        except BaseException:
            drop(fresh)
            raise
        if self._sync:
            for path in (home, self._home, os.path.dirname(self._home)):
                sync_directory(path)


@functools.lru_cache(maxsize=1)
def boot() -> bytes:
    """Return what stands for the running system, whose monotonic clock its processes share.

    Zeros where it does not tell. A container may have its own view of that clock, and then says so.
    """
    try:
        told = _told("/proc/sys/kernel/random/boot_id")
    except OSError:
        return NOBODY
    with contextlib.suppress(OSError):  # an older kernel gives no views
        told += _told("/proc/self/timens_offsets")
    return hashlib.sha256(told).digest()[: len(NOBODY)]


def _told(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
