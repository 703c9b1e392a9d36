"""The shared world of the tag model: a database, a cache store, writers, and an evictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from .checker import Process

EPOCH, A, B, LEASE = range(4)
RECORDS = ("the epoch", "tag a", "tag b", "the lease")
K, L = range(2)
KEYS = ("entry k", "entry l")

Numbers = tuple[int, ...]
Local = TypeVar("Local")


class Entry(NamedTuple):
    """Hold a cached value, named by the version of its data, and a stamp per record.

    A stamp of 0 means that the entry does not bear that record.
    """

    version: int
    stamps: Numbers


class Served(NamedTuple):
    """Tell that data of ``version`` was served to a read that was owed at least ``floor``."""

    version: int
    floor: int


class World(NamedTuple):
    """Hold all that processes share.

    ``floor`` is the oldest version that a read beginning now may be served: a flush that completes
    raises it. ``nonce`` is the last one given out. A record of 0 is missing. ``flights`` holds
    what each leader of a single flight has published, ``leader`` the one computing (-1: none).
    """

    version: int = 0
    floor: int = 0
    nonce: int = 1
    entries: tuple[Entry | None, ...] = (None,) * len(KEYS)
    records: Numbers = (0,) * len(RECORDS)
    leader: int = -1
    flights: tuple[Entry | None, ...] = ()
    served_old: Served | None = None


def violation(world: World) -> str | None:
    """Say what is wrong once a read was served data from before a flush that it began after."""
    old = world.served_old
    return old and (
        f"served data of version {old.version} to a read that began after a completed flush, "
        f"and the data had reached version {old.floor} when that flush began"
    )


def describe(world: World) -> str:
    """Put a world into words, records as ``name=#nonce``."""
    entries = [
        f"{name}: version {entry.version} stamped [{numbered(entry.stamps)}]"
        for name, entry in zip(KEYS, world.entries, strict=True)
        if entry
    ]
    cache = "; ".join(entries) or "no entry"
    records = numbered(world.records) or "none"
    return f"database at version {world.version} | {cache} | records: {records}"


def numbered(numbers: Numbers) -> str:
    """List the records that are present."""
    pairs = zip(RECORDS, numbers, strict=True)
    return ", ".join(f"{name}=#{number}" for name, number in pairs if number)


def serve(
    world: World, version: int, floor: int, ended: Local, what: str = "an entry"
) -> tuple[str, World, Local]:
    """Return the step by which a reader owed ``floor`` gets ``version``, right or wrong."""
    if version < floor:
        old = world._replace(served_old=Served(version, floor))
        return f"is served {what} older than the flush", old, ended
    if floor:
        return f"is served {what} younger than the flush", world, ended
    return f"is served {what}, no flush yet", world, ended


def with_record(world: World, record: int, number: int) -> World:
    """Set one record, 0 to delete it; ``nonce`` stays the largest number ever given out."""
    records = world.records
    return world._replace(
        records=(*records[:record], number, *records[record + 1 :]),
        nonce=max(world.nonce, number),
    )


def with_entry(world: World, key: int, entry: Entry | None) -> World:
    """Set one entry, None to delete it."""
    entries = world.entries
    return world._replace(entries=(*entries[:key], entry, *entries[key + 1 :]))


Change = tuple[str, Callable[[World], World]]


def renew(record: int) -> Change:
    """Flush by writing a number never given out before.

    It is a nonce, and as good as the time of a perfect clock.
    """
    action = f"flushes: writes {RECORDS[record]} anew"
    return action, lambda world: with_record(world, record, world.nonce + 1)


def count_up(record: int) -> Change:
    """Flush by incrementing a counter; a missing one starts at 1."""
    action = f"flushes: increments {RECORDS[record]}"
    return action, lambda world: with_record(world, record, world.records[record] + 1)


def drop(record: int) -> Change:
    """Flush by deleting the record."""
    return f"flushes: deletes {RECORDS[record]}", lambda world: with_record(world, record, 0)


def remove(key: int) -> Change:
    """Delete an entry."""
    return f"deletes {KEYS[key]}", lambda world: with_entry(world, key, None)


def at_once(*changes: Change) -> Change:
    """Join changes into one atomic command."""

    def change(world: World) -> World:
        for _, each in changes:
            world = each(world)
        return world

    return "in one command " + " and ".join(action for action, _ in changes), change


class Writer(NamedTuple):
    """Hold a writer's place in its plan, and the version owed once its flush completes."""

    at: int = 0
    mark: int = 0


def writer(
    number: int, plan: Sequence[Change], *, strict: bool, done: int | None = None
) -> Process[World, Writer]:
    """Make a writer: it changes the database, then flushes by ``plan``, one change a step.

    The flush counts as completed after ``done`` changes (all, unless told). With ``strict`` its
    first change counts as new data too, so that data read between the database write and the
    flush must not outlive the flush either, though it is fresh: the promise to the letter.
    """
    last = len(plan) if done is None else done

    def step(world: World, local: Writer) -> list[tuple[str, World, Writer]]:
        at, mark = local
        if at == 0:
            return [("writes the database", world._replace(version=world.version + 1), Writer(1))]
        if at > len(plan):
            return []
        action, change = plan[at - 1]
        world = change(world)
        if at == 1:
            world = world._replace(version=world.version + strict)
            mark = world.version
        if at == last:
            world, mark = world._replace(floor=max(world.floor, mark)), 0
        return [(action, world, Writer(at + 1, mark))]

    return Process(f"writer {number}", Writer(), step)


def evict(world: World, left: int) -> list[tuple[str, World, int]]:
    """Take away any record or entry that is there, while some evictions are left."""
    if not left:
        return []
    records = [
        (f"evicts {RECORDS[record]}", with_record(world, record, 0), left - 1)
        for record, number in enumerate(world.records)
        if number
    ]
    entries = [
        (f"evicts {KEYS[key]}", with_entry(world, key, None), left - 1)
        for key, entry in enumerate(world.entries)
        if entry
    ]
    return records + entries
