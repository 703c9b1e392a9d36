"""Which flushes of tags wait for the commit of a transaction that this thread is in."""

from collections.abc import Set

NONE: Set[str] = frozenset()


def waiting(alias: str) -> Set[str]:
    """Return the tags of ``alias`` that will be flushed when this thread's transaction commits."""
    return NONE
