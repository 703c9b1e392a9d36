"""How a number lies in a store whose server counts by itself.

::

    magic C1 43 4B 4E | envelope of the number 0 | the number: 8 bytes, signed, big-endian

The envelope binds the entry to its key, its expiry, its tags and the epoch, as every other; under
a name of its own, so that a value cannot be passed off as a counter's, nor a counter's as a value.
The number itself is the server's: who can write to the store can change it, and nothing else. So
only what was counted lies like this, and only in a store that signs; one that seals counts by
compare and swap, and hides its numbers too.
"""

import hashlib
from typing import NamedTuple

MAGIC = b"\xc1CKN"
_WIDTH = 8
_LEAST, _MOST = -(2**63), 2**63 - 1


class Parts(NamedTuple):
    """Hold an envelope with the name it is bound to, and the number after it (None: a value's)."""

    name: bytes
    envelope: bytes
    number: int | None = None

    def joined(self, envelope: bytes) -> bytes:
        """Return the bytes to store, with another envelope in the place of this one."""
        return envelope if self.number is None else join(envelope, self.number)


def fits(number: object) -> bool:
    """Tell whether a server can count on from a number: an int of 64 bits."""
    return type(number) is int and _LEAST <= number <= _MOST


def is_counter(data: bytes | None) -> bool:
    """Tell whether what is stored is a counter."""
    return data is not None and data.startswith(MAGIC)


def bound(name: bytes) -> bytes:
    """Return the name that a counter's envelope is bound to."""
    return hashlib.sha256(b"cachekit counter\0" + name).digest()


def join(envelope: bytes, number: int) -> bytes:
    """Return a counter's bytes."""
    return MAGIC + envelope + number.to_bytes(_WIDTH, "big", signed=True)


def split(name: bytes, data: bytes) -> Parts:
    """Return the parts of what is stored under a name, counter or not."""
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + _WIDTH:
        return Parts(name, data)
    number = int.from_bytes(data[-_WIDTH:], "big", signed=True)
    return Parts(bound(name), data[len(MAGIC) : -_WIDTH], number)


def apart(data: bytes) -> tuple[bytes, int | None]:
    """Return a counter's bytes without the number, and that; any others as they are, and None."""
    if not is_counter(data):
        return data, None
    return data[:-_WIDTH], int.from_bytes(data[-_WIDTH:], "big", signed=True)


def together(data: bytes, number: int | None) -> bytes:
    """Return what was taken ``apart``."""
    return data if number is None else data + number.to_bytes(_WIDTH, "big", signed=True)


def room(by: int) -> tuple[int, int]:
    """Return the least and the most to which ``by`` can be added in 64 bits."""
    return max(_LEAST, _LEAST - by), min(_MOST, _MOST - by)
