"""Which records an entry needs, told before it, so that one script can bring them along.

::

    magic C1 43 4B 52 | u16 length of what follows | n x (u16 length, key without the lead)

Nobody signs it: it only says what is read ahead, and whoever reads looks up what the entry itself
says. So who changes it can cost a trip or a miss; the script reads nothing but what begins with
the alias's own lead, ``MOST`` keys of it, and a little of each.
"""

import struct
from collections.abc import Iterable

MAGIC = b"\xc1CKR"
MOST = 32
"""How many records are told of; an entry with more tags is read without."""
_U16 = struct.Struct(">H")
_START = len(MAGIC) + _U16.size


def before(data: bytes, rests: Iterable[bytes]) -> bytes:
    """Return an entry with the keys of its records before it, if they are few enough."""
    parts = [part for rest in rests for part in (_U16.pack(len(rest)), rest)]
    told = b"".join(parts)
    if not parts or len(parts) > 2 * MOST or len(told) > 0xFFFF:
        return data
    return MAGIC + _U16.pack(len(told)) + told + data


def without(data: bytes) -> bytes:
    """Return an entry without what is told before it."""
    if not data.startswith(MAGIC) or len(data) < _START:
        return data
    return data[_START + _U16.unpack_from(data, len(MAGIC))[0] :]


def told(data: bytes) -> list[bytes]:
    """Return the keys, without their lead, as the script reads them."""
    if not data.startswith(MAGIC) or len(data) < _START:
        return []
    (size,) = _U16.unpack_from(data, len(MAGIC))
    at, rests = _START, list[bytes]()
    while at + 2 <= min(_START + size, len(data)) and len(rests) < MOST:
        (length,) = _U16.unpack_from(data, at)
        rests.append(data[at + 2 : at + 2 + length])
        at += 2 + length
    return rests
