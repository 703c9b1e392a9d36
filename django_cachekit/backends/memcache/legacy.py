"""What Django's PyMemcacheCache left on the same nodes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...codecs import Unreadable
from ...codecs.legacy import Legacy
from ...core.faces import Face
from ...core.keys import usual
from ..engine import is_flushed
from ..legacy import Left
from .engine import Engine
from .wire import Reply


class OldItems:
    """Reach the items of Django's backend, each on the node where it placed its key.

    What lies on a node that was flushed is passed over: that one's epoch tells, not that of the
    node on which ours will lie, which may have been begun anew since.
    """

    def __init__(
        self, engines: Sequence[Engine], place: Callable[[str], int], legacy: Legacy
    ) -> None:
        self.engines = engines
        self.place = place
        self.legacy = legacy

    async def find(self, face: Face, texts: Sequence[str]) -> Mapping[str, Left]:
        """Return what lies under these keys, in one trip to each node concerned."""
        found = {}
        for text, reply in self._each(texts, b"mg %b v f t c"):
            if reply.data is not None:
                found[text] = Left(self._value(reply), _left(reply), reply.cas)
        return found

    async def claim(self, face: Face, text: str, token: Any) -> bool:
        """Delete an item if it is still the one that was found."""
        done = self._each([text], b"md %%b C%b" % token)
        return [reply.status for _, reply in done] == [b"HD"]

    async def drop(self, face: Face, texts: Sequence[str]) -> None:
        """Delete the items of these keys."""
        self._each(texts, b"md %b")

    def _each(self, texts: Sequence[str], command: bytes) -> list[tuple[str, Reply]]:
        """Say something of every key that Django's backend could have used."""
        groups: dict[int, list[str]] = {}
        for text in filter(usual, texts):
            groups.setdefault(self.place(text), []).append(text)
        answers: list[tuple[str, Reply]] = []
        for number, some in groups.items():
            commands = [command % text.encode("ascii") for text in some]
            epoch, replies = self.engines[number].ask(commands)
            if not is_flushed(epoch):
                answers += zip(some, replies, strict=True)
        return answers

    def _value(self, reply: Reply) -> Any:
        try:
            return self.legacy.memcached(reply.data or b"", int(reply.flag(b"f") or 0))
        except Unreadable as unreadable:
            return unreadable


def _left(reply: Reply) -> float | None:
    """Return the seconds an item has left; memcached says -1 for ever."""
    seconds = int(reply.flag(b"t") or -1)
    return None if seconds < 0 else float(seconds)
