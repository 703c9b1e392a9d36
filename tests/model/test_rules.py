"""The rules by which an entry lives: what a joint flush kills, and what it leaves alone."""

from __future__ import annotations

import pytest

from .fillers import stamp_of
from .parted import apart, forgetful, fresh, joint, joint_apart, renew_whole, stale, whole
from .world import A, B, C, Numbers, World, with_record
from .writers import Plan, Writer, take_step


def begun() -> World:
    """Return a world in which tags a, b and c have records."""
    world = World()
    for tag in (A, B, C):
        world = with_record(world, tag, whole(world))
    return world


def flush(world: World, plan: Plan) -> World:
    """Do a plan at once."""
    local = Writer(1)
    while local.at <= len(plan):
        _, world, local = take_step(plan[local.at - 1], world, local)
    return world


def bearing(world: World, *tags: int) -> Numbers:
    """Return the stamps of an entry that is computed now."""
    return tuple(stamp_of(record) if at in tags else 0 for at, record in enumerate(world.records))


@pytest.mark.parametrize("borne", [(A,), (A, B), (A, B, C)])
@pytest.mark.parametrize("flushed", [(A, B), (A, C), (B, C), (A, B, C)])
def test_one_joint_flush_kills_what_bears_all_of_it_and_nothing_else(
    borne: tuple[int, ...], flushed: tuple[int, ...]
) -> None:
    world = begun()
    stamps = bearing(world, *borne)
    after = flush(world, joint(*flushed))
    assert fresh(stamps, after.records) is not set(flushed).issubset(borne)


def test_two_joint_flushes_of_other_tags_leave_an_entry_alone() -> None:
    world = begun()
    stamps = bearing(world, A, B)
    after = flush(world, joint(A, C))
    assert fresh(stamps, after.records)
    once = flush(after, joint(A, C))
    assert fresh(stamps, once.records)  # only one of its tags differs
    both = flush(after, joint(B, C))
    assert fresh(stamps, both.records)  # both differ, each by another flush


def test_where_one_may_be_hidden_the_entry_is_dead() -> None:
    world = begun()
    stamps = bearing(world, A, B)
    after = flush(flush(world, joint(A, B)), joint(A, B, C))
    assert not fresh(stamps, after.records)
    assert forgetful(stamps, after.records)  # which is why one asks what came before


def test_a_flush_of_one_kills_what_is_content_with_stale_values_too() -> None:
    world = begun()
    after = flush(world, (renew_whole(A),))
    assert not stale(bearing(world, A, B), after.records)
    assert stale(bearing(world, B), after.records)


def test_apart_one_may_differ_and_two_may_not() -> None:
    world = World()
    for tag in (A, B, C):
        world = with_record(world, tag, world.nonce + 1)
    stamps = bearing(world, A, B)
    assert apart(stamps, flush(world, joint_apart(A, C)).records)
    assert not apart(stamps, flush(world, joint_apart(A, B)).records)
