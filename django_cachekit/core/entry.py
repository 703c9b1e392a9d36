"""The envelope around a value that carries more than itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from . import clock

EXPIRED = 0.0
"""The soft expiry of an entry of which a tag has expired, as it is handed to those who ask."""

NO_STAMPS: Mapping[str, bytes] = MappingProxyType({})


class Claim(NamedTuple):
    """Hold the right to compute what lies where it lies: whose it is, and until when.

    ``until`` is in Unix seconds. A ``hollow`` one has no value beside it: for all but those who
    would compute, nothing is there.
    """

    token: bytes
    until: float
    hollow: bool


class Entry:
    """Hold a value with its times and the tag nonces it was computed under.

    Times are Unix seconds; ``expires`` None means never. ``fresh`` is the soft
    expiry: later than it, the value is stale but not dead (None: as ``expires``).
    ``stamps`` maps each tag to what its record said *before* the value was
    computed (see ``marks``). ``claim`` is that of who computes the value anew.
    ``ends`` is when the value ends for all but those who ask for a spare one,
    which is kept until ``expires`` (None: as ``expires``). ``cost`` is how many
    seconds it took to compute.
    """

    __slots__ = ("claim", "cost", "created", "ends", "expires", "fresh", "stamps", "value")

    def __init__(
        self,
        value: Any,
        created: float,
        expires: float | None = None,
        fresh: float | None = None,
        stamps: Mapping[str, bytes] = NO_STAMPS,
        claim: Claim | None = None,
        ends: float | None = None,
        cost: float | None = None,
    ) -> None:
        self.value = value
        self.created = created
        self.expires = expires
        self.fresh = fresh
        self.stamps = stamps
        self.claim = claim
        self.ends = ends
        self.cost = cost

    def __repr__(self) -> str:
        """Say everything but the value, which may be private."""
        tags = ", ".join(self.stamps) or "no tags"
        return f"<Entry of {type(self.value).__name__}, {tags}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return self._facts() == other._facts()

    __hash__ = None  # type: ignore[assignment]  # mutable, like the value it holds

    def __reduce__(self) -> tuple[Any, ...]:
        facts = self._facts()
        return restore, ((1, *facts[:5]) if self.ends is self.cost is None else (2, *facts))

    def _facts(self) -> tuple[Any, ...]:
        known = (self.value, self.created, self.expires, self.fresh, dict(self.stamps))
        return (*known, self.ends, self.cost)

    @property
    def hollow(self) -> bool:
        """Tell whether there is no value, only a claim."""
        return self.claim is not None and self.claim.hollow

    def holding(self, value: Any) -> "Entry":
        """Return the same entry around another value."""
        times = (self.created, self.expires, self.fresh)
        return Entry(value, *times, self.stamps, self.claim, self.ends, self.cost)

    @property
    def bare(self) -> bool:
        """Tell whether there is nothing to know of it but its value."""
        return not self.stamps and self.fresh is self.ends is self.cost is None

    @property
    def over(self) -> bool:
        """Tell whether the value has ended, and is only a spare one any more."""
        return self.ends is not None and self.ends <= clock.now()

    @property
    def spare(self) -> bool:
        """Tell whether it is only there for those who ask for more: ended, or a tag expired."""
        return self.fresh == EXPIRED or self.over

    @property
    def end(self) -> float | None:
        """Return when it is to be computed anew: stale, ended or gone (None: never)."""
        ends = self.expires if self.ends is None else self.ends
        return ends if self.fresh is None else self.fresh

    def live(self, now: float) -> bool:
        """Tell whether the entry has not expired at ``now``."""
        return self.expires is None or self.expires > now


def restore(version: int, *facts: Any) -> Entry:
    """Rebuild a pickled entry; a version from the future is refused (ValueError)."""
    if version not in (1, 2):
        raise ValueError(f"cache entry of unknown version {version}")
    value, created, expires, fresh, stamps, *more = facts
    return Entry(value, created, expires, fresh, stamps, None, *more)
