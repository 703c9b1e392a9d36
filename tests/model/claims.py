"""Claims: the right to compute lies in the entry's own place; and leases, where it cannot."""

from __future__ import annotations

from .fillers import ENDED, NONE, Filler, FillerStep, Instruction, good, only, same
from .world import KEYS, LEASE, Claim, Entry, K, World, serve, with_entry, with_record

REFUSED = Claim(0)
"""What a leader publishes when it has nothing that may be given to others."""


def claim(*tags: int) -> Instruction:
    """Claim the key in one atomic step, unless a value is there that holds by the snapshot.

    A claim of another is waited for, or taken for ended at any moment: no clock is trusted.
    """

    def step(world: World, local: Filler) -> list[FillerStep]:
        there = world.entries[K]
        entry = good(there, tags, same, local.stamps)
        if entry is not None:
            return [serve(world, entry.version, local.floor, ENDED, "a newer entry")]
        steps = [claimed(world, local)]
        if isinstance(there, Claim):
            steps.append(("finds a claim, and will look again", world, Filler()))
        return steps

    return step


def claimed(world: World, local: Filler) -> FillerStep:
    """Put one's own claim in the place of the entry."""
    token = world.nonce + 1
    stamps = (*local.stamps[:LEASE], token, *local.stamps[LEASE + 1 :])
    after = with_entry(world._replace(nonce=token), K, Claim(token))
    over = "over another's" if isinstance(world.entries[K], Claim) else "of its own"
    return f"puts a claim {over}", after, Filler(local.at + 1, local.floor, stamps)


def is_mine(world: World, local: Filler) -> bool:
    """Tell if the filler's own claim is still there."""
    there = world.entries[K]
    return isinstance(there, Claim) and there.token == local.stamps[LEASE]


def store_over_claim(*tags: int) -> Instruction:
    """Write the entry over one's own claim, in one atomic step; else it is refused."""

    def step(world: World, local: Filler) -> list[FillerStep]:
        if not is_mine(world, local):
            return [("is refused: its claim is gone", world, ENDED)]
        entry = Entry(local.data, only(local.stamps, tags))
        return [("stores entry k over its claim", with_entry(world, K, entry), ENDED)]

    return step


def store_if_absent(world: World, local: Filler) -> list[FillerStep]:
    """Write the entry, wrongly, over a name that is free too."""
    if world.entries[K] is not None and not is_mine(world, local):
        return [("is refused: another's is there", world, ENDED)]
    after = with_entry(world, K, Entry(local.data, NONE))
    return [("stores entry k, nothing being there", after, ENDED)]


def renew_claim(world: World, local: Filler) -> list[FillerStep]:
    """Keep the claim alive, wrongly, by writing it again."""
    token = local.stamps[LEASE]
    assert isinstance(token, int)
    after = with_entry(world, K, Claim(token))
    return [("renews its claim", after, local._replace(at=local.at + 1))]


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


def store_in_passing(world: World, local: Filler) -> list[FillerStep]:
    """Write the entry, to be looked after at once: where no write can ask for the lease."""
    after = with_entry(world, K, Entry(local.data, NONE))
    passing = after._replace(passing=after.passing + 1)
    return [("stores entry k in passing", passing, local._replace(at=local.at + 1))]


def look_after(world: World, local: Filler) -> list[FillerStep]:
    """Let the entry stay if the lease is still one's own, else delete it."""
    if local.leader == 0:
        gone = with_entry(world, K, None)._replace(passing=world.passing - 1)
        return [("deletes entry k again", gone, ENDED)]
    if world.records[LEASE] != local.stamps[LEASE]:
        return [("finds its lease gone", world, local._replace(leader=0))]
    settled = world._replace(passing=world.passing - 1)
    return [("finds its lease there", settled, local._replace(at=local.at + 1))]


def look_before(world: World, local: Filler) -> list[FillerStep]:
    """Look, wrongly, before the write only."""
    if world.records[LEASE] != local.stamps[LEASE]:
        return [("finds its lease gone", world, ENDED)]
    return [("finds its lease there", world, local._replace(at=local.at + 1))]


def release(world: World, local: Filler) -> list[FillerStep]:
    """Delete the lease, whosesoever it is by now."""
    return [("deletes the lease", with_record(world, LEASE, 0), ENDED)]
