"""Walking over the keys of an alias, and removing what a flush left behind."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from redis.exceptions import NoPermissionError

from ...core.faces import Face
from ...core.facts import Facts, Server, of_info, read_info
from .answers import ask_head, head_of, listed, unlink
from .reading import Reading
from .scripts import SWEEP
from .words import Command, Node, firm, text

STEP = 500
"""How many keys are walked over in one trip, and stored by one command."""


class Walking(Reading):
    """Walk."""

    async def walk(self, face: Face, pattern: bytes) -> AsyncIterator[list[bytes]]:
        """Walk over the keys of every server that has some, a few hundred at a time."""
        slots = self.wire.slots
        if slots is not None and slots.stale:
            await self.wire.ask(face, [self._ask_epoch()], again=True)
        nodes: Iterable[Node] = [None] if slots is None else slots.masters
        for node in nodes:
            cursor: Any = b"0"
            while True:
                said = (b"SCAN", cursor, b"MATCH", pattern, b"COUNT", STEP)
                (told,) = await self.wire.ask(face, [Command(b"", said, node=node)], again=True)
                cursor, keys = listed(told, 2)
                yield keys
                if cursor == b"0":
                    break

    async def facts(self, face: Face) -> Facts:
        """Return what each server tells of itself; of one alias none tells anything."""
        slots = self.wire.slots
        if slots is not None and slots.stale:
            await self.wire.ask(face, [self._ask_epoch()], again=True)
        nodes: list[Node] = [None] if slots is None else list(slots.masters)
        asks = [Command(b"", (b"INFO",), node=node) for node in nodes]
        told = zip(nodes, await self.wire.ask(face, asks, again=True), strict=True)
        return Facts(servers=tuple(_server(self._named(node), answer) for node, answer in told))

    def _named(self, node: Node) -> str:
        """Return where a server is, without what opens it."""
        if node is None:
            pool = self.wire.place.pool(None)
            given = pool.connection_kwargs
            watched = getattr(pool, "service_name", None)  # by sentinels, who know where it is
            named = watched or given.get("path")
            return str(named or f"{given.get('host', 'localhost')}:{given.get('port', 6379)}")
        return f"{node[0]}:{node[1]}"

    async def _sweep(self, face: Face) -> int:
        """Remove what is of an epoch that is past, which is sure if the epoch is read after it.

        What came meanwhile under the new one stays, so that nobody's count is lost to a flush
        that had ended.
        """
        gone = 0
        async for keys in self.walk(face, self.naming.pattern(None, "*")):
            keys = [key for key in keys if key != self.naming.epoch]
            if keys:
                gone += await self._sweep_some(face, keys)
        return gone

    async def _sweep_some(self, face: Face, keys: Sequence[bytes]) -> int:
        heads = await self.wire.ask(face, [ask_head(key) for key in keys], again=True)
        (told,) = await self.wire.ask(face, [self._ask_epoch()], again=True)
        standing = head_of(self._learn(told))
        pairs = [(key, text(head)) for key, head in zip(keys, heads, strict=True)]
        dead = [
            unlink(key) if head is None else SWEEP(key, head)
            for key, head in pairs
            if head != standing
        ]
        return sum(await self._all(face, dead)) if dead else 0


def _server(name: str, answer: Any) -> Server:
    """Return what a server says; one that may not be asked says nothing."""
    if isinstance(answer, NoPermissionError):
        return Server(name)
    said = text(firm(answer))
    return of_info(name, read_info((said or b"").decode("utf-8", "replace")))
