"""What the parts of a codec chain promise each other, and how reading fails."""

import pickle
import struct
import zlib
from typing import Any, Protocol

NEVER = 2**64 - 1
"""The expiry, in milliseconds, of what never expires."""

UNREADABLE: tuple[type[Exception], ...] = (
    pickle.UnpicklingError,
    zlib.error,
    struct.error,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    ArithmeticError,
    ValueError,
    TypeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)
"""What Python's decoders raise on bytes they cannot read: a miss, never a crash.

A layer that reads another program's pickles catches these. UnicodeError and
OverflowError are in it through ValueError and ArithmeticError.
"""


class Unreadable(Exception):
    """Say that bytes are no live entry of ours; ``reason`` is one word to count by.

    In reading order: ``type short magic version header alg key commitment tag
    future expired frame codec too_large compression payload``. It holds no
    part of the value.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotPlain(TypeError):
    """Say that a value would not come back as what it was; names its type."""


class Serializer(Protocol):
    """Turn a value into bytes and back; ``code`` is the byte that names it."""

    code: int

    def dumps(self, value: Any) -> bytes:
        """Return the bytes, or raise if the value would not come back exactly."""

    def loads(self, data: bytes) -> Any:
        """Return the value; raise any of ``UNREADABLE`` if the bytes are not ours."""


class Compressor(Protocol):
    """Make bytes smaller and back; ``code`` is 1 to 3, for 0 means not compressed."""

    code: int

    def compress(self, data: bytes) -> bytes:
        """Return the compressed form, which may be longer."""

    def decompress(self, data: bytes, size: int) -> bytes:
        """Return exactly ``size`` bytes, never making more, or raise ValueError.

        The stream must end with the data: what follows it is refused.
        """


class Guard(Protocol):
    """Bind bytes to a key name, an expiry and an epoch, so that they cannot be forged.

    Times are Unix milliseconds; ``expires`` is ``NEVER`` for what never does.
    ``sealed`` tells whether the bytes are also hidden.
    """

    sealed: bool

    def name(self, full_key: str) -> bytes:
        """Return the 32 bytes that stand for a cache key, also as a file name."""

    def wrap(self, name: bytes, plain: bytes, created: int, expires: int, epoch: int) -> bytes:
        """Return the envelope, under the first key."""

    def unwrap(self, name: bytes, data: bytes, epoch: int, now: int) -> tuple[bytes, int, int]:
        """Return plain bytes, created, expires; or raise Unreadable, also if expired."""

    def kid(self, data: bytes) -> str:
        """Return the hex id of the key the header names; Unreadable if it is not ours."""

    def current(self, data: bytes) -> bool:
        """Tell whether an envelope that was unwrapped is as ``wrap`` would write it now."""
