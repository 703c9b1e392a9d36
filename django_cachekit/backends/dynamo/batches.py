"""Many items in few requests; what DynamoDB leaves undone is sent again, for a bounded time."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from .door import Door
from .failures import Failed, Patience
from .items import Item, key

T = TypeVar("T")
log = logging.getLogger("django_cachekit")

READ, WRITE = 100, 25
"""How many items one request may read, and write or delete."""


def fetch(
    door: Door, keys: Iterable[str], needed: str = "", whole: bool = False, only: str = ""
) -> dict[str, Item]:
    """Return the items that are there, consistently read.

    What DynamoDB leaves out to the end of the patience is left out here too, and logged; unless
    it was ``needed``, or ``whole`` asks for all: then it is ``Failed``. ``only``: attributes.
    """
    patience, found, lacking = Patience(door.options.deadline), dict[str, Item](), 0
    for part in parts(list(dict.fromkeys(keys)), READ):
        left: Any = [key(each) for each in part]
        while left:
            items, left = _fetched(door, left, only, patience)
            found.update((item["k"]["S"], item) for item in items)
            if left and not _again(patience, bool(items), "UnprocessedKeys"):
                break
        if left and (whole or any(each["k"]["S"] == needed for each in left)):
            raise Failed("UnprocessedKeys")
        lacking += len(left)
    if lacking:
        log.warning("cache %r: DynamoDB left %d keys unread", door.options.alias, lacking)
    return found


def _fetched(
    door: Door, keys: Sequence[Item], only: str, patience: Patience
) -> tuple[list[Item], list[Item]]:
    table = door.options.table
    asked: dict[str, Any] = {"Keys": keys, "ConsistentRead": True}
    if only:
        asked["ProjectionExpression"] = only
    answer = door.call("batch_get_item", True, patience, RequestItems={table: asked})
    if "Responses" not in answer:
        raise Failed("NoReply", unsure=True)
    left: Mapping[str, Any] = answer.get("UnprocessedKeys") or {}
    return answer["Responses"].get(table, []), left.get(table, {}).get("Keys", [])


def submit(
    door: Door, requests: Sequence[Mapping[str, Any]], patience: Patience | None = None
) -> None:
    """Put and delete items, 25 at a time: all of them, or it is ``Failed``."""
    patience = patience or Patience(door.options.deadline)
    table = door.options.table
    for part in parts(requests, WRITE):
        left: Any = part
        while left:
            before = len(left)
            answer = door.call("batch_write_item", True, patience, RequestItems={table: left})
            left = (answer.get("UnprocessedItems") or {}).get(table, [])
            if left and not _again(patience, len(left) < before, "UnprocessedItems"):
                raise Failed("UnprocessedItems", unsure=True)


def put(item: Item) -> dict[str, Any]:
    """Return the part of a batch that puts an item."""
    return {"PutRequest": {"Item": item}}


def drop(at: str) -> dict[str, Any]:
    """Return the part of a batch that deletes one."""
    return {"DeleteRequest": {"Key": key(at)}}


def parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """Return the items in parts of at most so many."""
    return [items[at : at + size] for at in range(0, len(items), size)]


def _again(patience: Patience, progress: bool, word: str) -> bool:
    if progress:
        patience.restore()
        return patience.pause()
    return patience.allows(Failed(word), again=True)
