"""What is said to a server, and what its answers mean."""

from typing import Any, NamedTuple

from redis import exceptions

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
