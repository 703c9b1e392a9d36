"""Locks on one memcached server: each an item, changed by compare and swap on one connection.

The item outlives the lock, and has its fence: what the server says it has left to live, less what
it was to live longer, is what the lock has left. So time passes by the server's clock alone, in
whole seconds, and no lock ends before its ttl is over.

Both halves of a compare and swap travel on one connection: a server that was started again numbers
its versions anew, and a number of the old one's could be that of somebody's lock.
"""

import math
import struct
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from ...core.faces import Face
from ...core.held import FREE, OWNER, Held, Taken
from ...errors import NotSupported, StoreUnavailable
from ..locking import LINGER
from .node import Node
from .packets import MONTH, key_of
from .wire import Refused, Reply, Wire

T = TypeVar("T")

NOBODY = bytes(OWNER)
TRIES = 100
"""How often a step starts over because another was quicker; each time somebody has had his way."""

_MAGIC = b"CKH1"
_RECORD = struct.Struct("<4s16sQI")
_GREATEST = 2**53


class Note(NamedTuple):
    """Be what is written of a lock; the item lives ``linger`` seconds longer than that is held."""

    owner: bytes = NOBODY
    fence: int = 0
    linger: int = 0
    left: int = 0
    cas: bytes = b""

    @classmethod
    def read(cls, reply: Reply) -> "Note":
        """Return what a reply to ``mg v t c`` tells; what is no record is one of nobody's."""
        if reply.status == b"SERVER_ERROR":
            raise Refused(reply.flags.decode("ascii", "replace"))
        note = cls(cas=reply.cas)
        if reply.data is None or len(reply.data) != _RECORD.size:
            return note
        magic, owner, fence, linger = _RECORD.unpack(reply.data)
        lives = reply.flag(b"t")
        if magic != _MAGIC or fence >= _GREATEST or not lives.isdigit():
            return note
        left = 0 if owner == NOBODY else max(int(lives) - linger, 0)
        return cls(owner, fence, linger, left, reply.cas)

    @property
    def seconds(self) -> float:
        """Return what is left of it about: the server tells seconds that it has begun."""
        return max(self.left - 1, 0.5) if self.left else 0.0


class HeldItems:
    """Keep locks on one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take the lock if nobody has it, the same owner included."""
        begin = self._node.milliseconds()
        return self._node.talk(partial(_take, _key(name), owner, ttl, begin))

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Let the owner have it for ``ttl`` from now; False if it is not his any more."""
        return self._node.talk(partial(_change, _key(name), owner, ttl))

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Give it back if it is the owner's (None: whoever's), and tell whether that was so."""
        return self._node.talk(partial(_change, _key(name), owner, None))

    async def look(self, face: Face, name: bytes) -> Held:
        """Return how it stands."""
        note = self._node.talk(partial(_look, _key(name)))
        return Held(note.owner, note.seconds, note.fence) if note.left else FREE

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Return False: memcached does not tell."""
        return False

    async def wipe(self, face: Face) -> int:
        """Refuse: memcached cannot list them."""
        raise NotSupported("memcached cannot list locks; release each by force_release().")


def _take(key: bytes, owner: bytes, ttl: float, begin: int, wire: Wire) -> Taken:
    """Take it on one connection: in one trip where nothing is known of it, or somebody has it."""
    known = Note()
    for _ in range(TRIES):
        fence = known.fence + 1 if known.fence else begin
        done, there = wire.exchange([_set(key, known, owner, fence, ttl), _ask(key)], 2)
        if _stored(done):
            return Taken(fence)
        known = Note.read(there)
        if known.left:
            return Taken(0, known.seconds)
    raise _outrun()


def _change(key: bytes, owner: bytes | None, ttl: float | None, wire: Wire) -> bool:
    """Renew it, or free it where there is no ttl: whoever's it is if there is no owner."""
    known = _look(key, wire)
    for _ in range(TRIES):
        if not known.left or owner not in (None, known.owner):
            return False
        heir = NOBODY if ttl is None else known.owner
        command = _set(key, known, heir, known.fence, ttl)
        done, there = wire.exchange([command, _ask(key)], 2)
        if _stored(done):
            return True
        known = Note.read(there)
    raise _outrun()


def _look(key: bytes, wire: Wire) -> Note:
    return Note.read(wire.exchange([_ask(key)], 1)[0])


def _key(name: bytes) -> bytes:
    """Return the key of a lock's item, which is that of no entry."""
    return b"cl" + key_of(name)[2:]


def _ask(key: bytes) -> bytes:
    return b"mg %b v t c" % key


def _set(key: bytes, known: Note, owner: bytes, fence: int, ttl: float | None) -> bytes:
    """Return the command that stores a note in the place of the one that is known.

    The server's second may be over at once, so it is given one more.
    """
    lasts = 0 if ttl is None else math.ceil(ttl) + 1
    lasts = min(lasts, MONTH)  # what is longer it takes for a moment, by a clock that may be wrong
    linger = min(LINGER, MONTH - lasts)
    mode = b"C" + known.cas if known.cas else b"ME"
    data = _RECORD.pack(_MAGIC, owner, fence, linger)
    return b"ms %b %d T%d %b\r\n%b" % (key, len(data), lasts + linger, mode, data)


def _stored(done: Reply) -> bool:
    if done.status == b"SERVER_ERROR":
        raise Refused(done.flags.decode("ascii", "replace"))
    return done.status == b"HD"


def _outrun() -> StoreUnavailable:
    return StoreUnavailable(f"others changed the lock {TRIES} times in a row; try again")
