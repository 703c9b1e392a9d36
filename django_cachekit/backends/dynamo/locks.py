"""Locks as items of the table, in a space of their own, where no flush and no scan comes.

::

    k  text    the space's mark, ".held:" and the name (64 hex digits)
    o  binary  who has it; absent where nobody has
    u  number  Unix seconds, by the server's clock, until which
    t  number  for how many seconds it was taken
    f  number  its fence
    e  number  when DynamoDB may delete it: the table's TTL attribute

Every step is one conditional request. DynamoDB compares with no clock of its own, so times are
made here, of what its answers tell of the server's (see ``times``): an end from the latest that it
may be, a comparison from the earliest. So none is taken before its end, whoever is wrong.
"""

from collections.abc import Sequence
from typing import Any

from ...core import clock
from ...core.faces import Face
from ...core.held import FREE, Held, Taken
from ..locking import LINGER
from . import items, sweep
from .door import Answer, Door
from .failures import Failed, Refused
from .items import Condition, Item, Space
from .times import Span, Times

UNTOLD = 1.0
"""Seconds that are said to be left of a lock of which DynamoDB tells nothing."""

NEAR = 0.1
"""The least of what is said to be left of one that may have ended already."""

_TAKE = "SET o = :o, u = :u, t = :t, e = :e, f = if_not_exists(f, :f) + :one"
_FREE = "attribute_not_exists(o) OR u <= :now OR NOT attribute_type(u, :n)"
_RENEW = "SET u = :u, t = :t, e = :e"
_GIVE = "SET e = :e REMOVE o, u, t"


class HeldItems:
    """Keep locks in a table."""

    def __init__(self, door: Door, space: Space) -> None:
        self._door = door
        self._space = Space(f"{space.mark}.held")
        self._times = Times()

    async def take(self, face: Face, name: bytes, owner: bytes, ttl: float) -> Taken:
        """Take the lock if nobody has it, the same owner included."""
        now = self._now(name)
        first = {":f": items.number(int(now.middle * 1000)), ":one": items.number(1)}
        free = Condition(_FREE, {":now": items.number(now.low), ":n": items.text("N")})
        try:
            answer = self._update(
                name, _TAKE, free, {":o": {"B": owner}, **_lasting(now, ttl), **first}
            )
        except Refused as refused:
            held = self._held(refused.item) if refused.item else None
            return Taken(0, held.left if held else UNTOLD)
        fence = items.whole(answer.get("Attributes", {}), "f")
        if fence is None:
            raise Failed("NoReply", unsure=True)
        return Taken(fence)

    async def renew(self, face: Face, name: bytes, owner: bytes, ttl: float) -> bool:
        """Let the owner have it for ``ttl`` from now; False if it is not his any more."""
        now = self._now(name)
        return self._change(name, _RENEW, _his(owner, now), _lasting(now, ttl))

    async def free(self, face: Face, name: bytes, owner: bytes | None) -> bool:
        """Give it back if it is the owner's (None: whoever's), and tell whether that was so."""
        now = self._now(name)
        return self._change(name, _GIVE, _his(owner, now), _forgotten(now))

    async def look(self, face: Face, name: bytes) -> Held:
        """Return how it stands."""
        item = self._read(name)
        return self._held(item) if item else FREE

    async def wait(self, face: Face, names: Sequence[bytes], seconds: float) -> bool:
        """Return False: DynamoDB does not tell."""
        return False

    async def wipe(self, face: Face) -> int:
        """Give all locks back, and return how many."""
        there = Condition("attribute_exists(o)")
        pages = list(sweep.pages(self._door, self._space, there, only="k"))
        names = [self._space.name(item["k"]["S"]) for page in pages for item in page]
        return sum([await self.free(face, name, None) for name in names if name])

    # -- requests ------------------------------------------------------------------------------

    def _change(self, name: bytes, text: str, condition: Condition, values: Item) -> bool:
        try:
            self._update(name, text, condition, values)
        except Refused:
            return False
        return True

    def _update(self, name: bytes, text: str, condition: Condition, values: Item) -> Answer:
        """Change the item in one step, or it is ``Refused``."""
        return self._asked(
            "update_item",
            TableName=self._door.options.table,
            Key=items.key(self._space.key(name)),
            UpdateExpression=text,
            ConditionExpression=condition.text,
            ExpressionAttributeValues={**condition.values, **values},
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _read(self, name: bytes) -> Item | None:
        """Return the item, consistently read."""
        table, keys = self._door.options.table, [items.key(self._space.key(name))]
        asked = {table: {"Keys": keys, "ConsistentRead": True}}
        answer = self._asked("batch_get_item", again=True, RequestItems=asked)
        if "Responses" not in answer or answer.get("UnprocessedKeys"):
            raise Failed("UnprocessedKeys")
        found: list[Item] = answer["Responses"].get(table, [])
        return found[0] if found else None

    def _asked(self, verb: str, again: bool = False, **params: Any) -> Answer:
        """Return the answer to a request, and learn from it what time it is there."""
        sent = clock.monotonic()
        try:
            answer = self._door.call(verb, again, **params)
        except Refused as refused:
            self._times.heard(getattr(refused.__cause__, "response", None), sent)
            raise
        self._times.heard(answer, sent)
        return answer

    def _now(self, name: bytes) -> Span:
        """Return the server's time, which is asked for where no answer has told it lately.

        Ours, where it tells none.
        """
        now = self._times.now()
        if now is None:
            self._read(name)
            now = self._times.now()
        return now or Span(clock.now(), clock.now())

    def _held(self, item: Item) -> Held:
        """Return what an item says; it is held until that is over for sure."""
        ends, now = _number(item, "u"), self._times.now() or Span(clock.now(), clock.now())
        if "o" not in item or ends is None or ends <= now.low:
            return FREE
        owner = item["o"].get("B")
        left = min(max(ends - now.high, NEAR), _number(item, "t") or UNTOLD)
        # Whoever wrote another kind of owner there, it is held.
        return Held(owner if isinstance(owner, bytes) else b"?", left, items.whole(item, "f") or 0)


def _his(owner: bytes | None, now: Span) -> Condition:
    """Return the condition that the owner, or anybody, has it still."""
    values: Item = {":now": items.number(now.low)}
    if owner is None:
        return Condition("attribute_exists(o) AND u > :now", values)
    return Condition("o = :o AND u > :now", {**values, ":o": {"B": owner}})


def _lasting(now: Span, ttl: float) -> Item:
    ends = {":u": items.number(now.high + ttl), ":t": items.number(ttl)}
    return {**ends, **_forgotten(now.moved(ttl))}


def _forgotten(now: Span) -> Item:
    return {":e": items.number(int(now.high) + 1 + LINGER)}


def _number(item: Item, name: str) -> float | None:
    try:
        return float(item[name]["N"])
    except (KeyError, ValueError):
        return None
