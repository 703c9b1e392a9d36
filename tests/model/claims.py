"""Claims: the right to compute lies in the entry's own place; and leases, where it cannot."""

from __future__ import annotations

from .fillers import ENDED, NONE, Filler, FillerStep, Instruction, good, only, same
from .world import LEASE, Claim, Entry, K, World, serve, with_entry, with_record


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
