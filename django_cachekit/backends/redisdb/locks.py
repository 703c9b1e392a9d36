"""Locks in a Redis: a hash for each, which scripts take, renew and free by the server's clock.

::

    ckl:{STORE_ID}:{KEY_PREFIX}:{<32 hex digits>}:lock:{name}    the record, readable
    ckl:{32 hex digits}:{<32 hex digits>}:                       the record, sealed
    ckl:...:{<32 hex digits>}#                                   its signal, a list
    ckl:...:={version}:{key}                                     a lock of redis-py's own

The innermost braces are in the key: what they hold decides in which slot of a cluster record and
signal lie. No key of an entry's begins so, and no sweep of the alias's walks over them.
"""

import os
import random
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import exceptions
from redis.crc import key_slot

from ...core.faces import Face
from ...core.held import FREE as NOBODY
from ...core.held import Held, Taken
from ..engine import Name
from ..locking import LINGER
from .engine import Engine
from .naming import escaped
from .place import Place
from .scripts import FREE, RENEW, STANDS, TAKE, Script
from .words import Command, Garbled, firm

TEXT = 100
"""How many bytes of a lock's name are shown in its key."""

SIGNAL = 2.0
"""Seconds for which a release can be heard of: longer than any caller goes without asking."""

SHORTEST = 0.1
"""Seconds: who may listen for less at a time asks as often as if he did not listen at all."""

PARTLY = 0.25
"""Seconds for which one listens to some of several locks, of which others may be given back."""


class LockKeys:
    """Name the locks of an alias, whose entries' keys begin with ``lead``."""

    def __init__(self, lead: bytes) -> None:
        self.lead = b"ckl:" + lead.removeprefix(b"ck:")
        self.from_ = len(lead)

    def record(self, name: bytes) -> bytes:
        """Return the key of a lock's record."""
        return b"%b:%b" % (self._slot(name), _shown(name))

    def signal(self, name: bytes) -> bytes:
        """Return the key of the list that tells of its release."""
        return self._slot(name) + b"#"

    def plain(self, key: bytes) -> bytes:
        """Return the key of a lock of redis-py's that has the name of an entry's key."""
        return self.lead + b"=" + key[self.from_ :]

    def sorted(self, keys: Collection[bytes]) -> tuple[list[bytes], list[bytes]]:
        """Return which of the alias's keys are records, and which are locks of redis-py's."""
        start = len(self.lead)
        records = [key for key in keys if key[start : start + 1] == b"{" and b"}:" in key[start:]]
        return records, [key for key in keys if key[start : start + 1] == b"="]

    def beside(self, record: bytes) -> bytes:
        """Return the signal that belongs to a record."""
        return record[: record.index(b"}", len(self.lead)) + 1] + b"#"

    def _slot(self, name: bytes) -> bytes:
        return b"%b{%b}" % (self.lead, name.hex()[:32].encode())


def _shown(name: bytes) -> bytes:
    """Return what may be read of a name: nothing where names tell nothing."""
    if not isinstance(name, Name):
        return b""
    shown = name.text.lstrip("\0").replace("\0", ":", 1)
    return shown.encode("utf-8", "surrogatepass")[:TEXT]


class Seats:
    """Let so many of a process listen at a time, for each of them keeps a connection busy.

    A child of a fork has them all.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._free: deque[int] = deque()
        self._pid = 0

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Give a seat for a while, and tell whether there was one."""
        if self._pid != os.getpid():
            self._free, self._pid = deque(range(self._place.connections // 4)), os.getpid()
        free = self._free
        try:
            seat = free.pop()
        except IndexError:
            yield False
            return
        try:
            yield True
        finally:
            free.append(seat)


class RedisLocks:
    """Keep the locks of an alias; every hook is one trip."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.wire = engine.wire
        self.keys = LockKeys(engine.naming.lead)
        self.seats = Seats(engine.wire.place)

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take the lock if nobody has it, the same owner included."""
        signal = self.keys.signal(name)
        answer = await self._run(face, TAKE, name, owner, _ms(ttl), _ms(LINGER), signal)
        match answer:
            case [b"had", int(fence)] if fence > 0:
                return Taken(fence)
            case [b"held", int(left)]:
                return Taken(0, left / 1000)
        raise Garbled("a word and a number were expected")

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Let the owner have it for ``ttl`` from now; False if it is not his any more."""
        return _done(await self._run(face, RENEW, name, owner, _ms(ttl), _ms(LINGER)))

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Give it back if it is the owner's (None: whoever's), and tell whether that was so."""
        free = self._freeing(self.keys.record(name), owner or b"")
        return _done((await self.wire.ask(face, [free]))[0])

    async def look(self, face: Face, name: bytes) -> Held:
        """Return how it stands."""
        match await self._run(face, STANDS, name, again=True):
            case []:
                return NOBODY
            case [bytes(owner), int(left), int(fence)]:
                return Held(owner, left / 1000, fence)
        raise Garbled("who has a lock was expected")

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Listen to the signals, for less at a time than an answer may take.

        In a cluster one can listen to those of one slot alone.
        """
        signals = self._together([self.keys.signal(name) for name in names])
        if len(signals) < len(names):
            seconds = min(seconds, PARTLY)
        longest = (self.wire.place.seconds or 2 * seconds) / 2
        with self.seats.one() as seated:
            if not seated or longest < min(SHORTEST, seconds):
                return False
            while seconds > 0:
                heard = await self._heard(face, signals, min(seconds, longest))
                if heard is not None:
                    return heard
                seconds -= longest
        return True

    async def wipe(self, face: Face) -> int:
        """Give all of this alias's locks back, and return how many; redis-py's too."""
        gone = 0
        async for keys in self.engine.walk(face, escaped(self.keys.lead) + b"*"):
            records, others = self.keys.sorted(keys)
            freeing = [self._freeing(record, b"") for record in records]
            freeing += [Command(key, (b"UNLINK", key)) for key in others]
            answers = await self.wire.ask(face, freeing) if freeing else []
            gone += sum(map(_done, answers[: len(records)]))
            gone += sum(map(firm, answers[len(records) :]))
        return gone

    async def _run(
        self, face: Face, script: Script, name: bytes, *args: Any, again: bool = False
    ) -> Any:
        command = script(self.keys.record(name), *args)
        return firm((await self.wire.ask(face, [command], again=again))[0])

    def _freeing(self, record: bytes, owner: bytes) -> Command:
        return FREE(record, owner, _ms(LINGER), self.keys.beside(record), _ms(SIGNAL))

    def _together(self, signals: list[bytes]) -> list[bytes]:
        """Return those that can be listened to at once."""
        if self.wire.slots is None or len(signals) == 1:
            return signals
        slot = key_slot(random.choice(signals))  # noqa: S311 - so that none is never heard
        return [signal for signal in signals if key_slot(signal) == slot]

    async def _heard(self, face: Face, signals: list[bytes], seconds: float) -> bool | None:
        """Tell whether there was a signal, None if not in time; False where none can be heard."""
        ask = Command(signals[0], (b"BLPOP", *signals, f"{max(seconds, 0.01):.3f}"))
        (answer,) = await self.wire.ask(face, [ask])
        if isinstance(answer, exceptions.ResponseError):
            # A server that changes its part sends those home who wait; one who may not listen, or
            # finds another program's bytes there, waits in another way.
            return str(answer).startswith("UNBLOCKED")
        return True if firm(answer) is not None else None


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def _done(answer: Any) -> bool:
    """Tell by a word whether it was done: no spoilt bit makes it the other."""
    if firm(answer) not in (b"done", b"gone"):
        raise Garbled("a word was expected")
    return bool(answer == b"done")
