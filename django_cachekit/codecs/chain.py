"""The whole way from an entry to the bytes that lie in a store, and back."""

from ..core import clock
from ..core.entry import Entry
from ..core.settings import defaults
from ..errors import ValueTooLarge
from . import frame
from .base import NEVER, Compressor, Guard, Unreadable
from .compressors import MINIMUM
from .families import Family

MAX_VALUE_BYTES: int = defaults("codecs")["MAX_VALUE_BYTES"]
"""The most bytes one value may take before compression, unless told otherwise."""


class Chain:
    """Serialize, compress, frame and guard entries.

    ``name(full_key)`` gives the 32 bytes that every other method takes as
    ``name``; ``epoch`` is the store's number that a clear moves on;
    ``kid(data)`` is the hex id of the key that wrote an envelope, from its first 32
    bytes on. ``sealed`` tells whether the bytes are hidden, ``max_bytes`` how
    many a value may take. Whatever cannot be read is Unreadable, with a word for
    the reason.
    """

    def __init__(
        self,
        guard: Guard,
        family: Family,
        compressor: Compressor | None = None,
        max_bytes: int = MAX_VALUE_BYTES,
    ) -> None:
        self._guard = guard
        self._family = family
        self._compressor = compressor
        self.max_bytes = max_bytes
        self.sealed = guard.sealed
        self.name = guard.name
        self.kid = guard.kid

    def dumps(
        self,
        name: bytes,
        entry: Entry,
        epoch: int = 0,
        key: str | None = None,
        own: bool = False,
    ) -> bytes:
        """Return the entry's bytes; ``key`` travels inside, for stores that list their keys.

        What is the package's ``own`` does not go through a user's serializer.
        Raises ValueTooLarge, and what the serializer raises: NotPlain (a
        TypeError) where only plain values are allowed, else what pickle raises.
        """
        if len(name) != 32:
            raise ValueError("a name has 32 bytes")
        codec, raw = self._family.own(entry.value) if own else self._encode(entry)
        compressor, payload = self._squeeze(raw)
        meta = frame.pack_meta(entry.fresh, entry.stamps, entry.claim, entry.ends, entry.cost)
        plain = frame.pack(codec, compressor, len(raw), key, meta) + payload
        expires = NEVER if entry.expires is None else frame.to_ms(entry.expires)
        return self._guard.wrap(name, plain, frame.to_ms(entry.created), expires, epoch)

    def loads(self, name: bytes, data: bytes, epoch: int = 0) -> Entry:
        """Return the live entry, or raise Unreadable (``expired`` is one of its reasons)."""
        plain, created, expires = self._open(name, data, epoch)
        parts = frame.unpack(plain)
        meta = frame.unpack_meta(parts.meta) if parts.meta else ()
        reader = self._family.check(parts.codec)  # before anything is made larger for its sake
        value = self._family.by(reader, self._stretch(parts))
        ends = None if expires == NEVER else expires / 1000
        return Entry(value, created / 1000, ends, *meta)

    def key(self, name: bytes, data: bytes, epoch: int = 0) -> str | None:
        """Return the key that travels inside; None if there is none or it cannot be read."""
        try:
            found = frame.unpack(self._open(name, data, epoch)[0]).key
            return frame.text(found) if found else None
        except (Unreadable, UnicodeDecodeError):
            return None

    def reseal(self, name: bytes, data: bytes, epoch: int = 0) -> bytes | None:
        """Return the same entry under the first key, without decoding its value.

        None if it is under that key already; Unreadable if it cannot be read.
        """
        plain, created, expires = self._open(name, data, epoch)
        if self._guard.current(data):
            return None
        return self._guard.wrap(name, plain, created, expires, epoch)

    def _open(self, name: bytes, data: bytes, epoch: int) -> tuple[bytes, int, int]:
        # A store's client may hand back text or a number that another program wrote.
        if type(data) is not bytes:
            raise Unreadable("type")
        return self._guard.unwrap(name, data, epoch, round(clock.now() * 1000))

    def _encode(self, entry: Entry) -> tuple[int, bytes]:
        try:
            codec, raw = self._family.write(entry.value)
        except (RecursionError, MemoryError, OverflowError) as error:
            kind = type(entry.value).__name__
            raise ValueTooLarge(
                f"this {kind} is too large, or nested too deeply; store its parts under keys of "
                "their own"
            ) from error
        if len(raw) > self.max_bytes:
            raise ValueTooLarge(
                f"the value takes {len(raw):,} bytes; the limit is {self.max_bytes:,} "
                '(OPTIONS["MAX_VALUE_BYTES"]; COMPRESSION comes after it)'
            )
        return codec, raw

    def _squeeze(self, raw: bytes) -> tuple[int, bytes]:
        if self._compressor is None or len(raw) < MINIMUM:
            return 0, raw
        small = self._compressor.compress(raw)
        return (self._compressor.code, small) if len(small) < len(raw) else (0, raw)

    def _stretch(self, parts: frame.Frame) -> bytes:
        """Return the payload as it was before compression, never more than the limit."""
        if parts.size > self.max_bytes:
            raise Unreadable("too_large")
        if not parts.compressor:
            if len(parts.payload) != parts.size:
                raise Unreadable("frame")
            return parts.payload
        if self._compressor is None or parts.compressor != self._compressor.code:
            raise Unreadable("compression")
        try:
            return self._compressor.decompress(parts.payload, parts.size)
        except (ValueError, MemoryError) as error:
            raise Unreadable("compression") from error
