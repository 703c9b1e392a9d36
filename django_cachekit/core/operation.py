"""A verb as frozen data, and what comes back."""

import functools
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple


class Missing(Enum):
    """Hold the values that no cache can hold: a miss, and a quick read that could not tell."""

    MISSING = "missing"
    UNSURE = "unsure"

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self.value}>"


MISSING: Final = Missing.MISSING
UNSURE: Final = Missing.UNSURE
"""What a driver's ``quick`` answers when the long way round has to be taken."""


class Kind(Enum):
    """Say what a verb does to a store, which is all a layer has to know of it."""

    READ = "read"
    WRITE = "write"
    ATOMIC = "atomic"
    ADMIN = "admin"


class Record(NamedTuple):
    """Name a value the package keeps for itself (a tag's nonce, an epoch, a lease).

    It is no string, so no key a user can think of is ever equal to it.
    """

    kind: str
    name: str = ""


def tag_record(tag: str) -> Record:
    """Name the record that holds the nonce of ``tag``; one object, while it is in use."""
    return _kept(tag) if len(tag) <= 250 else Record("tag", tag)


@functools.lru_cache(1024)
def _kept(tag: str) -> Record:
    return Record("tag", tag)


WARMER = "warmer"
"""The kind of record under which one of several processes has the right to run a warmer."""


def claimable(key: "Key") -> bool:
    """Tell whether the right to compute a key can be had: all but records, and a warmer's."""
    return not isinstance(key, Record) or key.kind == WARMER


FLUSHES = Record("flushes")
"""The record that every flush of tags changes before it changes theirs."""

Key = str | Record


class Stamp:
    """Remember what was current before a value was computed.

    That is the alias's epoch, what the records of tags said, and the number of the last flush,
    where tags may be found while computing.
    """

    __slots__ = ("epoch", "flushes", "nonces")

    def __init__(
        self, epoch: Any, nonces: Mapping[str, bytes], flushes: bytes | None = None
    ) -> None:
        self.epoch = epoch
        self.nonces = nonces
        self.flushes = flushes

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stamp):
            return NotImplemented
        return bool(self.epoch == other.epoch) and self.nonces == other.nonces

    __hash__ = None  # type: ignore[assignment]  # compared, never a key


class Reply(NamedTuple):
    """Answer a read: what was found (a value, or the Entry around it), and the stamp if asked.

    With the stamp comes which of the keys another computes (``held``).
    """

    values: dict[Any, Any]
    stamp: Stamp | None = None
    held: frozenset[Any] = frozenset()


class Seen(NamedTuple):
    """Answer a ``see``: what is there, and what a ``swap`` must find there still.

    ``mark`` stands for what lies there and is the driver's own business; ``value`` is MISSING where
    that does not count. ``stamp`` is what was current, ``tags`` are those that lie there too.
    """

    value: Any
    mark: Any
    stamp: Stamp
    tags: tuple[str, ...] = ()


class Operation(NamedTuple):
    """Say what is to be done: one verb, one or many keys, and what goes with them.

    ``ttl`` is in seconds, None for ever, or Django's ``DEFAULT_TIMEOUT``. ``fresh`` is the
    soft part of it; ``ends`` is when the value ends, of which a spare copy lies on for its ``ttl``,
    and ``cost`` how long it took to compute. ``tags`` are those the caller declared; ``stamp`` is
    what was current before the values were computed; ``snapshot`` asks a read to bring such a stamp
    back, and ``finds`` one that holds for tags found while computing. ``soft`` asks a read for what
    is stale too, or has ended. ``by`` and ``initial`` belong to ``incr`` (``initial`` None: the key
    must be there), ``glob`` to ``keys``. ``match`` says what a ``flush`` or ``mark`` of tags takes
    (any, all, soft), what a ``claim`` may be laid over (absent, present, taken), whether a
    ``swap`` leaves tags, and a ttl that is KEEP, as they are (present) or begins anew (absent), and
    what is asked of a ``lock`` (take, renew, free, look, wait, wipe). ``seen`` is the mark that a
    ``swap`` must find there still. ``token`` is that of a claim: a ``write``,
    ``touch`` or ``delete`` with one acts only where that claim lies. In ``space`` keys are others
    than in the alias at large. A ``quiet`` operation is part of another, and sends no signals.
    """

    verb: str
    kind: Kind
    keys: tuple[Key, ...] = ()
    version: int | None = None
    values: Mapping[Any, Any] = {}
    ttl: Any = None
    fresh: float | None = None
    ends: float | None = None
    cost: float | None = None
    tags: tuple[str, ...] = ()
    stamp: Stamp | None = None
    snapshot: bool = False
    by: int = 0
    initial: int | None = None
    glob: str = "*"
    match: str = "any"
    token: bytes = b""
    seen: Any = None
    soft: bool = False
    finds: bool = False
    space: str = ""
    label: str = ""
    quiet: bool = False

    @property
    def plain(self) -> bool:
        """Tell whether a write has nothing to say of its values, which then need no envelope."""
        return not self.tags and self.fresh is self.ends is self.cost is None

    @property
    def key(self) -> Key:
        """Return the one key of a verb that has one."""
        return self.keys[0]

    @property
    def name(self) -> str:
        """Return the verb as its caller knows it (``has`` is a read), for signals and errors."""
        return self.label or self.verb
