"""The plaintext inside every envelope, whichever guard closes it.

::

    u8 codec | u8 compression | u32 raw length
    | [u16 length, key] | [u16 length, metadata] | payload

The low two bits of ``compression`` name the compressor (0 none), bit 7 says
that the key's name follows, bit 6 that metadata does; other bits are refused.
The raw length is that of the payload before compression. Metadata is there only
if there is something to say, and carries times and tags::

    u8 flags (bit 0: fresh follows, 1: a claim does, 2: it is hollow, 3: its end, 4: its cost)
    | [u64 fresh, ms] | [16-byte token, u64 until, ms] | [u64 end, ms] | [u64 cost, us]
    | u16 count | count x (u16 length, tag, 24-byte stamp)

All numbers are big-endian. Text is UTF-8 that lets lone surrogates pass, as
Python's own ``str`` does.
"""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from ..core.entry import NO_STAMPS, Claim
from ..core.marks import STAMP
from ..errors import ValueTooLarge
from .base import NEVER, Unreadable

_HEAD = struct.Struct(">BBI")
_U16 = struct.Struct(">H")
_U64 = struct.Struct(">Q")
_HAS_KEY, _HAS_META, _COMPRESSOR = 0x80, 0x40, 0x03
_FRESH, _CLAIM, _HOLLOW, _ENDS, _COST = 1, 2, 4, 8, 16
_TOKEN = 16
_KEY = _HEAD.size + _U16.size
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
        if flags & _HAS_KEY:  # as ``_short`` does, but nearly every entry has one
            (length,) = _U16.unpack_from(plain, at)
            at = _KEY + length
            key = plain[_KEY:at]
            if not length or at > len(plain):
                raise Unreadable("frame")
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


class Meta(NamedTuple):
    """Hold what metadata says, as an ``Entry`` does."""

    fresh: float | None = None
    stamps: Mapping[str, bytes] = NO_STAMPS
    claim: Claim | None = None
    ends: float | None = None
    cost: float | None = None


NOTHING = Meta()


def pack_meta(
    fresh: float | None,
    stamps: Mapping[str, bytes],
    claim: Claim | None = None,
    ends: float | None = None,
    cost: float | None = None,
) -> bytes:
    """Return the metadata of an entry; empty if it has none.

    Raises ValueError for a stamp that is not 24 bytes or a token that is not 16, and ValueTooLarge
    for a tag of over 65,535.
    """
    if not stamps and claim is None and fresh is ends is cost is None:
        return b""
    flags, parts = 0, [b""]
    if fresh is not None:
        flags |= _FRESH
        parts.append(_U64.pack(to_ms(fresh)))
    if claim is not None:
        flags |= _CLAIM | _HOLLOW * claim.hollow
        parts += (_sized(claim.token, _TOKEN), _U64.pack(to_ms(claim.until)))
    if ends is not None:
        flags |= _ENDS
        parts.append(_U64.pack(to_ms(ends)))
    if cost is not None:
        flags |= _COST
        parts.append(_U64.pack(min(round(cost * 1e6), NEVER)))
    parts.append(_U16.pack(_fits(len(stamps))))
    for tag, mark in stamps.items():
        name = octets(tag)
        parts += (_U16.pack(_fits(len(name))), name, _sized(mark, STAMP))
    parts[0] = bytes([flags])
    return b"".join(parts)


def _sized(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError(f"{size} bytes were expected, not {len(data)}")
    return data


def _fits(number: int) -> int:
    if number > _U16_MAX:
        raise ValueTooLarge("the tags of one entry take over 65,535 bytes")
    return number


def unpack_meta(meta: bytes) -> Meta:
    """Return what the metadata says; Unreadable (``frame``) if it is odd."""
    if not meta:
        return NOTHING
    try:
        return _unpack_meta(meta)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise Unreadable("frame") from None


def _unpack_meta(meta: bytes) -> Meta:
    flags, at = meta[0], 1
    fresh = claim = ends = cost = None
    if flags & _FRESH:
        fresh, at = _U64.unpack_from(meta, at)[0] / 1000, at + 8
    if flags & _CLAIM:
        token, at = meta[at : at + _TOKEN], at + _TOKEN
        claim = Claim(token, _U64.unpack_from(meta, at)[0] / 1000, bool(flags & _HOLLOW))
        at += 8
    if flags & _ENDS:
        ends, at = _U64.unpack_from(meta, at)[0] / 1000, at + 8
    if flags & _COST:
        cost, at = _U64.unpack_from(meta, at)[0] / 1e6, at + 8
    stamps = _unpack_stamps(meta, at)
    known = _FRESH | _CLAIM | _ENDS | _COST | (_HOLLOW if claim else 0)
    if flags & ~known or not (flags or stamps):
        raise Unreadable("frame")
    return Meta(fresh, stamps or NO_STAMPS, claim, ends, cost)


def _unpack_stamps(meta: bytes, at: int) -> dict[str, bytes]:
    (count,) = _U16.unpack_from(meta, at)
    at, stamps = at + 2, dict[str, bytes]()
    for _ in range(count):
        (length,) = _U16.unpack_from(meta, at)
        start, end = at + 2, at + 2 + length
        stamps[text(meta[start:end])] = meta[end : end + STAMP]
        at = end + STAMP
    # A stamp cut short, bytes to spare, a tag twice: each shows in one of these.
    if at != len(meta) or len(stamps) != count:
        raise Unreadable("frame")
    return stamps
