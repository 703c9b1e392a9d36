"""What the header of every envelope says in the clear, for sweeping without keys."""

from ..codecs import NEVER

HEAD = 32
"""How many bytes of an entry are needed to know."""


def expiry_ms(head: bytes) -> int | None:
    """Return when an entry expires (Unix ms; ``codecs.NEVER``), by bytes 24 to 32 of its header.

    None for what is too short to be an entry or does not begin as ours do. It is not vouched for:
    believe it only to throw away.
    """
    if len(head) < HEAD or not head.startswith(b"\xc1CK"):
        return None
    return int.from_bytes(head[24:HEAD], "big")


def expires(head: bytes) -> float | None:
    """Return the same in Unix seconds, None for never (and for what is no entry)."""
    found = expiry_ms(head)
    return None if found is None or found == NEVER else found / 1000
