"""Flights: fillers of one process, of which one computes and the others wait for it."""

from __future__ import annotations

from .claims import claimed, is_mine
from .fillers import ENDED, NONE, Filler, FillerStep, Instruction, good, same
from .world import Claim, Entry, K, World, serve, with_entry

REFUSED = Claim(0)
"""What a leader publishes when it has nothing that may be given to others."""


def join(number: int, *, always: bool) -> Instruction:
    """Lead the single flight if nobody does, else wait for the leader's value.

    The value is taken if the leader's snapshot equals one's own, or ``always``; else one more try.
    """

    def step(world: World, local: Filler) -> list[FillerStep]:
        if local.leader < 0 and world.leader < 0:
            leading = world._replace(leader=number)
            return [("leads the flight", leading, local._replace(at=local.at + 1))]
        if local.leader < 0:
            return [("waits for the leader", world, local._replace(leader=world.leader))]
        result = world.flights[local.leader]
        if not isinstance(result, Entry):
            return []
        if always or result.stamps == local.stamps:
            return [serve(world, result.version, local.floor, ENDED, "the leader's value")]
        return [("declines the leader's value", world, local._replace(leader=-1))]

    return step


def publish(number: int) -> Instruction:
    """Give the value and its snapshot to those who wait, and open the way for the next leader."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        flights = world.flights
        result = Entry(local.data, local.stamps)
        flights = (*flights[:number], result, *flights[number + 1 :])
        published = world._replace(flights=flights, leader=-1)
        return [("publishes its value", published, local._replace(at=local.at + 1))]

    return step


def follow(number: int) -> Instruction:
    """Lead the flight of this process, or wait for its leader and look again.

    What the leader computed is taken if nothing is there and it was not refused, else one tries
    anew.
    """

    def step(world: World, local: Filler) -> list[FillerStep]:
        if local.leader < 0 and world.leader < 0:
            leading = world._replace(leader=number)
            return [("leads the flight", leading, local._replace(at=local.at + 1))]
        if local.leader < 0:
            return [("waits for the leader", world, local._replace(leader=world.leader))]
        result = world.flights[local.leader]
        if result is None:
            return []
        there = good(world.entries[K], (), same, world.records)
        if there is not None:
            return [serve(world, there.version, local.floor, ENDED)]
        if isinstance(result, Entry):
            return [serve(world, result.version, local.floor, ENDED, "the leader's value")]
        return [("declines the leader's value", world, local._replace(leader=-1))]

    return step


def lead_claim(number: int) -> Instruction:
    """Claim the key as the leader of a flight: a value that is there ends the flight."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        there = world.entries[K]
        if isinstance(there, Entry):
            landed = land(world, number, REFUSED)
            return [serve(landed, there.version, local.floor, ENDED, "a newer entry")]
        return [claimed(world, local)]

    return step


def close(world: World, local: Filler) -> list[FillerStep]:
    """Let nobody join the flight any more: who comes from now on may owe to a later forget."""
    closed = world._replace(leader=-1)
    return [("closes its flight", closed, local._replace(at=local.at + 1))]


def store_and_land(number: int, *, trusting: bool = False) -> Instruction:
    """Write over one's own claim, then tell the waiters; ``trusting`` gives a refused value too."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if local.seen is not None:
            return [("lands its flight", land(world, number, local.seen), ENDED)]
        value = Entry(local.data, NONE)
        if is_mine(world, local):
            stored = with_entry(world, K, value)
            return [("stores entry k over its claim", stored, local._replace(seen=value))]
        seen = value if trusting else REFUSED
        return [("is refused: its claim is gone", world, local._replace(seen=seen))]

    return step


def land(world: World, number: int, result: Entry | Claim) -> World:
    """End a flight with what its waiters are given."""
    flights = (*world.flights[:number], result, *world.flights[number + 1 :])
    leader = -1 if world.leader == number else world.leader
    return world._replace(flights=flights, leader=leader)
