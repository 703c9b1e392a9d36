"""Entries that are larger than an item may be: a head, and pieces beside it.

The pieces are written before the head, and the head names the generation they are of, so a reader
never sees pieces of two; one that comes while they change finds some missing, and looks again.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...core import clock
from . import batches
from .door import Door
from .items import LIMIT, Item, number, size, text, weigh, whole

PIECE = LIMIT - 1024
"""The bytes of the value in one piece; what is left is more than its key takes."""

MOST = 4096
"""How many pieces an item can claim to have: more than the largest value needs."""

GRACE = 3600
"""Seconds after which pieces that no head names were left behind, and are not being written."""

_GENERATION = re.compile("[0-9a-f]{8}-[0-9a-f]{16}").fullmatch


def cut(item: Item) -> tuple[Item, list[Item]]:
    """Return the head and its pieces; an item that is small enough has none."""
    if size(item) <= LIMIT:
        return item, []
    data: bytes = item["v"]["B"]
    generation = f"{int(clock.now()):08x}-{os.urandom(8).hex()}"
    parts = batches.parts(data, PIECE)
    head = {name: value for name, value in item.items() if name != "v"}
    head.update({"g": text(generation), "c": number(len(parts))})
    kept = {"e": item["e"]} if "e" in item else {}
    made: list[Item] = [
        {"k": text(at), "v": {"B": part}, **kept}
        for at, part in zip(keys(head), parts, strict=True)
    ]
    return weigh(head), made


def keys(head: Item) -> list[str]:
    """Return the keys of the pieces that a head claims; none if it is no head of ours."""
    generation, count = head.get("g", {}).get("S", ""), whole(head, "c") or 0
    if not _GENERATION(generation) or not 0 < count <= MOST:
        return []
    return [f"{head['k']['S']}#{generation}.{part}" for part in range(count)]


def joined(door: Door, items: Mapping[str, Item]) -> dict[str, Item]:
    """Return the items with the values of their pieces; one that lacks some is left out."""
    heads = {at: item for at, item in items.items() if "g" in item}
    if not heads:
        return dict(items)
    found = {at: item for at, item in items.items() if at not in heads}
    for _ in range(2):
        found.update(_joined(door, heads))
        lacking = [at for at in heads if at not in found]
        if not lacking:
            break
        again = batches.fetch(door, lacking)
        found.update((at, item) for at, item in again.items() if "g" not in item)
        heads = {at: item for at, item in again.items() if "g" in item}
    return found


def _joined(door: Door, heads: Mapping[str, Item]) -> Iterator[tuple[str, Item]]:
    wanted = {at: keys(head) for at, head in heads.items()}
    there = batches.fetch(door, [piece for pieces in wanted.values() for piece in pieces])
    for at, pieces in wanted.items():
        parts: list[Any] = [
            there[piece].get("v", {}).get("B") for piece in pieces if piece in there
        ]
        if pieces and len(parts) == len(pieces) and all(type(part) is bytes for part in parts):
            yield at, {**heads[at], "v": {"B": b"".join(parts)}}


def of(door: Door, at: Iterable[str]) -> list[str]:
    """Return the keys of the pieces that the items under these keys have now."""
    heads = batches.fetch(door, at, only="k, g, c")
    return [piece for head in heads.values() for piece in keys(head)]


def drop(door: Door, at: Iterable[str]) -> None:
    """Delete pieces."""
    batches.submit(door, [batches.drop(piece) for piece in at])


def began(piece: str) -> int | None:
    """Return when (Unix seconds) a piece was written; None if it is none of ours."""
    generation = piece.partition("#")[2].rpartition(".")[0]
    return int(generation[:8], 16) if _GENERATION(generation) else None
