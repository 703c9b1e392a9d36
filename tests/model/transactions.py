"""Transactions: what they write is seen by others at the commit, and their flush waits for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .broken import bad
from .checker import Process
from .fillers import ENDED, Filler, FillerStep, good, look, same, secure, store
from .variants import AFTER, ONE, Variant
from .world import DIRTY, ROLLED_BACK, A, Entry, K, Value, World, serve, with_entry, with_record
from .writers import flushed


class Inside(NamedTuple):
    """Hold a transaction's place, the version its flush owes, and the snapshot of what it fills."""

    at: int = 0
    mark: int = 0
    waiting: bool = False
    stamp: Value = 0


InsideStep = tuple[str, World, Inside]
Move = Callable[[World, Inside], list[InsideStep]]


def transaction(*program: Move, strict: bool = True) -> Process[World, Inside]:
    """Make a process that does ``program`` in one transaction, and what waits for its commit."""

    def step(world: World, local: Inside) -> list[InsideStep]:
        if local.at >= len(program):
            return []
        moves = program[local.at](world, local)
        if not strict or program[local.at] is not flush or not moves:
            return moves
        # The flush's begin counts as new data too: the promise to the letter.
        world = world._replace(version=world.version + 1)
        return program[local.at](world, local._replace(mark=world.version))

    return Process("a transaction", Inside(), step)


def onward(local: Inside, **changes: object) -> Inside:
    """Go to the next place."""
    return local._replace(at=local.at + 1, **changes)  # type: ignore[arg-type]  # by name


def write_row(world: World, local: Inside) -> list[InsideStep]:
    """Change the database, for oneself."""
    return [("changes a row, for itself", world, onward(local))]


def ask(world: World, local: Inside) -> list[InsideStep]:
    """Call for the flush: it waits."""
    return [("asks for a flush, which waits for the commit", world, onward(local, waiting=True))]


def remember(*, kept: bool) -> Move:
    """Read the entry, or compute from the changed row; ``kept``: store it though a flush waits."""

    def move(world: World, local: Inside) -> list[InsideStep]:
        if local.stamp and (kept or not local.waiting):
            stored = with_entry(world, K, Entry(DIRTY, stamped(local.stamp)))
            return [("stores what it saw", stored, onward(local))]
        if local.stamp:
            return [("stores nothing: a flush waits", world, onward(local))]
        entry = good(world.entries[K], (A,), same, world.records)
        if entry is not None:
            return [serve(world, entry.version, world.floor, onward(local))]
        there = world.records[A] or world.nonce + 1
        made = with_record(world, A, there)
        return [("misses, and computes from its own row", made, local._replace(stamp=there))]

    return move


def stamped(nonce: Value) -> tuple[Value, ...]:
    """Return the stamps of an entry that bears tag a."""
    blank: list[Value] = [0] * len(World().records)
    blank[A] = nonce
    return tuple(blank)


def commit(world: World, local: Inside) -> list[InsideStep]:
    """Let others see the row; or take it back, and with it the flush that waits."""
    version = world.version + 1
    after = settle(world._replace(version=version), version)
    back = local._replace(at=1000)
    return [
        ("writes the database: commits", after, onward(local, mark=version)),
        ("rolls back", settle(world, ROLLED_BACK), back),
    ]


def commit_with_flush(world: World, local: Inside) -> list[InsideStep]:
    """Commit the row and the record of its tag as one."""
    (_, committed, after), back = commit(world, local)
    (_, both, ended), *_ = flush(committed, after)
    return [("writes the database, and flushes: commits both", both, ended), back]


def settle(world: World, version: int) -> World:
    """Call what was computed from the transaction's row by the version it has come to."""
    entries = tuple(
        entry._replace(version=version)
        if isinstance(entry, Entry) and entry.version == DIRTY
        else entry
        for entry in world.entries
    )
    return world._replace(entries=entries)


def flush(world: World, local: Inside) -> list[InsideStep]:
    """Flush the tag; what the commit, or the flush if it is later, has brought is owed."""
    after = flushed(with_record(world, A, world.nonce + 1), local.mark)
    return [("flushes: writes tag a anew", after, onward(local))]


def owe(world: World, local: Inside) -> list[InsideStep]:
    """Commit and flush being done, owe what was committed."""
    return [("has committed and flushed", flushed(world, local.mark), onward(local))]


def open_snapshot(world: World, local: Filler) -> list[FillerStep]:
    """Open a transaction that sees the database, for all its life, as it is now."""
    seen = Filler(local.at + 1, leader=world.version)
    return [("reads the database once, for all its transaction", world, seen)]


def compute_from_snapshot(world: World, local: Filler) -> list[FillerStep]:
    """Compute from what the transaction sees."""
    done = Filler(local.at + 1, 0, local.stamps, local.leader)
    return [("computes from what it saw then", world, done)]


def look_within(world: World, local: Filler) -> list[FillerStep]:
    """Look as ever, the transaction being open."""
    return [
        (action, after, looked._replace(leader=local.leader) if looked != ENDED else ENDED)
        for action, after, looked in look(A)(world, local) or ()
    ]


REPEATABLE = (open_snapshot, look_within, secure(A), compute_from_snapshot, store(A))
INSIDE = (write_row, ask, remember(kept=False), commit, flush)
TRANSACTIONS = (
    Variant(
        "transaction",
        "the flush waits for the commit; nothing is stored while it waits",
        (ONE, ONE, ONE),
        (),
        least=35_000,
        seen=(AFTER, "stores nothing: a flush waits", "rolls back"),
        evictions=1,
        more=(transaction(*INSIDE),),
    ),
    Variant(
        "transaction-row",
        "the record is a row: both are committed as one",
        (ONE, ONE, ONE),
        (),
        least=22_000,
        seen=(AFTER, "rolls back"),
        evictions=1,
        more=(transaction(write_row, ask, remember(kept=False), commit_with_flush),),
    ),
)

TRANSACTIONS_BROKEN = (
    bad(
        "transaction-flush-first",
        "the flush does not wait for the commit",
        ONE,
        writers=(),
        more=(transaction(write_row, flush, commit, owe, strict=False),),
    ),
    bad(
        "transaction-stores",
        "what is computed while a flush waits is stored, and rolled back",
        ONE,
        writers=(),
        wrong="that was rolled back",
        more=(transaction(write_row, ask, remember(kept=True), commit, flush, strict=False),),
    ),
    bad(
        "transaction-asks-late",
        "the row is changed, an entry stored, and only then a flush asked for",
        ONE,
        writers=(),
        wrong="that was rolled back",
        more=(transaction(write_row, remember(kept=False), ask, commit, flush, strict=False),),
    ),
    bad(
        "transaction-repeatable",
        "a filler in a transaction that sees the rows of its beginning",
        REPEATABLE,
        writers=(),
        more=(transaction(*INSIDE, strict=False),),
    ),
)
