"""What goes over a whole space: emptying, listing, pruning. All by Scan, page after page."""

from collections.abc import Iterator

from ...core import clock
from . import batches, pieces
from .door import Door
from .failures import Failed, Patience, Refused
from .items import Condition, Item, Space, key, number, text

PAGE = 1000
"""How many items of the table one request looks at, so that none of them takes long."""

PATIENCE, ATTEMPTS = 10.0, 50
"""What a page may cost in trouble: nobody waits for it as for a read."""

_LIVE = "attribute_exists(p) AND (attribute_not_exists(e) OR e > :now)"  # no epoch, no pieces


def empty(door: Door, space: Space) -> None:
    """Delete every item but the epoch's."""
    for page in pages(door, space, only="k"):
        gone = [item["k"]["S"] for item in page if item["k"]["S"] != space.epoch]
        batches.submit(door, [batches.drop(at) for at in gone], _patience())


def live(door: Door, space: Space) -> Iterator[list[Item]]:
    """Give the items of entries that have not expired."""
    return pages(door, space, Condition(_LIVE, {":now": number(clock.now())}))


def prune(door: Door, space: Space) -> int:
    """Delete what has expired, and return how many entries that were."""
    now, count, left = clock.now(), 0, list[str]()
    ended = Condition("e <= :now", {":now": number(now)})
    for page in pages(door, space, ended, only="k"):
        keys = [item["k"]["S"] for item in page]
        count += sum(_expired(door, at, ended) for at in keys if space.name(at))
        left += [at for at in keys if "#" in at]
    if door.options.chunked:
        left += _orphans(door, space, now - pieces.GRACE)
    pieces.drop(door, left)
    return count


def _expired(door: Door, at: str, ended: Condition) -> bool:
    """Delete one entry, unless another was put there since."""
    try:
        door.ask("delete_item", True, _patience(), Key=key(at), **ended.params)
    except Refused:
        return False
    return True


def _orphans(door: Door, space: Space, before: float) -> list[str]:
    """Find pieces that no head has named for a while: their writer was killed, or outrun."""
    old = list[str]()
    for page in pages(door, space, Condition("attribute_not_exists(p)"), only="k"):
        old += [
            item["k"]["S"] for item in page if (pieces.began(item["k"]["S"]) or before) < before
        ]
    heads = batches.fetch(door, [at.partition("#")[0] for at in old], whole=True, only="k, g, c")
    named = {piece for head in heads.values() for piece in pieces.keys(head)}
    return [at for at in old if at not in named]


def pages(
    door: Door, space: Space, where: Condition | None = None, only: str = ""
) -> Iterator[list[Item]]:
    """Give the items of a space, as far as a condition holds, page after page."""
    more = f" AND ({where.text})" if where else ""
    params = {
        "ConsistentRead": True,
        "Limit": PAGE,
        "FilterExpression": f"begins_with(k, :lead){more}",
        "ExpressionAttributeValues": {":lead": text(space.lead), **(where.values if where else {})},
    }
    if only:
        params["ProjectionExpression"] = only
    while True:
        answer = door.ask("scan", True, _patience(), **params)
        if "Items" not in answer:
            raise Failed("NoReply")
        yield answer["Items"]
        if not answer.get("LastEvaluatedKey"):
            return
        params["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _patience() -> Patience:
    return Patience(PATIENCE, ATTEMPTS)
