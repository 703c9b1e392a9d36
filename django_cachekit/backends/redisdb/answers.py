"""What an engine says to its server, and how it understands what it is told."""

from typing import Any

from ...core import clock
from ..engine import Blob
from . import hints
from .words import Command, Garbled, firm, text

WIDTH = 8
"""How many bytes of the epoch lie before what was made under it."""

LATEST = 10**15
"""Milliseconds; a server cannot be told to wait much longer than that, nor need it be."""


def head_of(epoch: int) -> bytes:
    """Return the bytes that lie before what was made under an epoch."""
    return epoch.to_bytes(WIDTH, "big")


def number(told: bytes | None) -> int:
    """Return an epoch; one that somebody else's bytes stand for is as good as any."""
    if told is None:
        return 0
    return int.from_bytes(told[:WIDTH].ljust(WIDTH, b"\1"), "big") or 1


def listed(answer: Any, length: int) -> list[Any]:
    """Return an answer that is a list of so many."""
    if type(answer) is list and len(answer) == length:
        return answer
    firm(answer)
    raise Garbled("a list was expected")


def live(found: bytes | None, epoch: int) -> bytes | None:
    """Return what was stored under this epoch, without the epoch."""
    if found is None or not found.startswith(head_of(epoch)):
        return None
    return hints.without(found[WIDTH:])


def held(answer: Any) -> bytes | None:
    """Return what is under a key that was not free; what is no string is there all the same."""
    found = text(answer)
    return b"" if found is None and answer is not None else found


def expiry(blob: Blob) -> tuple[int, ...]:
    """Return the milliseconds that are left, which is right whatever the server's clock says."""
    if blob.expires is None:
        return ()
    left = int((blob.expires - clock.now()) * 1000) + 1
    return (min(max(1, left), LATEST),)


def swapped(answer: Any) -> bool:
    """Tell whether a change was made; False if another came between."""
    if answer not in (b"swapped", b"changed"):
        raise Garbled("a word was expected")
    return bool(answer == b"swapped")


def unlink(key: bytes) -> Command:
    """Return the command that removes a key."""
    return Command(key, (b"UNLINK", key))


def ask_head(key: bytes) -> Command:
    """Return the command that reads under which epoch a key was written."""
    return Command(key, (b"GETRANGE", key, 0, WIDTH - 1))
