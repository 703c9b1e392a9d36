"""What other backends wrote, read for as long as a migration takes: ``READ_LEGACY``.

Django's own backends and django-redis keep unauthenticated pickles: who can write to such a store
runs code in whoever reads it. So nothing here is reached unless settings ask for it, and
``PICKLE_CLASSES`` limits what a pickle may name here too.
"""

import base64
import json
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..errors import Misconfigured
from .base import Unreadable
from .chain import MAX_VALUE_BYTES
from .serializers import Pickle

NAMES = ("django", "django-redis", "pickle")
"""What ``READ_LEGACY`` may name; a store reads all that was ever written to its kind of server."""

_TEXT, _WHOLE, _PICKLED, _COMPRESSED = 1 << 4, (1 << 1) | (1 << 2), 1 << 0, 1 << 3


class Legacy:
    """Decode values of other backends; what is none of theirs is Unreadable (``legacy``)."""

    def __init__(self, classes: Collection[str] | None = None) -> None:
        self._pickle = Pickle(classes)

    def redis(self, data: bytes) -> Any:
        """Return what Django's RedisCache or django-redis wrote: digits, or a pickle or JSON.

        django-redis may have compressed it by zlib or gzip; other compressors are not read.
        """
        return _guarded(self._redis, data)

    def memcached(self, data: bytes, flags: int) -> Any:
        """Return what Django's PyMemcacheCache wrote, by the flags beside it."""
        return _guarded(self._memcached, data, flags)

    def database(self, text: str) -> Any:
        """Return what Django's DatabaseCache wrote: a pickle in base64."""
        return _guarded(lambda: self._pickle.loads(base64.b64decode(text.encode("ascii"))))

    def _redis(self, data: bytes) -> Any:
        try:
            return int(data)
        except ValueError:
            pass
        plain = _inflated(data)
        return self._pickle.loads(plain) if plain[:1] == b"\x80" else json.loads(plain)

    def _memcached(self, data: bytes, flags: int) -> Any:
        if flags & _COMPRESSED:
            data = _bounded(data)
        if flags & _TEXT:
            return data.decode()
        if flags & _WHOLE:
            return int(data)
        return self._pickle.loads(data) if flags & _PICKLED else data


def wanted(alias: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what ``READ_LEGACY`` names, each perhaps with a colon and more; or Misconfigured."""
    given = options.get("READ_LEGACY") or ()
    names = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for name in names:
        if not isinstance(name, str) or name.partition(":")[0] not in NAMES:
            raise Misconfigured(
                f"CACHES[{alias!r}]: READ_LEGACY is a list of {', '.join(NAMES)}, not {given!r}."
            )
    return names


def _guarded(read: Callable[..., Any], *args: Any) -> Any:
    try:
        return read(*args)
    except Exception as error:  # a pickle may raise anything at all
        raise Unreadable("legacy") from error


def _inflated(data: bytes) -> bytes:
    return _bounded(data) if data[:1] == b"\x78" or data[:2] == b"\x1f\x8b" else data


def _bounded(data: bytes) -> bytes:
    """Inflate zlib or gzip, and never make more than a value may have."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    found = stream.decompress(data, MAX_VALUE_BYTES + 1)
    if len(found) > MAX_VALUE_BYTES or not stream.eof:
        raise ValueError("too long, or cut")
    return found
