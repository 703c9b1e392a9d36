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
    """Know the batches of one connection: which stand, and what waits in them."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection
        self.batches: list[Batch] = []
        self.tags: dict[str, set[str]] = {}
        self._callbacks: list[Any] = []
        self._by_state: dict[tuple[str, ...], Batch] = {}

    def prune(self) -> bool:
        """Let go of what was rolled back or is done; tell whether anything is left.

        While Django's list is the one that was last seen, nothing was: it makes another when it
        drops callbacks, and when it begins to carry them out.
        """
        if self.connection.run_on_commit is not self._callbacks:
            self._callbacks = self.connection.run_on_commit
            there = {id(callback) for _, callback, *_ in self._callbacks}
            self._keep([batch for batch in self.batches if id(batch) in there])
        return bool(self.batches)

    def batch(self, settle: Settle) -> "Batch":
        """Return the batch that stands or falls with the savepoints of this moment."""
        self.prune()
        # A block without a savepoint falls with the one around it.
        state = tuple(sid for sid in self.connection.savepoint_ids if sid)
        found = self._by_state.get(state)
        if found is None:
            found = Batch(self, state, settle)
            self.connection.on_commit(found)
            self._keep([found], anew=False)
        return found

    def committed(self, first: "Batch") -> "list[Batch]":
        """Return the batches of a commit, of which ``first`` was called; others where it is known.

        Django takes its callbacks from the list one by one, so the list in which this one is no
        more is the one that is being carried out. It is another than was last seen if a savepoint
        was rolled back since, or if a callback began another transaction: then each batch speaks
        for itself.
        """
        left = [callback for _, callback, *_ in self._callbacks]
        known = first in self.batches and first not in left
        others = [one for one in left if type(one) is Batch and not one.done] if known else []
        found = [first, *others]
        for batch in found:
            batch.done = True
        self._keep([batch for batch in self.batches if not batch.done])
        return found

    def _keep(self, batches: "list[Batch]", anew: bool = True) -> None:
        """Have these batches, in the place of all others or beside them."""
        if anew:
            self.batches, self.tags, self._by_state = [], {}, {}
        for batch in batches:
            self.batches.append(batch)
            for depth in range(len(batch.savepoints) + 1):
                # Where only some of them are open any more, the others were released.
                self._by_state.setdefault(batch.savepoints[:depth], batch)
            for flush in batch.flushes:
                self.tags.setdefault(flush.alias, set()).update(flush.tags)


class Batch:
    """Hold flushes that stand or fall together; called by Django when they are committed."""

    def __init__(self, ledger: Ledger, savepoints: tuple[str, ...], settle: Settle) -> None:
        self.ledger = ledger
        self.savepoints = savepoints
        self.flushes: list[Flush] = []
        self.done = False
        self._known: set[Any] = set()
        self._settle = settle

    def __call__(self) -> None:
        """Carry out all that this commit lets happen, also what other savepoints have left."""
        if self.done:
            return
        batches = self.ledger.committed(self)
        flushes = [flush for batch in batches for flush in batch.flushes]
        if flushes:
            self._settle(self.ledger.connection, flushes)

    def lacking(self, alias: str, match: str, tags: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of ``tags`` whose flush does not wait here yet."""
        if match == "all":
            return () if (alias, match, tags) in self._known else tags
        return tuple(tag for tag in tags if (alias, match, tag) not in self._known)

    def add(self, flush: Flush) -> None:
        """Have one more flush wait."""
        self.flushes.append(flush)
        self.ledger.tags.setdefault(flush.alias, set()).update(flush.tags)
        parts = [flush.tags] if flush.match == "all" else flush.tags
        self._known.update((flush.alias, flush.match, part) for part in parts)


class _Mine(threading.local):
    ledgers: dict[str, Ledger] = {}
    """Of this thread; the one it shares with others is empty, and never written to."""


_mine = _Mine()

BUSY: set[int] = set()
"""The threads in which something may wait: a look at this is all that is asked of most calls.

One that ended in mid-transaction may stay here, which costs the others a second look.
"""


def waiting(alias: str) -> Set[str]:
    """Return the tags of ``alias`` that will be flushed when this thread's transaction commits."""
    if not BUSY or not _mine.ledgers:
        return NONE
    _mine.ledgers = {name: ledger for name, ledger in _mine.ledgers.items() if ledger.prune()}
    if not _mine.ledgers:
        BUSY.discard(threading.get_ident())
    found = [ledger.tags.get(alias, NONE) for ledger in _mine.ledgers.values()]
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


def batch(connection: BaseDatabaseWrapper, settle: Settle) -> Batch:
    """Return the batch of this thread that is to wait for ``connection``'s commit.

    ``settle`` is called then, with all that is to be flushed.
    """
    ledger = _mine.ledgers.get(connection.alias)
    if ledger is None or ledger.connection is not connection:
        ledger = Ledger(connection)
        _mine.ledgers = {**_mine.ledgers, connection.alias: ledger}
        BUSY.add(threading.get_ident())
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
