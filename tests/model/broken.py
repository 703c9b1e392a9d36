"""Known-bad relatives of the tag protocol: what the search must catch."""

from __future__ import annotations

from typing import Any

from .auditor import auditor
from .fillers import (
    acquire,
    compute,
    copy,
    look,
    look_by_copy,
    not_older,
    read_records,
    secure,
    stamp_time,
    store,
    unchanged,
)
from .variants import FOUND, LEASED, Program, Variant, flight, refused
from .world import EPOCH, LEASE, A, B, K
from .writers import Act, Change, at_once, count_up, drop, remove, renew


def bad(name: str, about: str, program: Program, *plan: Change | Act, **more: Any) -> Variant:
    """Make a known-bad variant: two fillers, one writer, one eviction, unless told."""
    fillers = (program,) * more.pop("times", 2)
    given: dict[str, Any] = {"writers": (plan,), "least": 400, "evictions": 1, **more}
    return Variant(name, about, fillers, sound=False, **given)


BROKEN = (
    bad(
        "stamp-at-save",
        "the records are read after computing",
        (look(A), compute, read_records(A), secure(A), store(A)),
        renew(A),
    ),
    bad(
        "created-at-store",
        "a missing record is created after computing",
        (look(A), compute, secure(A), store(A)),
        renew(A),
    ),
    bad(
        "counter",
        "records are counters that begin at 1 again",
        (look(A), secure(A, make=lambda world: 1), compute, store(A)),
        count_up(A),
    ),
    bad(
        "time-after",
        "time of a perfect clock, taken after computing",
        (look(A, valid=not_older), compute, stamp_time(A), store(A)),
        renew(A),
        auditor=auditor(valid=not_older),
    ),
    bad(
        "time-before",
        "time taken before computing, a missing record means never flushed",
        (look(A, valid=not_older), stamp_time(A), compute, store(A)),
        renew(A),
        auditor=auditor(valid=not_older),
    ),
    bad(
        "check-copy",
        "the check, not only the snapshot, trusts an old local copy",
        (copy(A), look_by_copy(A, check_copy=True), secure(A), compute, store(A)),
        renew(A),
    ),
    bad("tag-before-epoch", "the flush writes the tag first", FOUND, renew(B), renew(EPOCH)),
    bad(
        "epoch-then-tag",
        "the epoch is checked before the found tag is read",
        (
            *(look(A, also=(EPOCH,)), secure(EPOCH, A), compute),
            *(unchanged(EPOCH), read_records(B), secure(B), store(A, B)),
        ),
        renew(EPOCH),
        renew(B),
    ),
    bad(
        "guess-created-late",
        "tag b guessed, but its missing record created after computing",
        (look(A, also=(EPOCH, B)), secure(EPOCH, A), compute, secure(B), store(A, B)),
        renew(EPOCH),
        renew(B),
    ),
    bad("alias-delete-first", "deletes, then the epoch", refused(K), remove(K), renew(EPOCH)),
    bad(
        "alias-check-then-write",
        "the epoch is checked one step before the write",
        (look(also=(EPOCH,)), secure(EPOCH), compute, unchanged(EPOCH), store()),
        renew(EPOCH),
        remove(K),
    ),
    Variant(
        "waiter-takes-all",
        "a waiter takes the leader's value whatever its snapshot",
        (flight(0, always=True), flight(1, always=True)),
        ((renew(A),),),
        least=400,
        evictions=1,
        sound=False,
    ),
    bad(
        "late-write",
        "the late write does not ask for the lease",
        (look(), acquire(LEASE), compute, store()),
        at_once(drop(LEASE), remove(K)),
    ),
    bad("forget-entry-first", "the entry deleted, then the lease", LEASED, remove(K), drop(LEASE)),
)
