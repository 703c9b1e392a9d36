"""What a store of bytes gives: a few hooks over names and bytes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

from ..core.faces import Hop

T = TypeVar("T")


class Blob(NamedTuple):
    """Hold what is to be stored under a name: the bytes, and when (Unix seconds) they expire."""

    data: bytes
    expires: float | None


class Keep(Enum):
    """Leave what is stored as it is."""

    KEEP = "keep"


KEEP = Keep.KEEP
Change = Callable[[bytes | None, int], tuple[Blob | Keep | None, T]]


class Engine(Protocol):
    """Give a few hooks over bytes; names are 32 bytes each, and tell nothing of the key.

    Bulk is the base case. An error of the client (``OSError``, ``django.db.Error`` or what
    ``errors`` names) is raised as it is and translated above.
    """

    hop: Hop

    def read(self, names: Sequence[bytes]) -> tuple[int, dict[bytes, bytes]]:
        """Return the epoch and what is stored under ``names``, expired or not, in one trip."""

    def write(self, blobs: Mapping[bytes, Blob]) -> None:
        """Store all of ``blobs``, each whole or not at all."""

    def remove(self, names: Sequence[bytes]) -> None:
        """Remove ``names``; one that is not there is no error."""

    def update(self, name: bytes, change: Change[T]) -> T:
        """Replace what is under ``name`` by ``change(data or None, epoch)``, in one atomic step.

        ``change`` returns what to store (a ``Blob``, None to remove, ``KEEP``) and a result, which
        is returned. It may be called again if another writer came between.
        """

    def clear(self) -> None:
        """Advance the epoch for good, then remove everything."""

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        """Walk over all names and what lies under them; what changes meanwhile may be missed."""

    def prune(self) -> int:
        """Remove what has expired or is over the bounds, and return how many went."""
