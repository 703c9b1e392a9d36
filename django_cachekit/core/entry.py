"""The envelope around a value that carries more than itself."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

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
    """

    __slots__ = ("claim", "created", "expires", "fresh", "stamps", "value")

    def __init__(
        self,
        value: Any,
        created: float,
        expires: float | None = None,
        fresh: float | None = None,
        stamps: Mapping[str, bytes] = NO_STAMPS,
        claim: Claim | None = None,
    ) -> None:
        self.value = value
        self.created = created
        self.expires = expires
        self.fresh = fresh
        self.stamps = stamps
        self.claim = claim

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
        return restore, (1, *self._facts())

    def _facts(self) -> tuple[Any, ...]:
        return self.value, self.created, self.expires, self.fresh, dict(self.stamps)

    @property
    def hollow(self) -> bool:
        """Tell whether there is no value, only a claim."""
        return self.claim is not None and self.claim.hollow

    def live(self, now: float) -> bool:
        """Tell whether the entry has not expired at ``now``."""
        return self.expires is None or self.expires > now


def restore(version: int, *facts: Any) -> Entry:
    """Rebuild a pickled entry; a version from the future is refused (ValueError)."""
    if version != 1:
        raise ValueError(f"cache entry of unknown version {version}")
    return Entry(*facts)
