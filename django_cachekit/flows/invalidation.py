"""The verbs that take many entries away at once.

Inside ``transaction.atomic()`` they wait for the commit. A store that lies in the very database of
the transaction does not: there the flush is part of it.
"""

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ..core.faces import BLOCKING, Hop, run_now
from ..core.operation import Kind, Operation
from ..errors import StoreUnavailable
from ..layers import memo, pending
from ..layers.pending import Flush
from ..scopes import Port, Stack
from . import outbox

MATCHES = ("any", "all")

log = logging.getLogger("django_cachekit")


async def flush_tags(port: Port, match: str = "any") -> None:
    """Let every entry that bears any (or all) of the scope's tags be gone: one write per tag.

    Inside a transaction it is done when that commits, and dropped when it is rolled back.
    """
    if match not in MATCHES:
        raise ValueError(f"match is 'any' or 'all', not {match!r}.")
    await _flush(port, match if len(port.tags) > 1 else "any")


async def expire_tags(port: Port) -> None:
    """Let entries that bear any of the scope's tags count as stale: ``flexible`` may serve them.

    It does so once more, while one caller computes anew; for every other verb they are gone.
    """
    await _flush(port, "soft")


async def _flush(port: Port, match: str) -> None:
    around = pending.transactions()
    if around:
        own = getattr(port.stack.driver, "transactional", None)
        for connection in around:
            if connection.alias != own:
                _defer(connection, port, match)
        if own not in [connection.alias for connection in around]:
            return
    try:
        await port.call(_flushing(port.tags, match))
    except StoreUnavailable as error:
        where = outbox.database()
        if where is None:
            raise
        for connection in around:
            if connection.alias == where:
                # The row would stand or fall with that transaction, and so may the flush.
                _defer(connection, port, match)
                return
        # A database is asked, which the event loop's own thread must not do.
        await port.face.run(Hop.DJANGO, outbox.keep, port.alias, match, port.tags, error)


def _flushing(tags: tuple[str, ...], match: str) -> Operation:
    return Operation("flush", Kind.ADMIN, tags=tags, match=match)


def _defer(connection: BaseDatabaseWrapper, port: Port, match: str) -> None:
    """Have the flush wait for the commit of ``connection``."""
    batch, alias = pending.batch(connection, _settle), port.alias
    fresh = batch.lacking(alias, match, port.tags)
    if fresh:
        rows = outbox.note(connection, alias, match, fresh)
        batch.add(Flush(alias, match, fresh, partial(_carried, port.stack), rows))
    memo.forget()


def _carried(stack: Stack, op: Operation) -> Any:
    return run_now(Port(BLOCKING, lambda: stack).call(op))


def _settle(connection: BaseDatabaseWrapper, flushes: list[Flush]) -> None:
    """Carry out what waited for a commit that has happened.

    One that fails keeps none of the others from being tried. It is left to the outbox, or raised:
    somebody has to know.
    """
    rows: list[Any] = []
    failed: Exception | None = None
    for flush in pending.merged(flushes):
        try:
            rows += _done(flush)
        except Exception as error:  # the first is raised below, when all were tried
            log.error("cache %r: a flush of tags at commit failed: %s", flush.alias, error)
            failed = failed or error
    outbox.done(rows)
    if failed is not None:
        raise failed


def _done(flush: Flush) -> Sequence[Any]:
    """Carry it out, and return the rows that are of no use any more."""
    try:
        flush.call(_flushing(flush.tags, flush.match))
    except StoreUnavailable as error:
        if flush.rows:
            outbox.left(flush.alias, error)
        else:
            outbox.keep(flush.alias, flush.match, flush.tags, error)
        return ()
    return flush.rows
