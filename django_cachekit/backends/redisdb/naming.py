"""Under which keys an alias's entries lie in a server that others use too.

::

    ck:{STORE_ID}:{KEY_PREFIX}:{version}:{key}      readable, where entries are only signed
    ck:{32 hex digits}:{64 hex digits}              where they are sealed: tells nothing

STORE_ID and KEY_PREFIX are percent-encoded, so a colon ends them, and no ``*`` is in them. The
package's own records have a NUL where the version begins, which no key of a user's has. A key over
512 bytes is cut, and told from others by its name, as hex digits behind a NUL.
"""

import re
from collections.abc import Callable
from typing import Protocol, cast
from urllib.parse import quote

from ...core.keys import matcher
from ..engine import Name

LONGEST = 512
_CUT = 400
_MARK = b"\0#"
_HEX = 64
_SPECIAL = re.compile(rb"([*?\[\]\\^\-])")
_LITERAL = re.compile(r"[^*?\[\\]*")


class Naming(Protocol):
    """Turn names into the server's keys and back; ``lead`` is what all of an alias's begin with."""

    lead: bytes
    epoch: bytes
    readable: bool

    def key(self, name: bytes) -> bytes:
        """Return the server's key of a name."""

    def name(self, key: bytes) -> bytes | None:
        """Return the name whose key this is; None if it is none of ours."""

    def pattern(self, version: int | None, glob: str) -> bytes:
        """Return a pattern of the server's that all keys match which are wanted, and more."""

    def wanted(self, version: int | None, glob: str) -> Callable[[bytes], bool]:
        """Return a test whether a key may be wanted, to spare the trip for its value."""


class Cut(Name):
    """Be the name of a key that was cut, so that its text is not known; ``rest`` is what is."""

    rest: bytes

    @classmethod
    def off(cls, name: bytes, rest: bytes) -> "Cut":
        """Return the name with what is left of its key."""
        made = cls(name)
        made.rest = rest
        return made


class Hidden:
    """Name sealed entries: by the space of the alias, and the name."""

    readable = False

    def __init__(self, space: str) -> None:
        self.lead = f"ck:{space}:".encode()
        self.epoch = self.lead + b"epoch"

    def key(self, name: bytes) -> bytes:
        """Return the server's key of a name."""
        return self.lead + name.hex().encode()

    def name(self, key: bytes) -> bytes | None:
        """Return the name whose key this is; None if it is none of ours."""
        return _from_hex(key[len(self.lead) :])

    def pattern(self, version: int | None, glob: str) -> bytes:
        """Return the pattern of the whole space: keys lie inside the seal."""
        return escaped(self.lead) + b"*"

    def wanted(self, version: int | None, glob: str) -> Callable[[bytes], bool]:
        """Return a test that only the epoch fails."""
        return lambda key: key != self.epoch


class Readable:
    """Name signed entries, so that who looks into the server sees what lies there.

    ``strip`` is what a full key begins with that the lead says already; ``named`` makes a name
    from a full key's text.
    """

    readable = True

    def __init__(
        self, store_id: str, prefix: str, strip: str, named: Callable[[str], bytes]
    ) -> None:
        self.lead = f"ck:{quote(store_id, safe='')}:{quote(prefix, safe='')}:".encode()
        self.epoch = self.lead + b"\0epoch"
        self._strip = strip
        self._named = named

    def key(self, name: bytes) -> bytes:
        """Return the server's key of a name, which remembers it."""
        if isinstance(name, Cut):
            return self.lead + name.rest
        named = cast(Name, name)
        if named.key is None:
            named.key = self._key(named)
        return named.key

    def _key(self, name: Name) -> bytes:
        text = name.text
        rest = text[len(self._strip) :] if text.startswith(self._strip) else text
        data = rest.encode("utf-8", "surrogatepass")
        if len(data) > LONGEST:
            data = data[:_CUT] + _MARK + name.hex().encode()
        return self.lead + data

    def name(self, key: bytes) -> bytes | None:
        """Return the name whose key this is; None if it is none of ours."""
        rest = key[len(self.lead) :]
        if _is_cut(rest):
            digits = _from_hex(rest[-_HEX:])
            return None if digits is None else Cut.off(digits, rest)
        text = _text(rest)
        if text is None:
            return None
        full = text if text.startswith("\0") else self._strip + text
        return Name.of(self._named(full), full)

    def pattern(self, version: int | None, glob: str) -> bytes:
        """Return the pattern of all keys of a version that begin as the glob does."""
        return escaped(self._begin(version, glob)) + b"*"

    def wanted(self, version: int | None, glob: str) -> Callable[[bytes], bool]:
        """Return a test by the key itself, unless it is cut, or made by the project's function."""
        if version is None:
            return lambda key: key != self.epoch
        if not self._strip:
            return lambda key: not self._is_record(key)
        lead, fits = len(self._begin(version, "")), matcher(glob)

        def test(key: bytes) -> bool:
            if _is_cut(key[len(self.lead) :]):
                return True
            text = _text(key[lead:])
            return text is not None and fits(text)

        return test

    def _begin(self, version: int | None, glob: str) -> bytes:
        if version is None or not self._strip:
            return self.lead
        literal = _LITERAL.match(glob)
        text = f"{version}:{literal.group() if literal else ''}"
        return self.lead + text.encode("utf-8", "surrogatepass")[:_CUT]

    def _is_record(self, key: bytes) -> bool:
        rest = key[len(self.lead) :]
        return rest[:1] == b"\0" and rest[:2] != b"\0\0" and not _is_cut(rest)


def escaped(text: bytes) -> bytes:
    """Return a pattern of the server's that matches a text and nothing else."""
    return _SPECIAL.sub(rb"\\\1", text)


def _is_cut(rest: bytes) -> bool:
    return len(rest) == _CUT + len(_MARK) + _HEX and rest[_CUT:].startswith(_MARK)


def _from_hex(digits: bytes) -> bytes | None:
    try:
        return bytes.fromhex(digits.decode("ascii")) if len(digits) == _HEX else None
    except ValueError:
        return None


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8", "surrogatepass")
    except ValueError:
        return None
