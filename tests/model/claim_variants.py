"""Variants of claims and of leases beside the entry, and their known-bad relatives."""

from __future__ import annotations

from .broken import bad
from .claims import (
    claim,
    look_after,
    look_before,
    release,
    renew_claim,
    store_if_absent,
    store_in_passing,
    store_over_claim,
)
from .fillers import acquire, compute, look, secure, store
from .flights import close, follow, lead_claim, store_and_land
from .variants import AFTER, Program, Variant
from .world import LEASE, A, K
from .writers import drop, put, remove, renew

CLAIMED = (look(), claim(), compute, store_over_claim())
TAGGED = (look(A), secure(A), claim(A), compute, store_over_claim(A))
PASSING = (look(), acquire(LEASE), compute, store_in_passing, look_after, release)
FORGET = (remove(K),)
FORGET_APART = (drop(LEASE), remove(K))
GONE = "is refused: its claim is gone"


def flying(number: int, *, trusting: bool = False) -> Program:
    """Fill in a process where others wait for the one who computes."""
    landing = (close, store_and_land(number, trusting=trusting))
    return look(), follow(number), lead_claim(number), compute, *landing


def open_flight(number: int) -> Program:
    """Fill so, and let others join until the end."""
    return look(), follow(number), lead_claim(number), compute, store_and_land(number)


CLAIMS = (
    Variant(
        "claim",
        "the claim lies in the entry's place; forget deletes the name",
        (CLAIMED, CLAIMED, CLAIMED),
        (FORGET, FORGET),
        least=79_000,
        seen=(AFTER, GONE, "puts a claim over another's"),
        evictions=1,
    ),
    Variant(
        "claim-put",
        "the same, and a put beside a forget",
        (CLAIMED, CLAIMED),
        ((put(K),), FORGET),
        least=5_800,
        seen=(AFTER, GONE, "is served a newer entry younger than the flush"),
    ),
    Variant(
        "claim-tagged",
        "the same, tag a besides: its flush and a forget",
        (TAGGED, TAGGED),
        ((renew(A),), FORGET),
        least=27_000,
        seen=(AFTER, GONE),
        evictions=1,
    ),
    Variant(
        "claim-flight",
        "claims between processes, and waiters within one; forget by another",
        (flying(0), flying(1), flying(2)),
        (FORGET,),
        least=52_000,
        seen=(
            AFTER,
            GONE,
            "is served the leader's value younger than the flush",
            "declines the leader's value",
        ),
        evictions=1,
    ),
    Variant(
        "lease-after",
        "lease beside the entry: write, look whether it is still one's own, or delete",
        (PASSING, PASSING, PASSING),
        (FORGET_APART,),
        least=59_000,
        seen=(AFTER, "deletes entry k again"),
        evictions=1,
    ),
    Variant(
        "lease-after-put",
        "the same, a put that deletes the lease before it writes",
        (PASSING, PASSING),
        ((drop(LEASE), put(K)),),
        least=6_300,
        seen=(AFTER, "deletes entry k again"),
    ),
)

CLAIMS_BROKEN = (
    bad(
        "claim-late-write",
        "the late write asks for no claim",
        (look(), claim(), compute, store()),
        *FORGET,
        least=600,
    ),
    bad(
        "claim-if-absent",
        "the late write is refused only by another's claim",
        (look(), claim(), compute, store_if_absent),
        *FORGET,
        least=600,
    ),
    bad(
        "claim-renewed",
        "a claim is renewed by a write that does not ask for it",
        (look(), claim(), compute, renew_claim, store_over_claim()),
        *FORGET,
        least=1_200,
    ),
    Variant(
        "claim-flight-trusting",
        "waiters are given a value whose late write was refused",
        (flying(0, trusting=True), flying(1, trusting=True)),
        (FORGET,),
        least=1_300,
        evictions=1,
        sound=False,
    ),
    Variant(
        "claim-flight-open",
        "others may join the flight after its late write",
        (open_flight(0), open_flight(1)),
        (FORGET,),
        least=700,
        evictions=1,
        sound=False,
    ),
    bad(
        "lease-before",
        "lease beside the entry: looked at before the write only",
        (look(), acquire(LEASE), compute, look_before, store()),
        *FORGET_APART,
        least=1_000,
    ),
    bad(
        "lease-after-entry-first",
        "forget deletes the entry first, then the lease",
        PASSING,
        remove(K),
        drop(LEASE),
        least=2_200,
    ),
    bad("lease-after-put-only", "a put leaves the lease", PASSING, put(K)),
)
