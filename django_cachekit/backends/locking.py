"""Locks in a store: a few hooks, each of them one atomic step there.

They lie apart from the entries, where no flush and no key of a user's reaches them. A number that
only grows goes with each lock's name: the ``fence``, by which whatever the lock protects can refuse
a holder that was late. It survives release, expiry and a flush; where nothing is known of a name
any more, it begins with the store's clock in milliseconds, which is more than it can have come to.
"""

import threading
from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol

from ..core import clock
from ..core.faces import Face
from ..core.held import FREE, Held, Taken
from ..core.keys import digest
from ..core.operation import Operation
from ..core.remedies import unable
from ..errors import NotSupported, StoreUnavailable

LINGER = 7 * 24 * 3600
"""Seconds for which a store remembers the number of a lock that nobody has."""


MOST = 100_000
"""How many locks may be held in one process's memory at a time."""


class Locks(Protocol):
    """Keep locks by name (32 bytes); ``owner`` is the 16 bytes that stand for who has one.

    Times are seconds, and pass by the store's clock where it has one.
    """

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take the lock if nobody has it, the same owner included."""

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Let the owner have it for ``ttl`` from now; False if it is not his any more."""

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Give it back if it is the owner's (None: whoever's), and tell whether that was so."""

    async def look(self, face: Face, name: bytes) -> Held:
        """Return how it stands."""

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Wait until the store says that one of them was given back, or so long.

        False, at once, where it does not say so. It is called with the caller's own face.
        """

    async def wipe(self, face: Face) -> int:
        """Give all of this alias's locks back, and return how many; NotSupported if it cannot."""


async def perform(driver: Any, face: Face, op: Operation) -> Any:
    """Carry out what is asked of a driver's ``locks``: ``match`` says what that is."""
    locks: Locks | None = driver.locks
    if locks is None:
        raise NotSupported(unable(f"alias {driver.alias!r}", "lock", "lock"))
    if op.match in ("lost", "late"):
        return None  # it was for those who listen
    if op.match == "wipe":
        return await locks.wipe(face)
    names = [driver.entries.name(key, None) for key in op.keys]
    if op.match == "wait":
        return await locks.wait(face, names, op.ttl)
    return await _one(locks, face, names[0], op)


async def _one(locks: Locks, face: Face, name: bytes, op: Operation) -> Any:
    if op.match == "take":
        return await locks.take(face, name, op.token, op.ttl)
    if op.match == "renew":
        return await locks.renew(face, name, op.token, op.ttl)
    if op.match == "free":
        return await locks.free(face, name, op.token or None)
    return await locks.look(face, name)


class OwnLocks:
    """Keep locks in this process's memory; those that are free take no room."""

    def __init__(self) -> None:
        # By digests, so that their number bounds what they take.
        self._held: dict[str, tuple[bytes, float, int]] = {}
        self._lock = threading.Lock()
        self._fences = count(int(clock.now() * 1000))
        self._room = 1000

    def __call__(self, op: Operation) -> Any:
        """Do what ``match`` says."""
        key = digest(repr(op.keys))
        with self._lock:
            if op.match == "take":
                return self._take(key, op)
            if op.match == "look":
                return self._look(key)
            if op.match == "wipe":
                return self._wipe()
            return op.match in ("free", "renew") and self._change(key, op)

    def forked(self) -> None:
        """Start afresh in a child: who has them stayed behind in the parent."""
        self._held, self._lock = {}, threading.Lock()

    def _look(self, key: str) -> Held:
        owner, until, fence = self._held.get(key, (b"", 0.0, 0))
        left = until - clock.monotonic()
        return Held(owner, left, fence) if left > 0 else FREE

    def _take(self, key: str, op: Operation) -> Taken:
        held = self._look(key)
        if held.owner:
            return Taken(0, held.left)
        if len(self._held) >= self._room:
            self._held = {key: held for key, held in self._held.items() if self._look(key).owner}
            self._room = max(1000, 2 * len(self._held))
        if len(self._held) >= MOST:
            raise StoreUnavailable(f"{MOST:,} locks are held in this memory already")
        fence = next(self._fences)
        self._held[key] = op.token, clock.monotonic() + op.ttl, fence
        return Taken(fence)

    def _change(self, key: str, op: Operation) -> bool:
        """Free or renew what is the owner's; with no owner it is freed whoever has it."""
        held = self._look(key)
        if not held.owner or (op.token and op.token != held.owner):
            return False
        if op.match == "renew":
            self._held[key] = op.token, clock.monotonic() + op.ttl, held.fence
        else:
            del self._held[key]
        return True

    def _wipe(self) -> int:
        wiped = sum(bool(self._look(key).owner) for key in self._held)
        self._held.clear()
        return wiped
