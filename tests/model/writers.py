"""Writers: they change the database, then flush by a plan of small changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .checker import Process
from .world import KEYS, RECORDS, Entry, Value, World, with_entry, with_record

Change = tuple[str, Callable[[World], World]]


class Writer(NamedTuple):
    """Hold a writer's place in its plan, and the version owed once its flush completes.

    ``seen`` is the record it has read, ``own`` the nonce of its flush.
    """

    at: int = 0
    mark: int = 0
    seen: Value = 0
    own: int = 0


WriterStep = tuple[str, World, Writer]
Act = Callable[[World, Writer], WriterStep]
Plan = tuple[Change | Act, ...]
Owed = Callable[[World, int], World]


def flushed(world: World, mark: int) -> World:
    """Owe ``mark`` to every read from now on."""
    return world._replace(floor=max(world.floor, mark), lenient=max(world.lenient, mark))


def expired(world: World, mark: int) -> World:
    """Owe ``mark`` to every read but those content with stale values."""
    return world._replace(floor=max(world.floor, mark))


def renew(record: int) -> Change:
    """Flush by writing a number never given out before.

    It is a nonce, and as good as the time of a perfect clock.
    """
    action = f"flushes: writes {RECORDS[record]} anew"
    return action, lambda world: with_record(world, record, world.nonce + 1)


def count_up(record: int) -> Change:
    """Flush by incrementing a counter; a missing one starts at 1."""

    def change(world: World) -> World:
        number = world.records[record]
        assert isinstance(number, int)
        return with_record(world, record, number + 1)

    return f"flushes: increments {RECORDS[record]}", change


def drop(record: int) -> Change:
    """Flush by deleting the record."""
    return f"flushes: deletes {RECORDS[record]}", lambda world: with_record(world, record, 0)


def remove(key: int) -> Change:
    """Delete an entry."""
    return f"deletes {KEYS[key]}", lambda world: with_entry(world, key, None)


def put(key: int) -> Change:
    """Write an entry of the data as it is now, over whatever is there."""
    blank = (0,) * len(RECORDS)
    action = f"flushes: puts new data in {KEYS[key]}"
    return action, lambda world: with_entry(world, key, Entry(world.version, blank))


def at_once(*changes: Change) -> Change:
    """Join changes into one atomic command."""

    def change(world: World) -> World:
        for _, each in changes:
            world = each(world)
        return world

    return "in one command " + " and ".join(action for action, _ in changes), change


def read(record: int) -> Act:
    """Read a record, to change it by what it holds."""

    def act(world: World, local: Writer) -> WriterStep:
        seen = world.records[record]
        return f"reads {RECORDS[record]}", world, local._replace(at=local.at + 1, seen=seen)

    return act


def writer(
    name: str,
    plan: Plan,
    *,
    strict: bool,
    done: int | None = None,
    owed: Owed | None = flushed,
) -> Process[World, Writer]:
    """Make a writer: it changes the database, then flushes by ``plan``, one change a step.

    The flush counts as completed after ``done`` changes (all, unless told); then ``owed`` says what
    reads are owed. Without it the flush is none of the entry's: nothing is written before, and
    nothing owed after. With ``strict`` the flush's begin counts as new data too, so that data read
    between the database write and the flush must not outlive the flush either, though it is fresh:
    the promise to the letter.
    """
    last = len(plan) if done is None else done

    def step(world: World, local: Writer) -> Sequence[WriterStep]:
        at = local.at
        if at == 0:
            world = world._replace(version=world.version + 1)
            return [("writes the database", world, local._replace(at=1))]
        if at > len(plan):
            return []
        if owed and at == 1 and not local.mark:
            world = world._replace(version=world.version + strict)
            local = local._replace(mark=world.version)
        action, world, after = take_step(plan[at - 1], world, local)
        if at == last and after.at > last:
            world = owed(world, local.mark) if owed else world
            after = Writer(after.at)
        return [(action, world, after)]

    return Process(name, Writer(at=0 if owed else 1), step)


def take_step(item: Change | Act, world: World, local: Writer) -> WriterStep:
    """Do one item of a plan: a change goes on to the next place, an act says itself where to."""
    if callable(item):
        return item(world, local)
    action, change = item
    return action, change(world), local._replace(at=local.at + 1)
