"""What a store of bytes gives: a few hooks over names and bytes.

An ``Engine`` is blocking, and enough for most stores; ``Faced`` speaks to it as to a
``FacedEngine``, whose client can also be awaited. ``Bytes`` knows only the latter.
"""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol, TypeVar, cast

from ..core.faces import Face, Hop, run_now
from ..core.facts import Facts
from ..core.remedies import WHO
from ..errors import NotSupported
from ..layers.tagindex import Row

T = TypeVar("T")


class Blob(NamedTuple):
    """Hold what is to be stored under a name: the bytes, and when (Unix seconds) they expire.

    ``epoch`` is what they were sealed under, for an engine whose entries are not all of one.
    ``rows`` are for the index of tags, for one that can write them along with the entry.
    ``records`` are the names of what is read with it, for an engine that ``gathers``.
    """

    data: bytes
    expires: float | None
    epoch: int = 0
    rows: tuple[Row, ...] = ()
    records: tuple[bytes, ...] = ()


class Sealed(bytes):
    """Be bytes that were sealed under an epoch of their own, whichever the engine told."""

    epoch: int

    @classmethod
    def under(cls, data: bytes, epoch: int) -> "Sealed":
        """Return the bytes with the epoch they were sealed under."""
        made = cls(data)
        made.epoch = epoch
        return made


def epoch_of(data: bytes | None, epoch: int) -> int:
    """Return the epoch that the bytes were sealed under: their own, or the one that was told."""
    return data.epoch if type(data) is Sealed else epoch


class Name(bytes):
    """Be a name that knows the text it stands for, as an engine that is ``readable`` asks."""

    text: str
    key: bytes | None = None
    """What the engine has made of it, if it cares to remember."""

    @classmethod
    def of(cls, name: bytes, text: str) -> "Name":
        """Return the name with its text: a full key's, or a record's (which begins with NUL)."""
        made = cls(name)
        made.text = text
        return made


class Keep(Enum):
    """Leave what is stored as it is."""

    KEEP = "keep"


KEEP = Keep.KEEP
Change = Callable[[bytes | None, int], tuple[Blob | Keep | None, T]]
Changing = Callable[[bytes | None, int], Coroutine[Any, Any, tuple[Blob | Keep | None, T]]]
Found = tuple[int, dict[bytes, bytes]]
Gathered = tuple[Found, frozenset[bytes]]


_FLUSHED, _BEGUN = 1, 2


def new_epoch(*, flushed: bool) -> int:
    """Return 64 random bits for a new epoch, never 0; its lowest tells how the epoch began.

    Being random and no count, an epoch that was lost or restored is never come to again.
    """
    number = int.from_bytes(os.urandom(8), "big") & ~_FLUSHED | _BEGUN
    return number | _FLUSHED if flushed else number


def is_flushed(epoch: int) -> bool:
    """Tell whether an epoch began with a flush, and not because there was none."""
    return bool(epoch & _FLUSHED)


class Moved(Exception):
    """Say that the epoch is not the one the blobs were made under: nobody will read them."""


class Engine(Protocol):
    """Give a few blocking hooks over bytes; names are 32 bytes each, and tell nothing of the key.

    Bulk is the base case. An error of the client (``OSError``, ``django.db.Error`` or what
    ``errors`` names) is raised as it is and translated above. These may be there too, each
    saving a trip to the store; what is not there is derived from the others:

    ``epoch() -> int``
        The epoch to make blobs under: perhaps one seen a while ago, which ``write`` finds out.
    ``take(names) -> (epoch, found)``
        Read and remove, so that one caller alone gets what was there.
    ``create(name, blob, epoch) -> (epoch, data)``
        Store where nothing live is; ``data`` is None if it was stored, else what is there.
    ``count(name, by) -> (epoch, data)``
        Add to a counter (see ``numbers``) and return its bytes; None where there is no counter,
        or the sum is not in 64 bits.
    ``updates(changes) -> results``
        What ``update`` does for each of several names, in fewer trips.
    ``errors: tuple[type[Exception], ...]``
        What the client raises, besides ``OSError`` and ``django.db.Error``.
    ``unsure(error) -> bool``
        Whether the store may have acted all the same (False where it is not there).
    ``lasting: bool``
        Whether its ``clear`` removes all that was there, so that what was not computed is sealed
        under epoch 0, which never ends. Such an engine's ``epoch()`` is 0, and ``read`` gives
        ``Sealed`` bytes, of those alone that are under 0 or the epoch that stands.

    ``facts() -> Facts``
        What the store knows of the alias without reading it (``core.facts``): for
        ``cache_stats``. Without it nothing is told.
    ``orderly: bool``
        Whether it reads, and writes, several names in the order given, or all at once. It saves
        a trip where that matters: a flush of tags, and tags found while computing.

    Where entries are not all under one epoch, ``read``, ``take``, ``create``, ``count`` and
    ``update`` may give ``Sealed`` bytes in place of plain ones.
    """

    hop: Hop

    def read(self, names: Sequence[bytes]) -> Found:
        """Return the epoch and what is stored under ``names``, expired or not, in one trip."""

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``, each whole or not at all; they were made under ``epoch``.

        Raises ``Moved`` if that is past, where the engine sees it.
        """

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
        """Walk over all names and what lies under them; what changes meanwhile may be missed.

        A store that cannot list what it holds has no such hook.
        """

    def prune(self) -> int:
        """Remove what has expired or is over the bounds, and return how many went.

        A store that does so by itself has no such hook.
        """


class FacedEngine(Protocol):
    """Give the same hooks, all of them, as coroutines that reach the store through a face.

    ``swift`` names those of ``take create count`` that save a trip; the others are not called.
    ``hop`` is where an awaiting face may run a call of several hooks; None where the hooks await.
    ``readable`` asks that every name be a ``Name``. It may be ``lasting`` and ``orderly`` too.

    One that can make several changes in fewer trips than one by one has ``updates(face, changes)``,
    which returns the results by name. ``facts(face)`` may be there too.

    One with an attribute ``gathers`` that is true has one more hook, ``gather(face, name)``, which
    returns the epoch and what is stored under the name, with its ``Blob``'s ``records`` as far as
    they were brought along, and the names of all that were asked for, there or not.
    """

    hop: Hop | None
    swift: frozenset[str]
    readable: bool
    errors: tuple[type[Exception], ...]

    def unsure(self, error: Exception) -> bool:
        """Tell whether the store may have acted although the call failed."""

    async def epoch(self, face: Face) -> int:
        """Return the epoch to make blobs under, beginning one where there is none."""

    async def read(self, face: Face, names: Sequence[bytes]) -> Found:
        """Return the epoch (0 if none has begun) and what is stored, in one trip."""

    async def write(self, face: Face, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``, or raise ``Moved`` if ``epoch`` is past."""

    async def remove(self, face: Face, names: Sequence[bytes]) -> None:
        """Remove ``names``."""

    async def take(self, face: Face, names: Sequence[bytes]) -> Found:
        """Read and remove ``names``."""

    async def create(
        self, face: Face, name: bytes, blob: Blob, epoch: int
    ) -> tuple[int, bytes | None]:
        """Store where nothing live is; return the epoch, and None or what is there."""

    async def count(self, face: Face, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a counter; return the epoch, and its bytes or None."""

    async def update(self, face: Face, name: bytes, change: Changing[T]) -> T:
        """Replace what is under ``name`` in one atomic step; ``change`` may read the store."""

    async def clear(self, face: Face) -> None:
        """Advance the epoch for good, then remove everything."""

    def scan(
        self, face: Face, version: int | None = None, glob: str = "*"
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """Walk over all that may be of that version (None: any) and match ``glob``, and more.

        NotSupported if the store cannot list what it holds.
        """

    async def prune(self, face: Face) -> int:
        """Remove what has expired, and return how many went."""


class Faced:
    """Speak to a blocking engine; its hooks are called here, in whatever thread this runs."""

    readable = False

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.hop: Hop | None = engine.hop
        self.swift = frozenset(
            name for name in ("take", "create", "count") if hasattr(engine, name)
        )
        self.errors: tuple[type[Exception], ...] = getattr(engine, "errors", ())
        self.lasting = bool(getattr(engine, "lasting", False))
        self.orderly = bool(getattr(engine, "orderly", False))
        self._given = cast(Any, engine)
        if hasattr(engine, "updates"):
            self.updates = self._updates
        if hasattr(engine, "facts"):
            self.facts = self._facts

    def unsure(self, error: Exception) -> bool:
        """Ask the engine, which knows its client; one that does not say is sure."""
        asked = getattr(self.engine, "unsure", None)
        return bool(asked and asked(error))

    async def epoch(self, face: Face) -> int:
        """Return the engine's own guess, or the epoch as it reads it."""
        known = getattr(self.engine, "epoch", None)
        return int(known()) if callable(known) else self.engine.read([])[0]

    async def read(self, face: Face, names: Sequence[bytes]) -> Found:
        """Read in one trip."""
        return self.engine.read(names)

    async def write(self, face: Face, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        """Store all of ``blobs``."""
        self.engine.write(blobs, epoch)

    async def remove(self, face: Face, names: Sequence[bytes]) -> None:
        """Remove ``names``."""
        self.engine.remove(names)

    async def take(self, face: Face, names: Sequence[bytes]) -> Found:
        """Read and remove ``names``."""
        return self._given.take(names)  # type: ignore[no-any-return]  # it is in swift

    async def create(
        self, face: Face, name: bytes, blob: Blob, epoch: int
    ) -> tuple[int, bytes | None]:
        """Store where nothing live is."""
        return self._given.create(name, blob, epoch)  # type: ignore[no-any-return]  # it is in swift

    async def count(self, face: Face, name: bytes, by: int) -> tuple[int, bytes | None]:
        """Add to a counter."""
        return self._given.count(name, by)  # type: ignore[no-any-return]  # it is in swift

    async def update(self, face: Face, name: bytes, change: Changing[T]) -> T:
        """Replace what is under ``name``."""
        return self.engine.update(name, lambda data, epoch: run_now(change(data, epoch)))

    async def _updates(self, face: Face, changes: Mapping[bytes, Changing[T]]) -> Mapping[bytes, T]:
        """Replace what is under each name."""

        def now(change: Changing[T]) -> Change[T]:
            return lambda data, epoch: run_now(change(data, epoch))

        made = {name: now(change) for name, change in changes.items()}
        return self._given.updates(made)  # type: ignore[no-any-return]  # it has the hook

    async def _facts(self, face: Face) -> Facts:
        """Return what the store tells of itself."""
        return self._given.facts()  # type: ignore[no-any-return]  # it has the hook

    async def clear(self, face: Face) -> None:
        """Empty the store."""
        self.engine.clear()

    async def scan(
        self, face: Face, version: int | None = None, glob: str = "*"
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """Walk over everything, whatever is wanted: names tell nothing of keys."""
        if not hasattr(self.engine, "scan"):
            raise NotSupported(f"cannot list its keys: {WHO['keys']}.")
        for pair in self.engine.scan():
            yield pair

    async def prune(self, face: Face) -> int:
        """Remove what has expired; 0 where the store does so by itself."""
        return self.engine.prune() if hasattr(self.engine, "prune") else 0
