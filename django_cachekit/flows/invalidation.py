"""The verbs that take many entries away at once."""

from ..core.operation import Kind, Operation
from ..scopes import Port

MATCHES = ("any", "all")


async def flush_tags(port: Port, match: str = "any") -> None:
    """Let every entry that bears any (or all) of the scope's tags be gone: one write per tag."""
    if match not in MATCHES:
        raise ValueError(f"match is 'any' or 'all', not {match!r}.")
    await _flush(port, match if len(port.tags) > 1 else "any")


async def expire_tags(port: Port) -> None:
    """Let entries that bear any of the scope's tags count as stale: ``flexible`` may serve them.

    It does so once more, while one caller computes anew; for every other verb they are gone.
    """
    await _flush(port, "soft")


async def _flush(port: Port, match: str) -> None:
    await port.call(Operation("flush", Kind.ADMIN, tags=port.tags, match=match))
