"""The verbs that take many entries away at once."""

from ..core.operation import Kind, Operation
from ..errors import NotSupported
from ..scopes import Port


async def flush_tags(port: Port, match: str = "any") -> None:
    """Let every entry that bears any of the scope's tags be gone: one small write per tag."""
    if match not in ("any", "all"):
        raise ValueError(f"match is 'any' or 'all', not {match!r}.")
    if match == "all" and len(port.tags) > 1:
        raise NotSupported("flush(match='all') of several tags is not supported yet.")
    await port.call(Operation("flush", Kind.ADMIN, tags=port.tags))
