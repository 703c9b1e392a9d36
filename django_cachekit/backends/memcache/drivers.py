"""The drivers: one node, or several that share the keys.

With several, each is a store of bytes of its own, with an epoch of its own, and the pool sends each
key to the node it belongs to. No key ever moves to another node because its own is down: what was
removed or flushed meanwhile would be served again when that returns.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from ...codecs import Chain
from ...core.bounded import Bounded
from ...core.faces import BLOCKING, Face, Hop, run_now
from ...core.facts import Facts, Server
from ...core.keys import usual
from ...core.operation import MISSING, UNSURE, Key, Kind, Operation, Reply, Stamp, tag_record
from ...errors import StoreUnavailable, ValueTooLarge
from ...layers.base import GUESSES
from ...layers.events import reading_is_heard
from ...layers.events import told as tell
from ...layers.policy import FIRM
from ..base import NamedDriver, Names
from ..bytestore import Bytes
from ..engine import Blob
from ..engine import Engine as StoreEngine
from .engine import Engine
from .packets import key_of

log = logging.getLogger("django_cachekit")

PLACED = 10_000
"""Of how many keys one process remembers on which node they lie."""

Place = Callable[[str], int]
Records = Callable[[Collection[str]], Mapping[Any, Any]]


class One(Bytes):
    """Drive one node; ``records`` reads tags' records where they may lie on others."""

    far = True
    lists = False
    engine: Engine

    def __init__(
        self, alias: str, sender: type, names: Names, engine: Engine, chain: Chain
    ) -> None:
        # It has neither of the hooks that an engine may go without.
        super().__init__(alias, sender, names, cast(StoreEngine, engine), chain)
        self.records: Records | None = None

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value by the straight line, or UNSURE."""
        try:
            return super().quick(key, version, tags, told)
        except StoreUnavailable:
            return UNSURE  # the tags' records lie on a node that is down: told on the long way

    def encode(self, op: Operation) -> None:
        """Raise what storing the values would raise, but for errors of the node."""
        with suppress(*self.failures):
            self.engine.fit(self._blobs(op, 1))

    async def do_delete(self, face: Face, op: Operation) -> set[Key]:
        """Remove the keys, and tell which were there and alive: each of them to one caller."""
        if op.token:
            return await super().do_delete(face, op)
        named = self._named(op)
        epoch, blobs = self.engine.drop(list(named))
        found = {named[name]: self.entries.load(name, data, epoch) for name, data in blobs.items()}
        return set(await self._living(face, found))

    def _blobs(self, op: Operation, epoch: int) -> dict[bytes, Blob]:
        """Encode every value; what is too large for the codecs takes its old value along too."""
        try:
            return super()._blobs(op, epoch)
        except ValueTooLarge:
            large = [name for name, key in self._named(op).items() if not self._fits(op, key)]
            self.engine.remove(large)
            raise

    def _fits(self, op: Operation, key: Key) -> bool:
        try:
            super()._blobs(op._replace(values={key: op.values[key]}), 1)
        except ValueTooLarge:
            return False
        return True

    async def _records(self, face: Face, tags: Collection[str]) -> Mapping[Any, Any]:
        if self.records is None:
            return await super()._records(face, tags)
        return self.records(tags)


class Pool(NamedDriver):
    """Drive several nodes: what belongs to one that is down is missing, and the rest is there."""

    def __init__(
        self, alias: str, sender: type, names: Names, ones: Sequence[One], place: Place
    ) -> None:
        super().__init__(alias, sender, names)
        self.ones = ones
        self.guesses = Bounded(GUESSES)
        self.strict = False
        self._place = place
        self._placed: Bounded[bytes, One] = Bounded(PLACED)
        for one in ones:
            one.silent = True  # signals are the pool's
            one.guesses = self.guesses
            one.records = self._records
            one.along = False

    @property
    def unreadable(self) -> Counter[str]:
        """Return how many entries could not be read, by the reason."""
        return sum((one.unreadable for one in self.ones), Counter())

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value by the straight line of the key's node, or UNSURE."""
        lead = self.ones[0].lead
        if version is not None or type(key) is not str or lead is None or not usual(lead + key):
            return UNSURE
        if reading_is_heard() and not (told or self.silent):
            return UNSURE if told is None else tell(self, self.alias, key, tags)
        return self._at(key, version).quick(key, version, tags, told)

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation, on the nodes it concerns."""
        work = _SPREAD.get(op.verb, Pool._single)
        return await face.run(Hop.THREAD, work, self, op)

    def _single(self, op: Operation) -> Any:
        return _on(self._at(op.key, op.version) if op.keys else self.ones[0], op)

    def _read(self, op: Operation) -> Reply:
        """Read from every node concerned; what is computed is stamped with its own node's epoch."""
        groups = self._groups(op)
        if op.snapshot and not any(isinstance(key, str) for key in op.keys):
            groups = {one: groups.get(one, ()) for one in self.ones}  # any key may be stored
        parts = {one: op._replace(keys=keys) for one, keys in groups.items()}
        replies = self._spread(op, parts)
        values = {key: value for reply in replies.values() for key, value in reply.values.items()}
        if not op.snapshot:
            return Reply(values)
        epochs = {one: reply.stamp.epoch for one, reply in replies.items()}
        held = frozenset[Any]().union(*(reply.held for reply in replies.values()))
        return Reply(values, Stamp(epochs, {}), held)

    def _write(self, op: Operation) -> set[Key]:
        groups = self._groups(op)
        parts = {one: self._part(op, one, keys) for one, keys in groups.items()}
        if len(parts) > 1:
            for one, part in parts.items():
                one.encode(part)  # so that one value that cannot be leaves all as it was
        failed = self._spread(op, parts)
        return {key for one, keys in groups.items() for key in keys if key in failed.get(one, keys)}

    def _part(self, op: Operation, one: One, keys: tuple[Key, ...]) -> Operation:
        stamp = op.stamp
        if stamp is not None and isinstance(stamp.epoch, Mapping):
            # A node that could not be read has no epoch: what was computed is not stored there.
            stamp = Stamp(stamp.epoch.get(one, MISSING), stamp.nonces)
        values = {key: op.values[key] for key in keys}
        return op._replace(keys=keys, values=values, stamp=stamp)

    def _removed(self, op: Operation) -> set[Key]:
        """Delete or touch, and tell which were there."""
        parts = {one: op._replace(keys=keys) for one, keys in self._groups(op).items()}
        return set().union(*self._spread(op, parts).values())

    def _claim_all(self, op: Operation) -> dict[Key, Any]:
        """Lay a claim on each key, but for those of nodes that cannot be reached."""
        found, errors = dict[Key, Any](), list[StoreUnavailable]()
        for one, keys in self._groups(op).items():
            try:
                found |= _on(one, op._replace(keys=keys))
            except StoreUnavailable as error:
                errors.append(error)
        if errors and (self.strict or not found):
            raise errors[0]
        return found

    def _clear(self, op: Operation) -> None:
        """Begin a new epoch on every node, or raise when all were tried."""
        self._spread(op, dict.fromkeys(self.ones, op))

    def _facts(self, op: Operation) -> Facts:
        """Return what each node tells, those that are down included."""
        servers: list[Server] = []
        for one in self.ones:
            try:
                servers += _on(one, op).servers
            except StoreUnavailable:
                servers.append(Server(one.engine.node.name, up=False))
        if not any(server.up for server in servers):
            raise StoreUnavailable(f"alias {self.alias!r}: no node answers")
        return Facts(servers=tuple(servers))

    def _one(self, op: Operation) -> Any:
        """Do what concerns one key, which may have been computed under a stamp of several."""
        one = self._at(op.key, op.version)
        return _on(one, self._part(op, one, op.keys) if op.values else op)

    def _spread(self, op: Operation, parts: Mapping[One, Operation]) -> dict[One, Any]:
        """Ask each node, and return what those answered that could be reached.

        Raises if none could, and for what must be known: a flush, or any call where ``RAISE`` is.
        """
        done, errors = dict[One, Any](), list[StoreUnavailable]()
        for one, part in parts.items():
            try:
                done[one] = _on(one, part)
            except StoreUnavailable as error:
                errors.append(error)
        if errors and (self.strict or not done or op.kind in FIRM):
            raise errors[0]
        if errors:
            text = "cache %r: %s failed on %d of %d nodes: %s"
            log.warning(text, self.alias, op.name, len(errors), len(parts), errors[0])
        return done

    def _groups(self, op: Operation) -> dict[One, tuple[Key, ...]]:
        groups = dict[One, tuple[Key, ...]]()
        for key in op.keys:
            one = self._at(key, op.version)
            groups[one] = (*groups.get(one, ()), key)
        return groups

    def _at(self, key: Key, version: int | None) -> One:
        """Return the node a key belongs to, whatever became of the others."""
        name = self.ones[0].entries.name(key, version)
        one = self._placed.get(name)
        if one is None:
            one = self.ones[self._place(key_of(name).decode("ascii"))]
            self._placed.put(name, one)
        return one

    def _records(self, tags: Collection[str]) -> Mapping[Any, Any]:
        """Return the records of tags, or raise: one that is not had must not be taken for lost."""
        values: dict[Any, Any] = {}
        ask = Operation("read", Kind.READ, tuple(map(tag_record, tags)))
        for one, keys in self._groups(ask).items():
            values.update(_on(one, ask._replace(keys=keys)).values)
        return values


def _on(one: One, op: Operation) -> Any:
    return run_now(one.perform(BLOCKING, op))


_SPREAD = {
    "read": Pool._read,
    "write": Pool._write,
    "delete": Pool._removed,
    "touch": Pool._removed,
    "clear": Pool._clear,
    "add": Pool._one,
    "claim_all": Pool._claim_all,
    "facts": Pool._facts,
}
