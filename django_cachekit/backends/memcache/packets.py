"""What the engine puts in a packet: keys, times, epochs, and how much of them."""

import functools
import math
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence

from ...core import clock
from ..engine import Blob, new_epoch
from .wire import Reply

NAMES = 500
"""How many keys go in one packet: a server that cannot send its replies reads no more commands."""

PACKET = 2**19
"""How many bytes go in one packet, but for one that is larger by itself."""

KEYS = 10_000
"""Of how many names one process remembers the keys."""

MONTH = 30 * 24 * 60 * 60
"""The most seconds from now that memcached counts; a larger number is a moment to it."""


@functools.lru_cache(KEYS)
def key_of(name: bytes) -> bytes:
    """Return the key under which memcached knows a name of 32 bytes: 46 harmless characters."""
    return b"ck:" + urlsafe_b64encode(name)[:43]


def fresh_epoch(*, flushed: bool) -> bytes:
    """Return the bytes of a new epoch."""
    return new_epoch(flushed=flushed).to_bytes(8, "big")


def live(reply: Reply, epoch: int) -> bytes | None:
    """Return what the server has, without the epoch it begins with; None if that is another."""
    data = reply.data
    if data is None or data[:8] != epoch.to_bytes(8, "big"):
        return None
    return data[8:]


def server_ttl(expires: float | None) -> int:
    """Return the server's own expiry, never before ours, which lies in the entry.

    Up to 30 days it is in seconds from now, whatever the server's clock says; beyond, memcached
    takes it for a moment. Its clock ticks once a second, so one is added.
    """
    if expires is None:
        return 0
    left = math.ceil(expires - clock.now()) + 1
    if left > MONTH:
        moment = math.ceil(expires) + 1
        return moment if moment < 2**31 else 0
    return max(left, 1)


def parts(names: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split names into packets: one at least, which then asks for the epoch alone."""
    yield names[:NAMES]
    for start in range(NAMES, len(names), NAMES):
        yield names[start : start + NAMES]


def packets(blobs: Mapping[bytes, Blob]) -> Iterator[list[bytes]]:
    """Split the names of blobs into packets, by their number and size."""
    some, size = list[bytes](), 0
    for name, blob in blobs.items():
        if some and (size + len(blob.data) > PACKET or len(some) >= NAMES):
            yield some
            some, size = [], 0
        some.append(name)
        size += len(blob.data)
    yield some
