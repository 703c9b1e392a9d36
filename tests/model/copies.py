"""One process that keeps copies of records and checks by them, and its own flushes."""

from __future__ import annotations

from typing import NamedTuple

from .broken import bad
from .checker import Process
from .fillers import NONE, good, same
from .variants import COPIED, ONE, Variant
from .world import A, Numbers, Value, World, serve, with_record
from .writers import Act, Change, Plan, Writer, WriterStep, flushed, renew, writer


class Reading(NamedTuple):
    """Hold a read under way: the copy it goes by, or what it notes to make one."""

    floor: int
    copy: Value = 0
    generation: int = -1
    since: int = -1


ReaderStep = tuple[str, World, "Reading | Kept | None"]


class Kept(NamedTuple):
    """Hold the generation that is yet to be looked at, the copy being kept already."""

    generation: int


def reader(
    *, guarded: bool = True, looks_after: bool = False
) -> Process[World, Reading | Kept | None]:
    """Make a reader in that process, which reads the entry over and over.

    With a copy it takes that for the record; without one it reads the record, and keeps it as the
    copy unless (``guarded``) the generation is another by then. One that ``looks_after`` does not
    do so in one step: it keeps it, and drops it if the generation is another.
    """

    def begin(world: World) -> list[ReaderStep]:
        copies = world.copies
        if copies.copy:
            floor = max(copies.floor, copies.since)
            return [("begins a read, by its copy", world, Reading(floor, copies.copy))]
        noted = Reading(world.floor, generation=copies.generation)
        return [("begins a read, having no copy", world, noted)]

    def read(world: World, local: Reading) -> list[ReaderStep]:
        record = local.copy or world.records[A]
        after = None if local.copy else local._replace(copy=record, since=world.floor)
        entry = good(world.entries[0], (A,), same, by(record))
        if entry is None:
            return [("reads a miss", world, after)]
        return [serve(world, entry.version, local.floor, after)]

    def keep(world: World, local: Reading) -> list[ReaderStep]:
        if guarded and world.copies.generation != local.generation:
            return [("keeps no copy: a flush came between", world, None)]
        copies = world.copies._replace(copy=local.copy, since=local.since)
        after = Kept(local.generation) if looks_after else None
        return [("keeps a copy", world._replace(copies=copies), after)]

    def look_after(world: World, local: Kept) -> list[ReaderStep]:
        if world.copies.generation == local.generation:
            return [("lets its copy be", world, None)]
        copies = world.copies._replace(copy=0, since=0)
        return [("drops the copy it kept", world._replace(copies=copies), None)]

    def step(world: World, local: Reading | Kept | None) -> list[ReaderStep]:
        if local is None:
            return begin(world)
        if isinstance(local, Kept):
            return look_after(world, local)
        return read(world, local) if local.since < 0 else keep(world, local)

    return Process("the process with copies", None, step)


def by(record: Value) -> Numbers:
    """Return records of which only that of tag a is known."""
    return (*NONE[:A], record, *NONE[A + 1 :])


def flushed_here(world: World, mark: int) -> World:
    """Owe ``mark`` to all reads, those by copies of this process too."""
    copies = world.copies
    owed = copies._replace(floor=max(copies.floor, mark))
    return flushed(world, mark)._replace(copies=owed)


def dropped(world: World) -> World:
    """Have no copy, and let none that is being read become one."""
    copies = world.copies
    copies = copies._replace(copy=0, since=0, generation=copies.generation + 1)
    return world._replace(copies=copies)


DROP: Change = ("drops its copy", dropped)


def drop_noting(world: World, local: Writer) -> WriterStep:
    """Drop the copy, and note the generation."""
    after = dropped(world)
    return "drops its copy", after, local._replace(at=local.at + 1, seen=after.copies.generation)


def renew_own(world: World, local: Writer) -> WriterStep:
    """Flush by a fresh nonce, and remember it."""
    own = world.nonce + 1
    after = with_record(world, A, own)
    return "flushes: writes tag a anew", after, local._replace(at=local.at + 1, own=own)


def replace(*, guarded: bool) -> Act:
    """Put the nonce just written in the place of the copy, unless another flush came between."""

    def act(world: World, local: Writer) -> WriterStep:
        after = dropped(world)
        there = Writer(local.at + 1, local.mark)
        if guarded and world.copies.generation != local.seen:
            return "drops its copy: another flush came between", after, there
        copies = after.copies._replace(copy=local.own, since=world.floor)
        return "puts its own nonce as the copy", after._replace(copies=copies), there

    return act


def here(*plan: Change | Act, strict: bool = True) -> Process[World, Writer]:
    """Make a writer in the process with copies."""
    return writer("its own writer", plan, strict=strict, owed=flushed_here)


DROPPING: Plan = (renew(A), DROP)
REPLACING: Plan = (drop_noting, renew_own, replace(guarded=True))
REPLACING_ANYHOW: Plan = (drop_noting, renew_own, replace(guarded=False))
CHECKED = "is served an entry younger than the flush"

COPIES = (
    Variant(
        "copies",
        "checks by copies of one's own; a flush of one's own drops them after its write",
        (ONE,),
        ((renew(A),),),
        least=10_000,
        seen=(CHECKED, "keeps no copy: a flush came between", "begins a read, by its copy"),
        evictions=1,
        more=(reader(), here(*DROPPING)),
    ),
    Variant(
        "copies-evicted",
        "the same, no other flushes, and a lost record is made again",
        (ONE, COPIED),
        (),
        least=10_000,
        seen=(CHECKED, "evicts tag a"),
        evictions=1,
        more=(reader(), here(*DROPPING)),
    ),
    Variant(
        "copies-replaced",
        "the same, two flushes of one's own replace them, if none came between",
        (ONE,),
        (),
        least=10_000,
        seen=(CHECKED, "drops its copy: another flush came between"),
        evictions=0,
        more=(reader(), here(*REPLACING), here(*REPLACING)),
    ),
)

COPIES_BROKEN = (
    bad(
        "copies-dropped-before",
        "a flush drops one's own copies only before its write",
        ONE,
        writers=(),
        more=(reader(), here(DROP, renew(A), strict=False)),
    ),
    bad(
        "copies-unguarded",
        "a copy read before one's own flush is kept after it",
        ONE,
        writers=(),
        more=(reader(guarded=False), here(*DROPPING, strict=False)),
    ),
    bad(
        "copies-looked-after",
        "a copy is kept, and dropped again if a flush came meanwhile",
        ONE,
        times=1,
        writers=(),
        more=(
            reader(guarded=False, looks_after=True),
            reader(guarded=False, looks_after=True),
            here(*DROPPING, strict=False),
        ),
    ),
    bad(
        "copies-replaced-anyhow",
        "two flushes of one's own replace the copies in any order",
        ONE,
        times=1,
        writers=(),
        evictions=0,
        more=(
            reader(),
            here(*REPLACING_ANYHOW, strict=False),
            here(*REPLACING_ANYHOW, strict=False),
        ),
    ),
)
