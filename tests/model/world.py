"""The shared world of the tag model: a database, a cache store, and an evictor."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

EPOCH, A, B, LEASE, C, SOFT = range(6)
RECORDS = ("the epoch", "tag a", "tag b", "the lease", "tag c", "the soft part of tag a")
K, L = range(2)
KEYS = ("entry k", "entry l")
DIRTY, ROLLED_BACK = 1000, -1
"""Versions of data that a transaction has written and not committed, or taken back."""


class Parts(NamedTuple):
    """Hold a record of several nonces in one value; a stamp has only the first three.

    ``prev`` is the joint nonce before this one, ``size`` how many tags it was written to.
    """

    hard: int
    soft: int
    joint: int
    prev: int = 0
    size: int = 0

    def __str__(self) -> str:
        """Show the nonces, and what the last joint flush left."""
        last = f" (joint of {self.size}, before it #{self.prev})" if self.size else ""
        return f"{self.hard}|{self.soft}|{self.joint}{last}"


Value = int | Parts
Numbers = tuple[Value, ...]
Local = TypeVar("Local")


class Entry(NamedTuple):
    """Hold a cached value, named by the version of its data, and a stamp per record.

    A stamp of 0 means that the entry does not bear that record.
    """

    version: int
    stamps: Numbers


class Claim(NamedTuple):
    """Hold the token of the filler that computes, in the place of the entry."""

    token: int


class Copies(NamedTuple):
    """Hold one process's copy of the record of tag a, and the versions its reads are owed.

    ``since`` is the floor when the copy was read, ``floor`` what the process's own flushes owe.
    """

    copy: Value = 0
    since: int = 0
    generation: int = 0
    floor: int = 0


class Served(NamedTuple):
    """Tell that data of ``version`` was served to a read that was owed at least ``floor``."""

    version: int
    floor: int


class World(NamedTuple):
    """Hold all that processes share.

    ``floor`` is the oldest version that a read beginning now may be served: a flush that completes
    raises it. ``lenient`` is that of a read content with stale values, which an expire leaves as
    it is. ``nonce`` is the last one given out. A record of 0 is missing. ``flights`` holds
    what each leader of a single flight has published, ``leader`` the one computing (-1: none).
    ``passing`` counts the late writes that are yet to be looked after: no read is judged meanwhile.
    """

    version: int = 0
    floor: int = 0
    lenient: int = 0
    nonce: int = 1
    entries: tuple[Entry | Claim | None, ...] = (None,) * len(KEYS)
    records: Numbers = (0,) * len(RECORDS)
    leader: int = -1
    flights: tuple[Entry | Claim | None, ...] = ()
    passing: int = 0
    copies: Copies = Copies()
    served_old: Served | None = None


def violation(world: World) -> str | None:
    """Say what is wrong once a read was served data from before a flush that it began after."""
    old = world.served_old
    if old and old.version == ROLLED_BACK:
        return "served data of a transaction that was rolled back"
    return old and (
        f"served data of version {old.version} to a read that began after a completed flush, "
        f"and the data had reached version {old.floor} when that flush began"
    )


def describe(world: World) -> str:
    """Put a world into words, records as ``name=#nonce``."""
    entries = [
        f"{name}: claimed by #{entry.token}"
        if isinstance(entry, Claim)
        else f"{name}: version {entry.version} stamped [{numbered(entry.stamps)}]"
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
    if world.passing:
        return f"is served {what} in passing", world, ended
    if version == ROLLED_BACK:
        old = world._replace(served_old=Served(version, floor))
        return f"is served {what} that was rolled back", old, ended
    if version < floor:
        old = world._replace(served_old=Served(version, floor))
        return f"is served {what} older than the flush", old, ended
    if floor:
        return f"is served {what} younger than the flush", world, ended
    return f"is served {what}, no flush yet", world, ended


def with_record(world: World, record: int, value: Value) -> World:
    """Set one record, 0 to delete it; ``nonce`` stays the largest number ever given out."""
    records = world.records
    newest = value if isinstance(value, int) else max(value[:3])
    return world._replace(
        records=(*records[:record], value, *records[record + 1 :]),
        nonce=max(world.nonce, newest),
    )


def with_entry(world: World, key: int, entry: Entry | Claim | None) -> World:
    """Set one entry, None to delete it."""
    entries = world.entries
    return world._replace(entries=(*entries[:key], entry, *entries[key + 1 :]))


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
