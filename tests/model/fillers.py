"""Fillers: readers that compute and store on a miss, as programs of small instructions.

An instruction is a step function of its own; a program is a row of them. It returns the next
steps, or None when there is nothing to do and the filler goes on at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .checker import Process
from .world import (
    KEYS,
    RECORDS,
    Claim,
    Entry,
    K,
    Numbers,
    Parts,
    Value,
    World,
    serve,
    with_entry,
    with_record,
)

END = -1
LOST = -1
NONE: Numbers = (0,) * len(RECORDS)


class Filler(NamedTuple):
    """Hold a filler's place, the floor its read is owed, its snapshot, and the data it read.

    In ``stamps`` 0 is a record not seen, and LOST one that another filler has just created.
    """

    at: int = 0
    floor: int = 0
    stamps: Numbers = NONE
    data: int = -1
    seen: Entry | Claim | None = None
    leader: int = -1


ENDED = Filler(END)
FillerStep = tuple[str, World, Filler]
Instruction = Callable[[World, Filler], "list[FillerStep] | None"]
Valid = Callable[[Numbers, Numbers], bool]
Make = Callable[[World], Value]


def filler(number: int, *program: Instruction) -> Process[World, Filler]:
    """Make a filler that runs ``program`` once."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if local.at == END:
            return []
        for at in range(local.at, len(program)):
            steps = program[at](world, local if at == local.at else local._replace(at=at))
            if steps is not None:
                return steps
        raise AssertionError("a program ends by a store or a refusal")

    return Process(f"filler {number}", Filler(), step)


def same(stamps: Numbers, records: Numbers) -> bool:
    """Accept an entry if every stamp equals its record; a missing record is different."""
    return all(not stamp or stamp == record for stamp, record in zip(stamps, records, strict=True))


def not_older(stamps: Numbers, records: Numbers) -> bool:
    """Accept an entry if no record is younger; a missing record reads as never flushed."""
    pairs = zip(stamps, records, strict=True)
    return all(stamp >= record for stamp, record in pairs)  # type: ignore[operator]  # numbers


def nonce(world: World) -> Value:
    """Return a number never given out before: what a missing record is created with."""
    return world.nonce + 1


def stamp_of(value: Value) -> Value:
    """Return what an entry keeps of a record: its nonces, not what came before them."""
    return value._replace(prev=0, size=0) if isinstance(value, Parts) else value


def only(numbers: Numbers, which: Sequence[int]) -> Numbers:
    """Keep the chosen numbers and blank the others."""
    kept: list[Value] = [0] * len(numbers)
    for index in which:
        kept[index] = numbers[index]
    return tuple(kept)


def snapshot(world: World, which: Sequence[int]) -> Numbers:
    """Take the chosen records as stamps."""
    return tuple(map(stamp_of, only(world.records, which)))


def judge(
    world: World, local: Filler, entry: Entry | None, needs: Sequence[int]
) -> list[FillerStep]:
    """Return the hit, or the miss with the records just read as its snapshot."""
    if entry is not None:
        return [serve(world, entry.version, local.floor, ENDED)]
    missed = Filler(local.at + 1, local.floor, snapshot(world, needs))
    return [("misses, and notes the records", world, missed)]


def good(
    entry: Entry | Claim | None, tags: Sequence[int], valid: Valid, records: Numbers
) -> Entry | None:
    """Return the entry if it bears every tag that the read names, and holds by the records."""
    if isinstance(entry, Entry) and all(entry.stamps[tag] for tag in tags):
        return entry if valid(entry.stamps, records) else None
    return None


def look(*tags: int, also: Sequence[int] = (), key: int = K, valid: Valid = same) -> Instruction:
    """Read the entry and the records in one step; ``also`` are records the entry will not bear."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        entry = good(world.entries[key], tags, valid, world.records)
        began = local._replace(floor=world.floor)
        return judge(world, began, entry, (*tags, *also))

    return step


def look_entry(world: World, local: Filler) -> list[FillerStep]:
    """Read the entry alone: the first half of a multi-get that is not one step."""
    entry = world.entries[K]
    return [("reads the entry", world, Filler(local.at + 1, world.floor, seen=entry))]


def look_records(*tags: int) -> Instruction:
    """Read the records: the second half."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        return judge(world, local, good(local.seen, tags, same, world.records), tags)

    return step


def copy(*tags: int) -> Instruction:
    """Keep a local copy of the records, long before the read begins."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        copied = Filler(local.at + 1, stamps=snapshot(world, tags))
        return [("copies the records", world, copied)]

    return step


def look_by_copy(*tags: int, check_copy: bool) -> Instruction:
    """Read the entry with the local copy as the snapshot, and, wrongly, as the check."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        records = local.stamps if check_copy else world.records
        entry = good(world.entries[K], tags, same, records)
        if entry is not None:
            return [serve(world, entry.version, world.floor, ENDED)]
        return [("misses, and trusts its copy", world, local._replace(at=local.at + 1))]

    return step


def secure(*which: int, make: Make = nonce) -> Instruction:
    """Create each record that the snapshot lacks with add; read it again if the add is lost."""

    def step(world: World, local: Filler) -> list[FillerStep] | None:
        for record in which:
            if local.stamps[record] == LOST:
                return [take(world, local, record, world.records[record], "reads again")]
            if not local.stamps[record] and world.records[record]:
                return [take(world, local, record, LOST, "loses the add of")]
            if not local.stamps[record]:
                value = make(world)
                created = with_record(world, record, value)
                return [take(created, local, record, value, "adds")]
        return None

    return step


def take(world: World, local: Filler, record: int, value: Value, verb: str) -> FillerStep:
    """Note one record in the snapshot, staying at the same instruction."""
    stamps = (*local.stamps[:record], stamp_of(value), *local.stamps[record + 1 :])
    return f"{verb} {RECORDS[record]}", world, local._replace(stamps=stamps)


def read_records(*which: int) -> Instruction:
    """Read records into the snapshot, beside those already there."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        stamps = tuple(
            stamp_of(world.records[index]) if index in which else number
            for index, number in enumerate(local.stamps)
        )
        return [("reads the records", world, local._replace(at=local.at + 1, stamps=stamps))]

    return step


def stamp_time(*tags: int) -> Instruction:
    """Take the time of a perfect clock, that of the last flush anywhere, as the stamp."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        stamps = only((world.nonce,) * len(RECORDS), tags)
        return [("takes the time", world, local._replace(at=local.at + 1, stamps=stamps))]

    return step


def compute(world: World, local: Filler) -> list[FillerStep]:
    """Read the database; the steps of others before the next one are the time it takes."""
    done = Filler(local.at + 1, 0, local.stamps, world.version)
    return [("reads the database, and computes", world, done)]


def unchanged(record: int) -> Instruction:
    """Go on if the record still is as in the snapshot, else do not store."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if world.records[record] == local.stamps[record]:
            found = local._replace(at=local.at + 1)
            return [(f"finds {RECORDS[record]} unchanged", world, found)]
        return [(f"finds {RECORDS[record]} changed, and does not store", world, ENDED)]

    return step


def store(*tags: int, key: int = K) -> Instruction:
    """Write the entry stamped with the snapshot of ``tags``."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        entry = Entry(local.data, only(local.stamps, tags))
        return [(f"stores {KEYS[key]}", with_entry(world, key, entry), ENDED)]

    return step


def store_if(record: int, *, key: int = K, release: bool = False) -> Instruction:
    """Write the entry only if the record is as in the snapshot, in one atomic step."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if world.records[record] != local.stamps[record]:
            return [(f"is refused: {RECORDS[record]} has changed", world, ENDED)]
        world = with_entry(world, key, Entry(local.data, NONE))
        world = with_record(world, record, 0) if release else world
        return [(f"stores {KEYS[key]}, {RECORDS[record]} being the same", world, ENDED)]

    return step


def acquire(record: int) -> Instruction:
    """Take the lease with a fresh token, or begin again if another holds it."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if world.records[record]:
            return [("finds the lease taken, and will look again", world, Filler())]
        token = world.nonce + 1
        stamps = (*NONE[:record], token, *NONE[record + 1 :])
        held = Filler(local.at + 1, stamps=stamps)
        return [("takes the lease", with_record(world, record, token), held)]

    return step
