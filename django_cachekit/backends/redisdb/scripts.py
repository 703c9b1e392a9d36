"""The scripts that run inside the server: each a file of its own in ``lua/``."""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from .words import Command

_FOLDER = Path(__file__).with_name("lua")


class Script(NamedTuple):
    """Be one script; a server that does not know its digest is sent its text."""

    text: bytes
    digest: bytes

    def __call__(self, key: bytes, *args: Any) -> Command:
        """Return the command that runs it on a key."""
        return Command(key, (b"EVALSHA", self.digest, 1, key, *args), self.text)


def _script(*names: str) -> Script:
    """Return the script in a file, or in several that follow each other."""
    text = b"\n".join(_FOLDER.joinpath(f"{name}.lua").read_bytes() for name in names)
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode())


COUNT = _script("count")
CREATE = _script("create")
GATHER = _script("gather")
SWAP = _script("swap")
SWEEP = _script("sweep")
UNNOTE = _script("unnote")

TAKE = _script("lock", "take")
RENEW = _script("lock", "renew")
FREE = _script("lock", "free")
STANDS = _script("lock", "stands")
