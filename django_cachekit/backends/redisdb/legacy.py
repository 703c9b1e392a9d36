"""What Django's RedisCache or django-redis left on the same server."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...codecs import Unreadable
from ...codecs.legacy import Legacy
from ...core.faces import Face
from ..legacy import Left
from .scripts import SWAP
from .wire import Wire
from .words import Command, firm, text

_EVER = -1
"""What PTTL says of a key that does not expire."""


class OldKeys:
    """Reach the keys that another backend made; those of a cluster on all its servers."""

    def __init__(self, wire: Wire, legacy: Legacy) -> None:
        self.wire = wire
        self.legacy = legacy

    async def find(self, face: Face, texts: Sequence[str]) -> Mapping[str, Left]:
        """Return what lies under these keys, in one trip; what is no string counts as nothing."""
        keys = {_octets(one): one for one in texts}
        asks = [Command(key, (b"PTTL", key)) for key in keys]
        asks += [Command(key, (b"GET", key)) for key in keys]
        answers = await self.wire.ask(face, asks, again=True)
        found = {}
        for one, left, answer in zip(texts, answers, answers[len(keys) :], strict=False):
            data = text(answer)
            if data is not None:
                ttl = None if firm(left) == _EVER else firm(left) / 1000
                found[one] = Left(self._value(data), ttl, data)
        return found

    async def claim(self, face: Face, text: str, token: Any) -> bool:
        """Remove a key if what was found is still there."""
        (answer,) = await self.wire.ask(face, [SWAP(_octets(text), b"there", token)])
        return bool(firm(answer) == b"swapped")

    async def drop(self, face: Face, texts: Sequence[str]) -> None:
        """Remove these keys."""
        keys = map(_octets, texts)
        for answer in await self.wire.ask(face, [Command(key, (b"UNLINK", key)) for key in keys]):
            firm(answer)

    def _value(self, data: bytes) -> Any:
        try:
            return self.legacy.redis(data)
        except Unreadable as unreadable:
            return unreadable


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
