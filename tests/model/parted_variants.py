"""Variants of hard, soft and joint flushes, and their known-bad relatives."""

from __future__ import annotations

from .auditor import auditor
from .broken import bad
from .fillers import Instruction, compute, look, read_records, same, secure, store, unchanged
from .parted import (
    apart,
    expire,
    expire_blindly,
    forgetful,
    fresh,
    joint,
    joint_apart,
    joint_in_steps,
    renew_whole,
    stale,
    whole,
)
from .variants import AFTER, Program, Variant
from .world import EPOCH, SOFT, A, B, C, Numbers
from .writers import renew


def hard(stamps: Numbers, records: Numbers) -> bool:
    """Accept stale values where the soft part lies alone."""
    return same((*stamps[:SOFT], 0), records)


def filling(*tags: int) -> Program:
    """Fill an entry that bears ``tags``."""
    return look(*tags, valid=fresh), secure(*tags, make=whole), compute, store(*tags)


def found(*check: Instruction) -> Program:
    """Fill an entry that declares tag a and finds tag b while computing."""
    return (
        *(look(A, also=(EPOCH,), valid=fresh), secure(EPOCH), secure(A, make=whole), compute),
        *(read_records(B), secure(B, make=whole), unchanged(EPOCH), store(A, B)),
    )


ANY = auditor(valid=fresh)
LENIENT = auditor(valid=stale, lenient=True)
ONE, TWO, FOUND = filling(A), filling(A, B), found()
SPLIT = (look(A, SOFT), secure(A, SOFT), compute, store(A, SOFT))
FORGETFUL = (look(A, B, valid=forgetful), secure(A, B, make=whole), compute, store(A, B))
LONE = (look(A, B, valid=apart), secure(A, B), compute, store(A, B))

PARTED = (
    Variant(
        "soft",
        "hard and soft flush of one record, expire by compare-and-set",
        (ONE, ONE),
        ((renew_whole(A),),),
        expirers=(expire(A),),
        least=39_000,
        seen=(AFTER, "finds tag a changed"),
        evictions=1,
        auditor=ANY,
        more=(LENIENT,),
    ),
    Variant(
        "soft-apart",
        "the parts lie under two keys, each written blindly",
        (SPLIT, SPLIT),
        ((renew(A), renew(SOFT)),),
        expirers=((renew(SOFT),),),
        least=120_000,
        seen=(AFTER,),
        evictions=1,
        more=(auditor(valid=hard, lenient=True),),
    ),
    Variant(
        "joint",
        "flush of all of a and b, beside it one of a and c",
        (TWO, TWO),
        (joint(A, B),),
        beside=(joint(A, C),),
        least=62_000,
        seen=(AFTER,),
        evictions=0,
        auditor=ANY,
    ),
    Variant(
        "joint-evicted",
        "the same, and records are lost",
        (TWO,),
        (joint(A, B),),
        beside=(joint(A, C),),
        least=27_000,
        seen=(AFTER, "evicts tag a"),
        auditor=ANY,
    ),
    Variant(
        "joint-twice",
        "two flushes of all of a and b at once",
        (TWO,),
        (joint(A, B), joint(A, B)),
        least=19_000,
        seen=(AFTER,),
        evictions=1,
        auditor=ANY,
    ),
    Variant(
        "joint-wider",
        "flush of all of a and b, beside it one of a, b and c",
        (TWO,),
        (joint(A, B),),
        beside=(joint(A, B, C),),
        least=23_000,
        seen=(AFTER,),
        evictions=1,
        auditor=ANY,
    ),
    Variant(
        "joint-steps",
        "joint flush by read and compare-and-set, beside a flush of a",
        (TWO, TWO),
        (joint_in_steps(A, B), (renew_whole(A),)),
        least=150_000,
        seen=(AFTER, "finds tag a changed"),
        evictions=0,
        auditor=auditor((A,), (B,), valid=fresh),
    ),
    Variant(
        "joint-soft",
        "joint flush and expire, both by compare-and-set",
        (TWO,),
        (joint_in_steps(A, B),),
        expirers=(expire(A),),
        least=24_000,
        seen=(AFTER, "finds tag a changed"),
        evictions=1,
        auditor=ANY,
        more=(LENIENT,),
    ),
    Variant(
        "joint-apart",
        "joint parts under their own keys: two that differ are too many",
        (LONE, LONE),
        (joint_apart(A, B),),
        beside=(joint_apart(A, C),),
        least=43_000,
        seen=(AFTER,),
        evictions=0,
        auditor=auditor(valid=apart),
    ),
    Variant(
        "joint-found",
        "tag b found while computing: flush epoch, then the joint flush",
        (FOUND, FOUND),
        ((renew(EPOCH), *joint(A, B)),),
        least=130_000,
        seen=(AFTER, "finds the epoch changed, and does not store"),
        evictions=1,
        auditor=ANY,
    ),
)

PARTED_BROKEN = (
    bad(
        "expire-blindly",
        "expire reads, then writes without compare-and-set",
        ONE,
        renew_whole(A),
        expirers=(expire_blindly(A),),
        auditor=ANY,
        more=(LENIENT,),
    ),
    bad(
        "joint-forgetful",
        "the rule asks for no nonce before: a wider joint flush hides one",
        FORGETFUL,
        *joint(A, B),
        beside=(joint(A, B, C),),
        auditor=auditor(valid=forgetful),
        times=1,
    ),
    bad(
        "joint-blindly",
        "a joint flush reads, then writes without compare-and-set",
        TWO,
        *joint_in_steps(A, B, blind=True),
        beside=(joint_in_steps(A, C, blind=True),),
        times=1,
        auditor=ANY,
    ),
    bad(
        "joint-without-epoch",
        "tag b found while computing, the joint flush leaves the epoch",
        FOUND,
        *joint(A, B),
        auditor=ANY,
    ),
    bad(
        "expire-without-epoch",
        "tag b found while computing, the expire leaves the epoch",
        FOUND,
        writers=(),
        expirers=(expire(B),),
        auditor=ANY,
    ),
)
