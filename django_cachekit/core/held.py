"""What is known of a lock: who has it, for how long still, and under which number."""

import hashlib
from typing import Any, NamedTuple

from .operation import Record

OWNER = 16
"""Bytes that stand for an owner in a store, which is not told the owner itself."""


class Taken(NamedTuple):
    """Answer an attempt: the ``fence`` under which it was had, or 0.

    ``left`` are the seconds until who has it instead will have it no longer.
    """

    fence: int
    left: float = 0.0


class Held(NamedTuple):
    """Say how a lock stands; with an empty ``owner`` it is free."""

    owner: bytes = b""
    left: float = 0.0
    fence: int = 0


FREE = Held()


def mark(owner: str) -> bytes:
    """Return what stands for an owner in the store: who reads it there cannot release for him."""
    return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).digest()[:OWNER]


def lock_record(name: str) -> Record:
    """Name the record of a lock."""
    return Record("lock", name)


def name_of(key: Any) -> str:
    """Return the name of the lock, or of the funnel, whose record this is."""
    name: str = key.name
    return name.partition(":")[2] if key.kind == "slot" else name


def slot_record(name: str, number: int) -> Record:
    """Name the record of one slot of a funnel, which no lock's name ever equals."""
    return Record("slot", f"{number}:{name}")
