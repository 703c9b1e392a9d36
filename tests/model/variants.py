"""The tag protocol: a program per filler, a plan per writer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .auditor import auditor
from .checker import Model, Process
from .fillers import (
    Instruction,
    acquire,
    compute,
    copy,
    filler,
    look,
    look_by_copy,
    look_entry,
    look_records,
    read_records,
    secure,
    store,
    store_if,
    unchanged,
)
from .flights import join, publish
from .world import (
    EPOCH,
    LEASE,
    A,
    B,
    K,
    L,
    World,
    describe,
    evict,
    violation,
)
from .writers import Owed, Plan, at_once, drop, expired, flushed, remove, renew, writer

Program = tuple[Instruction, ...]
ONE_TRIP = auditor()
AFTER = "is served an entry younger than the flush"


@dataclass(frozen=True)
class Variant:
    """Describe one protocol under one load: a program per filler, a plan per writer.

    ``expirers`` are writers whose flush is soft, ``beside`` those whose flush does not concern the
    entry; ``more`` are other processes. ``least`` is the least number of states and ``seen`` are
    actions that a search must have met, so that a sound variant cannot pass because nothing
    happened. Sound variants are held to the letter of the promise; a broken one must be caught
    serving data that is really out of date, by a last step that tells ``wrong``.
    """

    name: str
    about: str
    fillers: tuple[Program, ...]
    writers: tuple[Plan, ...]
    least: int
    seen: tuple[str, ...] = ()
    evictions: int = 2
    done: int | None = None
    expirers: tuple[Plan, ...] = ()
    beside: tuple[Plan, ...] = ()
    more: tuple[Process[World, Any], ...] = ()
    auditor: Process[World, Any] = ONE_TRIP
    sound: bool = True
    wrong: str = "older than the flush"

    def load(self) -> tuple[int, int, int]:
        """Count the fillers, the other processes but the auditor, and the evictions."""
        groups = (self.writers, self.expirers, self.beside, self.more)
        return len(self.fillers), sum(map(len, groups)), self.evictions

    def model(self) -> Model[World]:
        """Build the model: fillers, writers, the evictor and the auditor."""
        fillers = [filler(number, *each) for number, each in enumerate(self.fillers, 1)]
        kinds: list[tuple[str, tuple[Plan, ...], Owed | None]] = [
            ("writer", self.writers, flushed),
            ("expirer", self.expirers, expired),
            ("one beside", self.beside, None),
        ]
        writers = [
            writer(f"{who} {number}", plan, strict=self.sound, done=self.done, owed=owed)
            for who, plans, owed in kinds
            for number, plan in enumerate(plans, 1)
        ]
        world = World(flights=(None,) * len(fillers))
        evictor = Process("the store", self.evictions, evict)
        processes: list[Process[World, Any]] = [*fillers, *writers, *self.more]
        processes += [evictor, self.auditor]
        return Model(world, tuple(processes), violation, describe)


ONE = (look(A), secure(A), compute, store(A))
TWO = (look(A, B), secure(A, B), compute, store(A, B))
IN_PIECES = (look_entry, look_records(A), secure(A), compute, store(A))
COPIED = (copy(A), look_by_copy(A, check_copy=False), secure(A), compute, store(A))
FOUND = (
    *(look(A, also=(EPOCH,)), secure(EPOCH, A), compute),
    *(read_records(B), secure(B), unchanged(EPOCH), store(A, B)),
)
GUESSED = (look(A, also=(EPOCH, B)), secure(EPOCH, A, B), compute, store(A, B))
LEASED = (look(), acquire(LEASE), compute, store_if(LEASE, release=True))


def refused(key: int) -> Program:
    """Fill a key by a write that the store refuses once its epoch has changed."""
    return (look(also=(EPOCH,), key=key), secure(EPOCH), compute, store_if(EPOCH, key=key))


def stamped(key: int) -> Program:
    """Fill a key with the epoch of the store as one more tag."""
    return (look(EPOCH, key=key), secure(EPOCH), compute, store(EPOCH, key=key))


def flight(number: int, *, always: bool = False) -> Program:
    """Fill through a single flight."""
    joined = join(number, always=always)
    return (look(A), secure(A), joined, compute, publish(number), store(A))


SOUND = (
    Variant(
        "declared",
        "one tag, flush writes a nonce",
        (ONE, ONE, ONE),
        ((renew(A),),),
        least=37_000,
        seen=(AFTER, "loses the add of tag a", "reads again tag a"),
    ),
    Variant(
        "declared-delete",
        "one tag, flush deletes the record",
        (ONE, ONE, ONE),
        ((drop(A),),),
        least=25_000,
        seen=(AFTER, "loses the add of tag a", "reads again tag a"),
    ),
    Variant(
        "declared-two",
        "two tags, each flushed alone",
        (TWO, TWO),
        ((renew(A),), (renew(B),)),
        least=40_000,
        seen=(AFTER, "reads again tag a", "reads again tag b"),
        evictions=1,
    ),
    Variant(
        "declared-pieces",
        "one tag, the multi-get is not one step",
        (IN_PIECES, IN_PIECES),
        ((renew(A),), (drop(A),)),
        least=48_000,
        seen=(AFTER,),
        auditor=auditor(()),
    ),
    Variant(
        "snapshot-copy",
        "the snapshot comes from an old local copy",
        (COPIED, COPIED),
        ((renew(A),), (drop(A),)),
        least=13_000,
        seen=(AFTER, "misses, and trusts its copy"),
    ),
    Variant(
        "plain-two-trips",
        "plain read: the entry, then its records",
        (ONE, TWO),
        ((renew(A),), (drop(A),)),
        least=25_000,
        seen=(AFTER, "reads the entry, its records still to come"),
        evictions=1,
        auditor=auditor(()),
    ),
    Variant(
        "plain-guess",
        "plain read: records guessed, right or wrong",
        (ONE, TWO),
        ((renew(A),),),
        least=14_000,
        seen=(AFTER, "reads the entry, its records still to come"),
        auditor=auditor((A,), (B,), (A, B)),
    ),
    Variant(
        "alias-refused",
        "whole alias: epoch, then deletes; late writes refused",
        (refused(K), refused(K), refused(L)),
        ((renew(EPOCH), remove(K), remove(L)),),
        least=65_000,
        seen=(AFTER, "is refused: the epoch has changed"),
    ),
    Variant(
        "alias-stamped",
        "whole alias: epoch as a tag, deletes are only cleaning",
        (stamped(K), stamped(K), stamped(L)),
        ((renew(EPOCH), remove(K), remove(L)),),
        least=52_000,
        seen=(AFTER,),
        evictions=1,
        done=1,
    ),
    Variant(
        "waiters",
        "single flight: the leader's value only on equal snapshots",
        (flight(0), flight(1), flight(2)),
        ((renew(A),),),
        least=105_000,
        seen=(
            AFTER,
            "is served the leader's value younger than the flush",
            "declines the leader's value",
        ),
        evictions=1,
    ),
    Variant(
        "forget",
        "one key: lease and entry deleted in one command",
        (LEASED, LEASED, LEASED),
        ((at_once(drop(LEASE), remove(K)),),) * 2,
        least=55_000,
        seen=(AFTER, "is refused: the lease has changed"),
    ),
    Variant(
        "forget-two-steps",
        "one key: the lease deleted, then the entry",
        (LEASED, LEASED, LEASED),
        ((drop(LEASE), remove(K)),),
        least=11_000,
        seen=(AFTER, "is refused: the lease has changed"),
    ),
    Variant(
        "found",
        "tag b found while computing: flush epoch, then tag",
        (FOUND, FOUND),
        ((renew(EPOCH), renew(B)),),
        least=135_000,
        seen=(AFTER, "finds the epoch changed, and does not store"),
    ),
    Variant(
        "found-guessed",
        "the same, where one has guessed tag b: it asks for no epoch",
        (GUESSED, FOUND),
        ((renew(EPOCH), renew(B)),),
        least=26_000,
        seen=(AFTER, "finds the epoch changed, and does not store"),
        evictions=1,
    ),
)
