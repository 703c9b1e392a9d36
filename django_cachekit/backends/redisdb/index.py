"""The index of tags in a Redis: sorted sets, some for each tag, scored by when an entry expires.

::

    ck:{STORE_ID}:{KEY_PREFIX}#{epoch}:{part}:{label}      readable
    ck:{32 hex digits}#{epoch}:{part}:{label}              sealed

No key of an entry's begins so, since a colon ends what comes before. A tag has ``PARTS`` sets, in a
cluster on as many servers; the member decides which one it is in. With the epoch in their names, a
flush of the alias leaves all of them behind at once.
"""

import logging
from binascii import crc32
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from ...core import clock
from ...core.faces import Face
from ...layers.tagindex import FAR, Row
from ..engine import Blob
from ..indexing import ROOT, Place
from .answers import listed
from .engine import Engine
from .naming import escaped
from .scripts import UNNOTE
from .words import Command, firm

log = logging.getLogger("django_cachekit")

PARTS = 16
STEP = 100
"""How many members of each set are walked over in one trip, more or less."""


class Sets:
    """Keep members in sorted sets; ``place`` tells where a row belongs.

    Notes ride along with a write, behind the values. Not in a cluster, where a write would fail
    with any of the servers that keep a part of the index.
    """

    def __init__(self, engine: Engine, place: Callable[[Row], Place]) -> None:
        self.engine = engine
        self.place = place
        self.rides = engine.wire.slots is None
        self.lead = engine.naming.lead[:-1] + b"#"

    def along(self, epoch: int, blobs: Iterable[Blob]) -> list[Command]:
        """Return the commands that note what is written."""
        return self._commands(epoch, [self.place(row) for blob in blobs for row in blob.rows], [])

    def heard(self, answers: Iterable[Any]) -> None:
        """Log what could not be noted; the value is written all the same."""
        for answer in answers:
            if isinstance(answer, Exception):
                alias, kind = self.engine.alias, type(answer).__name__
                log.warning("cache %r: the index of tags was not told: %s", alias, kind)
                return

    async def note(self, face: Face, put: Sequence[Place], drop: Sequence[Place]) -> None:
        """Put and drop members, all in one trip."""
        commands = self._commands(await self.engine.epoch(face), put, drop)
        for answer in await self.engine.wire.ask(face, commands):
            firm(answer)

    def _commands(self, epoch: int, put: Sequence[Place], drop: Sequence[Place]) -> list[Command]:
        """Return what puts and drops members, and drops what has expired where one is put."""
        now = int(clock.now() * 1000)
        commands = list[Command]()
        for key, pairs in self._sorted(epoch, put).items():
            commands.append(Command(key, (b"ZADD", key, *pairs)))
            commands.append(Command(key, (b"ZREMRANGEBYSCORE", key, b"-inf", now)))
        labels = {place.label for place in put}
        roots = [Place(ROOT, label, FAR + now) for label in labels]
        for key, pairs in self._sorted(epoch, roots).items():
            commands.append(Command(key, (b"ZADD", key, *pairs)))
        for key, pairs in self._sorted(epoch, drop).items():
            commands.append(UNNOTE(key, *pairs))
        return commands

    async def walk(self, face: Face, label: bytes) -> AsyncIterator[list[Place]]:
        """Walk over all sets of a tag at once."""
        epoch = await self._standing(face)
        cursors: dict[bytes, Any] = {self._key(epoch, part, label): b"0" for part in range(PARTS)}
        while cursors:
            scans = [
                Command(key, (b"ZSCAN", key, cursor, b"COUNT", STEP))
                for key, cursor in cursors.items()
            ]
            answers = await self.engine.wire.ask(face, scans, again=True)
            places = list[Place]()
            for key, answer in zip(list(cursors), answers, strict=True):
                cursors[key], found = listed(answer, 2)
                pairs = zip(found[::2], found[1::2], strict=True)
                places += [Place(label, member, int(float(score))) for member, score in pairs]
            cursors = {key: cursor for key, cursor in cursors.items() if cursor != b"0"}
            if places:
                yield places

    async def scores(self, face: Face, label: bytes, members: Sequence[bytes]) -> list[int | None]:
        """Return the scores of members, in one trip."""
        epoch = await self._standing(face)
        keys = [self._key(epoch, _part(member), label) for member in members]
        asks = [
            Command(key, (b"ZSCORE", key, member))
            for key, member in zip(keys, members, strict=True)
        ]
        answers = await self.engine.wire.ask(face, asks, again=True)
        return [None if firm(answer) is None else int(float(answer)) for answer in answers]

    async def size(self, face: Face, label: bytes) -> int:
        """Return how many members there are, expired ones included."""
        epoch = await self._standing(face)
        keys = [self._key(epoch, part, label) for part in range(PARTS)]
        asks = [Command(key, (b"ZCARD", key)) for key in keys]
        return sum(map(firm, await self.engine.wire.ask(face, asks, again=True)))

    async def sweep(self, face: Face) -> None:
        """Remove the sets of epochs that are past."""
        stays = self.lead + b"%016x:" % await self._standing(face)
        async for keys in self.engine.walk(face, escaped(self.lead) + b"*"):
            past = [Command(key, (b"UNLINK", key)) for key in keys if not key.startswith(stays)]
            for answer in await self.engine.wire.ask(face, past) if past else ():
                firm(answer)

    async def clear(self, face: Face) -> None:
        """Remove the sets of epochs that are past: all there were."""
        await self.sweep(face)

    async def _standing(self, face: Face) -> int:
        """Return the epoch as the server tells it: another process may have flushed."""
        return (await self.engine.read(face, []))[0]

    def _sorted(self, epoch: int, places: Sequence[Place]) -> dict[bytes, list[Any]]:
        """Return scores and members, in turn, by the key of the set they belong to."""
        found = defaultdict[bytes, list[Any]](list)
        for label, member, score in places:
            found[self._key(epoch, _part(member), label)] += [score, member]
        return found

    def _key(self, epoch: int, part: int, label: bytes) -> bytes:
        return self.lead + b"%016x:%x:%s" % (epoch, part, label.hex().encode())


def _part(member: bytes) -> int:
    return crc32(member) % PARTS
