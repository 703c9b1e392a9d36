"""The engine over one space of a table: each entry an item."""

import os
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from ...core import clock
from ...core.faces import BLOCKING, Hop, run_now
from ...core.facts import Facts, Server
from ...core.remedies import contended
from ...errors import StoreUnavailable
from ..engine import KEEP, Blob, Change, Found, Sealed
from . import batches, items, pieces, sweep
from .door import Door
from .failures import Failed, Refused
from .items import Item, Space

T = TypeVar("T")

TRIES = 100
"""How often a change starts over because another writer was quicker."""

_LONGEST_PAUSE = 0.05


class Table:
    """Read and write items; each request is consistent, and each change of one item atomic.

    What was not computed is sealed under epoch 0, for a flush really empties the space; so no
    write has to know the epoch, which is an item as well: 64 random bits, made at the first use.
    """

    hop = Hop.THREAD
    lasting = True

    def __init__(self, door: Door, space: Space) -> None:
        self.door = door
        self.space = space

    def unsure(self, error: Exception) -> bool:
        """Tell whether DynamoDB may have acted although the request failed."""
        return isinstance(error, Failed) and error.unsure

    def epoch(self) -> int:
        """Return 0, under which all is sealed that was not computed."""
        return 0

    def read(self, names: Sequence[bytes]) -> Found:
        """Return the epoch and what is there, in one request for each 100 items."""
        epoch, found = self._look(names)
        return epoch, self._readable(epoch, found)

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Put every entry; one that is too large leaves all as it was."""
        made = [self._cut(name, blob, epoch) for name, blob in blobs.items()]
        old = self._pieces(blobs)
        new = [batches.put(piece) for _, parts in made for piece in parts]
        batches.submit(self.door, new)
        if len(made) == 1:
            self.door.ask("put_item", again=True, Item=made[0][0])
        else:
            batches.submit(self.door, [batches.put(head) for head, _ in made])
        pieces.drop(self.door, old)

    def remove(self, names: Sequence[bytes]) -> None:
        """Delete the items."""
        old = self._pieces(names)
        at = [self.space.key(name) for name in names]
        batches.submit(self.door, [batches.drop(each) for each in (*at, *old)])

    def take(self, names: Sequence[bytes]) -> Found:
        """Delete one item and return what it was; several are read, and then deleted."""
        if len(names) != 1:
            found = self.read(names)
            self.remove(names)
            return found
        at = self.space.key(names[0])
        answer = self.door.ask("delete_item", Key=items.key(at), ReturnValues="ALL_OLD")
        item = answer.get("Attributes")
        if not item:
            return 0, {}
        # What was computed counts only if no flush has overtaken it, which the epoch tells.
        epoch = 0 if items.whole(item, "p") == 0 else self._look([])[0]
        taken = self._readable(epoch, {names[0]: item})
        pieces.drop(self.door, pieces.keys(item))
        return epoch, taken

    def create(self, name: bytes, blob: Blob, epoch: int) -> tuple[int, bytes | None]:
        """Put the entry where nothing is, or only what has expired or was flushed."""
        cut, condition = self._cut(name, blob, epoch), items.vacant(clock.now())
        item: Item | None = None
        for turn in range(TRIES):
            try:
                self._put(cut, condition)
            except Refused as refused:
                stands, item = self._there(name, refused.item)
            else:
                pieces.drop(self.door, pieces.keys(item or {}))
                return epoch, None
            data = self._readable(stands, {name: item} if item else {}).get(name)
            if data is not None:
                return stands, data
            condition = items.same(item)
            _pause(turn)
        raise self._outrun()

    def count(self, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a live counter in one request; it returns the whole entry with the number."""
        condition = items.counting(by, clock.now()).params
        condition["ExpressionAttributeValues"] |= {":by": items.number(by)}
        try:
            answer = self.door.ask(
                "update_item",
                Key=items.key(self.space.key(name)),
                UpdateExpression="ADD n :by",
                ReturnValues="ALL_NEW",
                **condition,
            )
        except Refused:
            return 0, None
        if "Attributes" not in answer:
            raise Failed("NoReply", unsure=True)
        return 0, items.data_of(answer["Attributes"])

    def update(self, name: bytes, change: Change[T]) -> T:
        """Compare and set until it wins: exact between processes."""
        for turn in range(TRIES):
            epoch, item = self._there(name)
            data = self._readable(epoch, {name: item} if item else {}).get(name)
            wanted, result = change(data, epoch)
            if wanted is KEEP or self._swap(name, item, wanted):
                return result
            _pause(turn)
        raise self._outrun()

    def clear(self) -> None:
        """Begin a new epoch, for what is being computed; then delete every item of the space."""
        self.door.ask("put_item", again=True, Item=self._epoch_item())
        sweep.empty(self.door, self.space)

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk over what has not expired."""
        epoch, _ = self._look([])
        for page in sweep.live(self.door, self.space):
            names = {self.space.name(item["k"]["S"]): item for item in page}
            ours = {name: item for name, item in names.items() if name is not None}
            yield from self._readable(epoch, ours).items()

    def prune(self) -> int:
        """Delete what has expired, and pieces that were left behind."""
        return sweep.prune(self.door, self.space)

    def facts(self) -> Facts:
        """Return what DynamoDB says of the table: some hours old, and of all that lies in it."""
        told = self.door.ask("describe_table", again=True).get("Table") or {}
        name = self.door.options.table
        return Facts(servers=(Server(name, told.get("ItemCount"), told.get("TableSizeBytes")),))

    def _look(self, names: Sequence[bytes], whole: bool = False) -> tuple[int, dict[bytes, Item]]:
        """Return the epoch that stands, beginning one if there is none, and the items."""
        at = {self.space.key(name): name for name in names}
        found = batches.fetch(self.door, [self.space.epoch, *at], self.space.epoch, whole)
        held = found.pop(self.space.epoch, None)
        return _epoch(held) or self._begin(held), {at[key]: item for key, item in found.items()}

    def _there(self, name: bytes, told: Item | None = None) -> tuple[int, Item | None]:
        """Return the epoch and an item, which DynamoDB may have told already."""
        if told and items.whole(told, "p") == 0:
            return 0, told
        epoch, found = self._look([name], whole=True)
        item = found.get(name)
        if item and items.whole(item, "p") not in (0, epoch):
            # The batch is no snapshot: what is of another epoch may be of a newer one.
            epoch = self._look([])[0]
        return epoch, item

    def _readable(self, epoch: int, found: Mapping[bytes, Item]) -> dict[bytes, bytes]:
        """Return the bytes of what is of no epoch, or of the one that stands."""
        if any("g" in item for item in found.values()):
            by_key = {item["k"]["S"]: name for name, item in found.items()}
            complete = pieces.joined(self.door, {item["k"]["S"]: item for item in found.values()})
            found = {by_key[key]: item for key, item in complete.items()}
        data: dict[bytes, Sealed | None] = {n: items.data_of(item) for n, item in found.items()}
        return {
            n: each for n, each in data.items() if each is not None and each.epoch in (0, epoch)
        }

    def _begin(self, held: Item | None) -> int:
        for _ in range(TRIES):
            fresh = self._epoch_item()
            try:
                self.door.ask("put_item", Item=fresh, **items.same(held).params)
                return _epoch(fresh)
            except Refused:
                held = batches.fetch(self.door, [self.space.epoch], whole=True).get(
                    self.space.epoch
                )
            if _epoch(held):
                return _epoch(held)
        raise self._outrun()

    def _epoch_item(self) -> Item:
        return {"k": items.text(self.space.epoch), "v": {"B": os.urandom(7) + b"\1"}}

    def _cut(self, name: bytes, blob: Blob, epoch: int) -> tuple[Item, list[Item]]:
        item = items.item_of(self.space.key(name), blob, epoch)
        return pieces.cut(item) if self.door.options.chunked else (items.weigh(item), [])

    def _pieces(self, names: Sequence[bytes] | Mapping[bytes, Blob]) -> list[str]:
        """Return the pieces that will be left over; without ``CHUNKED`` nobody asks."""
        if not self.door.options.chunked:
            return []
        return pieces.of(self.door, [self.space.key(name) for name in names])

    def _put(self, cut: tuple[Item, list[Item]], condition: items.Condition) -> None:
        head, parts = cut
        batches.submit(self.door, [batches.put(part) for part in parts])
        params = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD", **condition.params}
        try:
            self.door.ask("put_item", Item=head, **params)
        except Refused:
            pieces.drop(self.door, pieces.keys(head))
            raise

    def _swap(self, name: bytes, old: Item | None, wanted: Blob | None) -> bool:
        """Put ``wanted`` in the place of ``old`` if that still stands, and tell whether it did."""
        if wanted is None and old is None:
            return True
        condition = items.same(old)
        try:
            if wanted is None:
                at = items.key(self.space.key(name))
                self.door.ask("delete_item", Key=at, **condition.params)
            else:
                self._put(self._cut(name, wanted, wanted.epoch), condition)
        except Refused:
            return False
        pieces.drop(self.door, pieces.keys(old or {}))
        return True

    def _outrun(self) -> StoreUnavailable:
        text = f"others changed the same item {TRIES} times in a row"
        return StoreUnavailable(contended(self.door.options.alias, text))


def _epoch(item: Item | None) -> int:
    """Return the number in the epoch's item; 0 if there is none, or it is not as it was made."""
    data = (item or {}).get("v", {}).get("B")
    return int.from_bytes(data, "big") if isinstance(data, bytes) and len(data) == 8 else 0


def _pause(turn: int) -> None:
    longest = min(0.002 * 2**turn, _LONGEST_PAUSE)
    run_now(BLOCKING.sleep(random.uniform(0, longest)))  # noqa: S311 - a pause
