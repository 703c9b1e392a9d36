"""The plaintext inside every envelope, whichever guard closes it.

::

    u8 codec | u8 compression | u32 raw length
    | [u16 length, key] | [u16 length, metadata] | payload

The low two bits of ``compression`` name the compressor (0 none), bit 7 says
that the key's name follows, bit 6 that metadata does; other bits are refused.
The raw length is that of the payload before compression. Metadata is there only
if there is something to say, and carries the soft expiry and the tags::

    u8 flags (bit 0: fresh follows) | [u64 fresh, ms]
    | u16 count | count x (u16 length, tag, 8-byte nonce)

All numbers are big-endian. Text is UTF-8 that lets lone surrogates pass, as
Python's own ``str`` does.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ..core.entry import NO_STAMPS
from ..errors import ValueTooLarge
from .base import NEVER, Unreadable

_HEAD = struct.Struct(">BBI")
_U16 = struct.Struct(">H")
_U64 = struct.Struct(">Q")
_HAS_KEY, _HAS_META, _COMPRESSOR = 0x80, 0x40, 0x03
_NONCE = 8
_U16_MAX = 0xFFFF


class Frame(NamedTuple):
    """Hold the parts of a plaintext; ``size`` is the payload's raw length."""

    codec: int
    compressor: int
    size: int
    key: bytes
    meta: bytes
    payload: bytes


def to_ms(seconds: float) -> int:
    """Return the last whole millisecond that is not later than ``seconds``.

    Multiplying and rounding down would lose one for about a tenth of all times
    that were whole milliseconds before (1.001 * 1000 < 1001), so an entry that
    is copied on would die a little earlier each time.
    """
    if seconds * 1000 >= NEVER:
        return NEVER - 1
    ms = round(seconds * 1000)
    return max(ms - (ms / 1000 > seconds), 0)


def text(data: bytes) -> str:
    """Decode what ``octets`` encoded."""
    return data.decode("utf-8", "surrogatepass")


def octets(value: str) -> bytes:
    """Encode any ``str``, also one that is no valid Unicode."""
    return value.encode("utf-8", "surrogatepass")


def pack(codec: int, compressor: int, size: int, key: str | None, meta: bytes) -> bytes:
    """Return all of a plaintext that precedes the payload.

    A key of over 65,535 bytes travels without its name: such an entry can be
    read but not listed. Raises ValueTooLarge if the metadata is longer than that.
    """
    name = octets(key) if key is not None else b""
    if not name and not meta:
        return _HEAD.pack(codec, compressor, size)
    flags, parts = compressor, b""
    if 0 < len(name) <= _U16_MAX:
        flags, parts = flags | _HAS_KEY, _U16.pack(len(name)) + name
    if meta:
        if len(meta) > _U16_MAX:
            raise ValueTooLarge("the tags of one entry take over 65,535 bytes")
        flags, parts = flags | _HAS_META, parts + _U16.pack(len(meta)) + meta
    return _HEAD.pack(codec, flags, size) + parts


def unpack(plain: bytes) -> Frame:
    """Take a plaintext apart; Unreadable (``frame``) if it is not exactly of this form."""
    try:
        codec, flags, size = _HEAD.unpack_from(plain)
        if flags & ~(_HAS_KEY | _HAS_META | _COMPRESSOR):
            raise Unreadable("frame")
        at, key, meta = _HEAD.size, b"", b""
        if flags & _HAS_KEY:
            at, key = _short(plain, at)
        if flags & _HAS_META:
            at, meta = _short(plain, at)
    except struct.error:
        raise Unreadable("frame") from None
    return Frame(codec, flags & _COMPRESSOR, size, key, meta, plain[at:])


def _short(data: bytes, at: int) -> tuple[int, bytes]:
    """Return what a 16-bit length says follows at ``at``, and where it ends."""
    (length,) = _U16.unpack_from(data, at)
    start, end = at + 2, at + 2 + length
    if not length or end > len(data):
        raise Unreadable("frame")
    return end, data[start:end]


def pack_meta(fresh: float | None, stamps: Mapping[str, bytes]) -> bytes:
    """Return the metadata of an entry; empty if it has none.

    Raises ValueError for a nonce that is not 8 bytes and ValueTooLarge for a
    tag of over 65,535.
    """
    if fresh is None and not stamps:
        return b""
    parts = [b"\0" if fresh is None else b"\1" + _U64.pack(to_ms(fresh))]
    parts.append(_U16.pack(_fits(len(stamps))))
    for tag, nonce in stamps.items():
        if len(nonce) != _NONCE:
            raise ValueError(f"a tag's nonce has {_NONCE} bytes, not {len(nonce)}")
        name = octets(tag)
        parts += (_U16.pack(_fits(len(name))), name, nonce)
    return b"".join(parts)


def _fits(number: int) -> int:
    if number > _U16_MAX:
        raise ValueTooLarge("the tags of one entry take over 65,535 bytes")
    return number


def unpack_meta(meta: bytes) -> tuple[float | None, Mapping[str, bytes]]:
    """Return the soft expiry (Unix seconds) and the stamps; Unreadable (``frame``) if odd."""
    if not meta:
        return None, NO_STAMPS
    try:
        return _unpack_meta(meta)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise Unreadable("frame") from None


def _unpack_meta(meta: bytes) -> tuple[float | None, Mapping[str, bytes]]:
    fresh, at = None, 1
    if meta[0] == 1:
        fresh, at = _U64.unpack_from(meta, 1)[0] / 1000, 9
    elif meta[0]:
        raise Unreadable("frame")
    (count,) = _U16.unpack_from(meta, at)
    at, stamps = at + 2, {}
    for _ in range(count):
        (length,) = _U16.unpack_from(meta, at)
        start, end = at + 2, at + 2 + length
        stamps[text(meta[start:end])] = meta[end : end + _NONCE]
        at = end + _NONCE
    # A nonce cut short, bytes to spare, a tag twice, nothing said: each shows in one of these.
    if at != len(meta) or len(stamps) != count or (fresh is None and not stamps):
        raise Unreadable("frame")
    return fresh, stamps or NO_STAMPS
