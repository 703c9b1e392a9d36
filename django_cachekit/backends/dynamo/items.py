"""An entry as an item of the table, and the conditions on one.

::

    k  text    the space (32 hex digits: it stands for STORE_ID and KEY_PREFIX), a colon, the
               entry's name (64 hex digits); or "epoch"; or a name, "#" and what part of it
    v  binary  the sealed or signed entry; of a counter the envelope of the number 0
    n  number  what a counter has come to
    p  number  the epoch it was sealed under; 0 is that of all that was not computed
    e  number  Unix seconds, rounded up, when it expires: the table's TTL attribute
    g  text    the generation of its parts, where it has some; c is their number
"""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...errors import ValueTooLarge
from .. import numbers
from ..engine import Blob, Sealed

Item = dict[str, dict[str, Any]]

LIMIT = 400 * 1024
"""The most bytes of an item, names of attributes included."""

_LATEST = 2**53  # seconds; what ends later than that never does
_NAME = re.compile("[0-9a-f]{64}").fullmatch


class Space(NamedTuple):
    """Make the keys of one alias's items, which begin with its mark."""

    mark: str

    @property
    def lead(self) -> str:
        """Return what every key of the space begins with."""
        return f"{self.mark}:"

    @property
    def epoch(self) -> str:
        """Return the key of the item that holds the epoch."""
        return f"{self.mark}:epoch"

    def key(self, name: bytes) -> str:
        """Return the key of an entry's item."""
        return f"{self.mark}:{name.hex()}"

    def name(self, key: str) -> bytes | None:
        """Return the name that a key stands for; None for the epoch's, a part's, or no key."""
        rest = key[len(self.lead) :]
        return bytes.fromhex(rest) if key.startswith(self.lead) and _NAME(rest) else None


class Condition(NamedTuple):
    """Hold an expression and the values that stand in it."""

    text: str
    values: Mapping[str, Any] = {}

    @property
    def params(self) -> dict[str, Any]:
        """Return it as a request takes it."""
        params: dict[str, Any] = {"ConditionExpression": self.text}
        return {**params, "ExpressionAttributeValues": self.values} if self.values else params


def text(value: str) -> dict[str, str]:
    """Return a text as an attribute."""
    return {"S": value}


def number(value: float) -> dict[str, str]:
    """Return a number as an attribute."""
    return {"N": repr(value)}


def key(value: str) -> Item:
    """Return the key of an item as requests take it."""
    return {"k": text(value)}


def item_of(at: str, blob: Blob, epoch: int) -> Item:
    """Return the item for what is to be stored."""
    parts = numbers.split(b"", blob.data)
    item: Item = {"k": text(at), "v": {"B": parts.envelope}, "p": number(epoch)}
    if parts.number is not None:
        item["n"] = number(parts.number)
    ends = ends_at(blob.expires)
    return item if ends is None else {**item, "e": number(ends)}


def ends_at(expires: float | None) -> int | None:
    """Return whole seconds, rounded up: no item is deleted before its entry has expired."""
    return None if expires is None or expires >= _LATEST else math.ceil(expires)


def data_of(item: Item) -> Sealed | None:
    """Return the entry's bytes with their epoch; None if the item is not as we make them."""
    epoch, data = whole(item, "p"), item.get("v", {}).get("B")
    if epoch is None or not 0 <= epoch < 2**64 or not isinstance(data, bytes):
        return None
    counted = whole(item, "n")
    if counted is not None and numbers.fits(counted):
        data = numbers.join(data, counted)
    return Sealed.under(data, epoch)


def whole(item: Item, name: str) -> int | None:
    """Return a whole number that an item holds; None if there is none, or another number."""
    try:
        return int(item[name]["N"])
    except (KeyError, ValueError):
        return None


def same(item: Item | None) -> Condition:
    """Return the condition that the item is still what it was, or that there is still none."""
    if item is None:
        return Condition("attribute_not_exists(k)")
    there = {name: item[name] for name in ("v", "n", "p", "g") if name in item}
    if not there:  # somebody else's: it is whatever has none of ours
        return Condition("attribute_exists(k) AND attribute_not_exists(v)")
    terms = [f"{name} = :{name}" for name in there]
    return Condition(" AND ".join(terms), {f":{name}": value for name, value in there.items()})


def vacant(now: float) -> Condition:
    """Return the condition that nothing is there, or only what has expired."""
    return Condition("attribute_not_exists(k) OR e <= :now", {":now": number(now)})


def counting(by: int, now: float) -> Condition:
    """Return the condition that a live counter is there whose sum will be in 64 bits."""
    least, most = -(2**63) - min(by, 0), 2**63 - 1 - max(by, 0)
    return Condition(
        "p = :zero AND n BETWEEN :least AND :most AND (attribute_not_exists(e) OR e > :now)",
        {":zero": number(0), ":least": number(least), ":most": number(most), ":now": number(now)},
    )


def size(item: Item) -> int:
    """Return the bytes of an item as DynamoDB counts them, numbers at the most they may take."""
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    return len(content) if kind == "B" else len(content.encode())


def weigh(item: Item) -> Item:
    """Return the item, or raise ValueTooLarge before DynamoDB would refuse it."""
    taken = size(item)
    if taken > LIMIT:
        raise ValueTooLarge(
            f"the entry takes {taken:,} bytes as an item; DynamoDB's limit is {LIMIT:,} "
            "(see COMPRESSION and CHUNKED in OPTIONS)"
        )
    return item
