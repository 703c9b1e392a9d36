"""Keys: what a caller may give, and what a store can take."""

import hashlib
import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from .operation import Key, Record

RESERVED = ":ck:"
"""What every key the package keeps in another's store begins with."""

_SAFE = re.compile(r"[\x21-\x7e]{1,180}\Z").match
harmless = re.compile(r"(?!:ck:)[\x21-\x7e]{1,180}\Z").match
"""Match a key that ``safe`` leaves as it is, however long it is when made."""
usual = re.compile(r"[\x21-\x7e]{1,250}").fullmatch
"""Match a full key that every store takes as it is, so that Django has no warning for it."""

_LONGEST = 250  # memcached's limit, which Django asks every key to keep


def plain(key: Any) -> str:
    """Return the key as text: an Enum member by its value, anything else as Django formats it."""
    if type(key) is str:
        return key
    if isinstance(key, Enum):
        return plain(key.value)
    return str(key)


def digest(text: str) -> str:
    """Return 64 hex digits that stand for ``text``, lone surrogates included."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def safe(key: Key, made: Callable[[str], str]) -> str:
    """Return the key under which a store that is not ours can hold ``key``.

    ``made`` is the store's own ``make_key``: the limit is on what it returns. A key with control
    characters, spaces or more than 250 bytes, or one that begins as the package's own do, is
    hashed. Two different keys never become one, and no key becomes a record's.
    """
    if isinstance(key, Record):
        return _record(key)
    if key.startswith(RESERVED) or _unfit(made(key)):
        return f"{RESERVED}h:{digest(key)}"
    return key


def _record(record: Record) -> str:
    name = record.name
    if len(name) <= 100 and _SAFE(name or "-"):
        return f"{RESERVED}{record.kind}:={name}"
    return f"{RESERVED}{record.kind}:#{digest(name)}"


def _unfit(made: str) -> bool:
    if len(made.encode("utf-8", "surrogatepass")) > _LONGEST:
        return True
    return any(ord(char) <= 32 or ord(char) == 127 or "\ud800" <= char <= "\udfff" for char in made)


def matcher(glob: str) -> Callable[[str], bool]:
    r"""Return a test for ``glob``: ``*``, ``?``, ``[abc]``, ``[a-z]``, and ``\`` to escape."""
    pattern, at = [], 0
    while at < len(glob):
        piece, at = _piece(glob, at)
        pattern.append(piece)
    match = re.compile("".join(pattern), re.DOTALL).fullmatch
    return lambda key: match(key) is not None


def _piece(glob: str, at: int) -> tuple[str, int]:
    char = glob[at]
    if char == "*":
        return ".*", at + 1
    if char == "?":
        return ".", at + 1
    if char == "\\" and at + 1 < len(glob):
        return re.escape(glob[at + 1]), at + 2
    end = glob.find("]", at + 2)
    if char == "[" and end > 0:
        inside = glob[at + 1 : end]
        sign = "^" if inside[0] in "^!" and len(inside) > 1 else ""
        chars = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside[len(sign) :])
        return f"[{sign}{chars}]", end + 1
    return re.escape(char), at + 1
