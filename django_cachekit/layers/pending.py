"""Which flushes of tags wait for the commit of a transaction that this thread is in.

A flush inside ``transaction.atomic()`` becomes part of a ``Batch``: one of Django's ``on_commit``
callbacks, so that Django drops it with a transaction or a savepoint that is rolled back, and tells
by its list (``run_on_commit``) which batches still stand. Blocks that Django's ``TestCase`` opens
around each test are no transaction here.
"""

import threading
from collections.abc import Callable, Iterable, Set
from typing import Any, NamedTuple

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..core.operation import Operation

NONE: Set[str] = frozenset()


class Flush(NamedTuple):
    """Be one flush of tags: of which alias, how they match, and the call that carries it out.

    ``rows`` are those that the outbox keeps of it.
    """

    alias: str
    match: str
    tags: tuple[str, ...]
    call: Callable[[Operation], Any]
    rows: tuple[Any, ...] = ()


Settle = Callable[[BaseDatabaseWrapper, list[Flush]], None]


class Ledger:
    """Know the batches of one connection, and the list that Django last kept them in."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.batches: list[Batch] = []
        self.callbacks: list[Any] = []

    def prune(self) -> bool:
        """Let go of what was rolled back or is done; tell whether anything is left."""
        self.batches = [batch for batch in self.batches if batch.stands()]
        return bool(self.batches)

    def batch(self, settle: Settle) -> "Batch":
        """Return the batch that stands or falls with the savepoints of this moment."""
        self.prune()
        active = savepoints(self.connection)
        for batch in self.batches:
            # What else it was begun under is released by now, or Django had dropped it.
            if active <= batch.savepoints:
                break
        else:
            batch = Batch(self, active, settle)
            self.batches.append(batch)
        self.callbacks = self.connection.run_on_commit
        return batch


class Batch:
    """Hold flushes that stand or fall together; called by Django when they are committed."""

    def __init__(self, ledger: Ledger, active: Set[str], settle: Settle) -> None:
        self.ledger = ledger
        self.savepoints = active
        self.flushes: list[Flush] = []
        self.tags: dict[str, set[str]] = {}
        self.done = False
        self._known: set[Any] = set()
        self._settle = settle
        self._at = len(ledger.connection.run_on_commit)
        ledger.connection.on_commit(self)

    def __call__(self) -> None:
        """Carry out all that this commit lets happen, also what other savepoints have left."""
        flushes: list[Flush] = []
        for batch in self._committed():
            flushes += batch.flushes
            batch.done = True
        if flushes:
            self._settle(self.ledger.connection, flushes)

    def _committed(self) -> "list[Batch]":
        """Return the batches of this commit; those after this one where Django's list tells.

        Django takes its callbacks from the list one by one, so the list in which this one is no
        more is the one that is being carried out. It is another than was last seen if a savepoint
        was rolled back since: then each batch speaks for itself.
        """
        if self.done:
            return []
        left = [callback for _, callback, *_ in self.ledger.callbacks]
        if self in left:
            return [self]
        return [self, *(one for one in left if type(one) is Batch and not one.done)]

    def stands(self) -> bool:
        """Tell whether it still waits: Django drops callbacks with what is rolled back."""
        callbacks = self.ledger.connection.run_on_commit
        if self.done:
            return False
        if self._at < len(callbacks) and callbacks[self._at][1] is self:
            return True
        for at, (_, callback, *_) in enumerate(callbacks):
            if callback is self:
                self._at = at
                return True
        return False

    def lacking(self, alias: str, match: str, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of ``tags`` whose flush does not wait here yet."""
        if match == "all":
            return () if (alias, match, tags) in self._known else tags
        return tuple(tag for tag in tags if (alias, match, tag) not in self._known)

    def add(self, flush: Flush) -> None:
        """Have one more flush wait."""
        self.flushes.append(flush)
        self.tags.setdefault(flush.alias, set()).update(flush.tags)
        parts = [flush.tags] if flush.match == "all" else flush.tags
        self._known.update((flush.alias, flush.match, part) for part in parts)


class _Mine(threading.local):
    ledgers: dict[str, Ledger] = {}
    """Of this thread; the one it shares with others is empty, and never written to."""


_mine = _Mine()


def waiting(alias: str) -> Set[str]:
    """Return the tags of ``alias`` that will be flushed when this thread's transaction commits."""
    if not _mine.ledgers:
        return NONE
    _mine.ledgers = {name: ledger for name, ledger in _mine.ledgers.items() if ledger.prune()}
    found = [
        batch.tags[alias]
        for ledger in _mine.ledgers.values()
        for batch in ledger.batches
        if alias in batch.tags
    ]
    return found[0] if len(found) == 1 else frozenset[str]().union(*found)


def transactions() -> list[BaseDatabaseWrapper]:
    """Return the connections of this thread that are in a transaction; no other is made."""
    return [
        connection
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block and in_transaction(connection)
    ]


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a block is open that is not one of ``TestCase``'s own."""
    return any(not getattr(b, "_from_testcase", False) for b in connection.atomic_blocks)


def savepoints(connection: BaseDatabaseWrapper) -> Set[str]:
    """Return the savepoints that are open; a block without one falls with what is around it."""
    return frozenset(sid for sid in connection.savepoint_ids if sid)


def batch(connection: BaseDatabaseWrapper, settle: Settle) -> Batch:
    """Return the batch of this thread that is to wait for ``connection``'s commit.

    ``settle`` is called then, with all that is to be flushed.
    """
    ledger = _mine.ledgers.get(connection.alias)
    if ledger is None or ledger.connection is not connection:
        ledger = Ledger(connection)
        _mine.ledgers = {**_mine.ledgers, connection.alias: ledger}
    return ledger.batch(settle)


def merged(flushes: Iterable[Flush]) -> list[Flush]:
    """Return as few flushes as do the same: one for each alias, but each set of ``all`` its own."""
    found: dict[Any, list[Flush]] = {}
    for flush in flushes:
        apart = flush.tags if flush.match == "all" else ()
        found.setdefault((flush.alias, flush.match, apart), []).append(flush)
    return [_joined(group) for group in found.values()]


def _joined(group: list[Flush]) -> Flush:
    tags = dict.fromkeys(tag for flush in group for tag in flush.tags)
    rows = tuple(row for flush in group for row in flush.rows)
    return group[0]._replace(tags=tuple(sorted(tags)), rows=rows)
