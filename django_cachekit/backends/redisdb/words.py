"""What is said to a server, and what its answers mean."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from redis import exceptions

from ..engine import Blob

Node = tuple[str, int] | None
"""Where a server of a cluster is; None for the only one there is."""


class Command(NamedTuple):
    """Be one command; ``key`` says which server of a cluster it is for.

    ``script`` is the text of a script named by its digest. ``node`` names the server, where no key
    does.
    """

    key: bytes
    args: tuple[Any, ...]
    script: bytes = b""
    node: Node = None

    def whole(self) -> "Command":
        """Return the command with the text of its script in place of the digest."""
        return self._replace(args=(b"EVAL", self.script, *self.args[2:]), script=b"")


class Index(Protocol):
    """Be the index of tags, whose notes ride along with what is written."""

    def along(self, epoch: int, blobs: Iterable[Blob]) -> list[Command]:
        """Return the commands that note what is written."""

    def heard(self, answers: Iterable[Any]) -> None:
        """Hear what came of them: nothing that would fail a write."""


class Garbled(exceptions.ConnectionError):
    """Say that an answer made no sense: bytes were spoilt on the way, or it is another's."""


def firm(answer: Any) -> Any:
    """Return an answer, or raise the error that it is."""
    if isinstance(answer, Exception):
        raise answer
    return answer


def text(answer: Any) -> bytes | None:
    """Return the bytes that lie under a key; what is no string there counts as nothing."""
    if answer is None or type(answer) is bytes:
        return answer
    if isinstance(answer, exceptions.ResponseError) and str(answer).startswith("WRONGTYPE"):
        return None
    firm(answer)
    raise Garbled("a string was expected")
