"""What these tests share: a time, keys, sound options, and a pickle that bites."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django_cachekit.codecs import Chain, Unreadable, build
from django_cachekit.core.entry import Entry

NOW = 1_800_000_000.0
KEY, OLD_KEY, INDEX_KEY = bytes(range(32)), b"o" * 32, bytes(range(32, 64))
FULL_KEY = ":1:user:42"

RAW, OTHER, INDEX = (bytes((n,)) * 31 + b"~" for n in (1, 2, 3))
SECRET = b"a secret key of fifty letters, as Django makes them"
OLD_SECRET = b"the secret key that was before, which is a fallback"


def text(raw: bytes) -> str:
    """Spell a key."""
    return base64.urlsafe_b64encode(raw).decode()


def options(**more: Any) -> dict[str, Any]:
    """Return options that seal, and more."""
    return {"ENCRYPTION_KEYS": [text(RAW)], "INDEX_KEY": text(INDEX), **more}


def made(
    given: dict[str, Any], secrets: Sequence[bytes] = (SECRET,), alias: str = "default"
) -> Chain:
    """Return the chain that options make."""
    return build(given, store_id=alias, secret_keys=secrets)


def reads(one: Chain, other: Chain) -> bool:
    """Tell whether one chain reads what another wrote."""
    data = other.dumps(other.name(FULL_KEY), Entry("v", NOW))
    try:
        return bool(one.loads(one.name(FULL_KEY), data).value == "v")
    except Unreadable:
        return False


class Bait:
    """Leave a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)
