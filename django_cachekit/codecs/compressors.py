"""Compression that cannot be made to explode.

Off unless asked for. Where entries are sealed, think twice before you ask: the
length of what is stored then depends on the value, so somebody who can put
text next to a secret and see the length learns the secret letter by letter (zlib
and a cipher gave away 8 of 8 hex digits of a token that way).

Only formats whose output is bounded while it is made: no bz2 (one byte becomes
885,000), no lzma.
"""

import importlib
import zlib
from typing import Any

from ..core.extras import install
from ..errors import Misconfigured
from .base import Compressor

NONE, ZLIB, ZSTD = 0, 1, 2
NAMES = ("zlib", "zstd")
MINIMUM = 250
"""Bytes below which compressing costs more than it saves."""


class Zlib:
    """Compress with zlib at its default level."""

    code = ZLIB

    def compress(self, data: bytes) -> bytes:
        """Return the zlib stream."""
        return zlib.compress(data)

    def decompress(self, data: bytes, size: int) -> bytes:
        """Return exactly ``size`` bytes; ValueError if that is not what the data is."""
        try:
            return _whole(zlib.decompressobj(), data, size)
        except zlib.error as error:
            raise ValueError("not a zlib stream") from error


class Zstd:
    """Compress with Zstandard as Python 3.14 and backports.zstd have it."""

    code = ZSTD

    def __init__(self, module: Any) -> None:
        self._module = module

    def compress(self, data: bytes) -> bytes:
        """Return one frame."""
        frame: bytes = self._module.compress(data)
        return frame

    def decompress(self, data: bytes, size: int) -> bytes:
        """Return exactly ``size`` bytes; ValueError if that is not what the data is."""
        try:
            return _whole(self._module.ZstdDecompressor(), data, size)
        except self._module.ZstdError as error:
            raise ValueError("not a Zstandard frame") from error


class Zstandard:
    """Compress with Zstandard as the package zstandard has it."""

    code = ZSTD

    def __init__(self, module: Any) -> None:
        self._module = module

    def compress(self, data: bytes) -> bytes:
        """Return one frame, which says how long its content is."""
        frame: bytes = self._module.ZstdCompressor().compress(data)
        return frame

    def decompress(self, data: bytes, size: int) -> bytes:
        """Return exactly ``size`` bytes; ValueError if that is not what the data is."""
        try:
            # The library makes room for what the frame claims, whatever it is told.
            if self._module.frame_content_size(data) != size:
                raise ValueError("another length than was said")
            whole: bytes = self._module.ZstdDecompressor().decompress(
                data, max_output_size=size, allow_extra_data=False
            )
        except self._module.ZstdError as error:
            raise ValueError("not a Zstandard frame") from error
        return whole


def compressor(name: str | None) -> Compressor | None:
    """Return the compressor of a COMPRESSION name; None for none.

    Raises Misconfigured if there is none of that name, or its library is missing.
    """
    if name is None:
        return None
    if name == "zlib":
        return Zlib()
    if name == "zstd":
        return _zstd()
    raise Misconfigured(
        f'OPTIONS["COMPRESSION"]: {name!r} is none of None, {", ".join(map(repr, NAMES))}'
    )


def _zstd() -> Compressor:
    for name, kind in (
        ("compression.zstd", Zstd),
        ("backports.zstd", Zstd),
        ("zstandard", Zstandard),
    ):
        try:
            return kind(importlib.import_module(name))
        except ImportError:
            continue
    raise Misconfigured(
        f'OPTIONS["COMPRESSION"]: "zstd" needs Python 3.14 or zstandard: {install("zstd")}'
    )


def _whole(stream: Any, data: bytes, size: int) -> bytes:
    # One byte more than is right, so that too much is noticed and never made.
    found: bytes = stream.decompress(data, size + 1)
    if len(found) != size or not stream.eof or stream.unused_data:
        raise ValueError("another length than was said")
    return found
