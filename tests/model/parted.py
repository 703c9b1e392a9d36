"""Records of several nonces: hard, soft and joint flushes, and the rules an entry lives by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .world import RECORDS, Numbers, Parts, Value, World, with_record
from .writers import Act, Change, Plan, Writer, WriterStep, read


def whole(world: World) -> Parts:
    """Return a wholly fresh record; one number does for all parts, each is compared by itself."""
    number = world.nonce + 1
    return Parts(number, number, number)


def pairs(stamps: Numbers, records: Numbers) -> Iterator[tuple[Parts, Value]]:
    """Yield each stamp that the entry bears, with its record (0: missing)."""
    for stamp, record in zip(stamps, records, strict=True):
        if isinstance(stamp, Parts):
            yield stamp, record


def joined(stamps: Numbers, records: Numbers) -> bool:
    """Tell that no joint flush of tags that the entry bears has come since its stamps.

    Fewer than two tags differ, or each has seen one joint flush and none of those is complete.
    """
    differing = differ(stamps, records)
    if len(differing) < 2:
        return True
    if any(record.prev != stamp.joint for stamp, record in differing):
        return False
    return not complete(differing)


def differ(stamps: Numbers, records: Numbers) -> list[tuple[Parts, Parts]]:
    """Return each stamp and record whose joint parts differ."""
    return [
        (stamp, record)
        for stamp, record in pairs(stamps, records)
        if isinstance(record, Parts) and record.joint != stamp.joint
    ]


def complete(differing: list[tuple[Parts, Parts]]) -> bool:
    """Tell if some joint flush has changed as many of the entry's tags as it was given."""
    counts = Counter((record.joint, record.size) for _, record in differing)
    return any(number >= size for (_, size), number in counts.items())


def stale(stamps: Numbers, records: Numbers) -> bool:
    """Accept an entry for a read content with stale values: soft parts may differ."""
    hard = all(
        isinstance(record, Parts) and record.hard == stamp.hard
        for stamp, record in pairs(stamps, records)
    )
    return hard and joined(stamps, records)


def fresh(stamps: Numbers, records: Numbers) -> bool:
    """Accept an entry for any read: hard and soft parts are the same, and no joint flush came."""
    soft = all(
        isinstance(record, Parts) and record.soft == stamp.soft
        for stamp, record in pairs(stamps, records)
    )
    return soft and stale(stamps, records)


def forgetful(stamps: Numbers, records: Numbers) -> bool:
    """Accept as ``fresh`` does, but, wrongly, without asking what came before the last flush."""
    alike = all(
        isinstance(record, Parts) and record[:2] == stamp[:2]
        for stamp, record in pairs(stamps, records)
    )
    return alike and not complete(differ(stamps, records))


def apart(stamps: Numbers, records: Numbers) -> bool:
    """Accept where joint parts lie alone, and nothing is known of before: one may differ."""
    borne = [(stamp, record) for stamp, record in zip(stamps, records, strict=True) if stamp]
    there = all(record for _, record in borne)
    return there and sum(stamp != record for stamp, record in borne) < 2


def renew_whole(record: int) -> Change:
    """Flush by a blind write of a wholly fresh record."""
    action = f"flushes: writes {RECORDS[record]} wholly anew"
    return action, lambda world: with_record(world, record, whole(world))


def write(record: int, how: str, *, blind: bool = False) -> Act:
    """Write what the record read before becomes; unless ``blind``, only over that, or read again.

    ``how``: ``soft`` renews its soft part, ``joint`` puts in the flush's own nonce and size. A
    missing one becomes wholly fresh.
    """

    def act(world: World, local: Writer) -> WriterStep:
        if not blind and world.records[record] != local.seen:
            return f"finds {RECORDS[record]} changed", world, local._replace(at=local.at - 1)
        after = with_record(world, record, changed(world, local, how))
        verb = "blindly" if blind else "by compare-and-set"
        action = f"flushes: writes the {how.split()[0]} part of {RECORDS[record]} {verb}"
        return action, after, local._replace(at=local.at + 1, seen=0)

    return act


def changed(world: World, local: Writer, how: str) -> Parts:
    """Return what a record becomes."""
    seen = local.seen
    if not isinstance(seen, Parts):
        return whole(world)
    if how == "soft":
        return seen._replace(soft=world.nonce + 1)
    return seen._replace(joint=local.own, prev=seen.joint, size=int(how.split()[1]))


def draw(world: World, local: Writer) -> WriterStep:
    """Draw the one nonce of a joint flush."""
    own = world.nonce + 1
    return "draws a nonce", world._replace(nonce=own), local._replace(at=local.at + 1, own=own)


def update(record: int, how: str) -> Act:
    """Read and compare-and-set in one step: what the two come to when nobody is between."""
    reading, writing = read(record), write(record, how)

    def act(world: World, local: Writer) -> WriterStep:
        _, _, seen = reading(world, local)
        return writing(world, seen._replace(at=local.at))

    return act


def expire(record: int) -> Plan:
    """Plan an expire of a tag: only the soft part becomes another."""
    return read(record), write(record, "soft")


def expire_blindly(record: int) -> Plan:
    """Plan it, wrongly, without a compare-and-set."""
    return read(record), write(record, "soft", blind=True)


def joint(*tags: int) -> Plan:
    """Plan a joint flush, each record updated in one step."""
    return draw, *(update(tag, f"joint {len(tags)}") for tag in tags)


def joint_in_steps(*tags: int, blind: bool = False) -> Plan:
    """Plan a joint flush, each record read and then written."""
    how = f"joint {len(tags)}"
    steps = [step for tag in tags for step in (read(tag), write(tag, how, blind=blind))]
    return draw, *steps


def joint_apart(*tags: int) -> Plan:
    """Plan a joint flush where joint parts lie alone: its nonce is written to each, blindly."""

    def act(tag: int) -> Act:
        def write_own(world: World, local: Writer) -> WriterStep:
            after = with_record(world, tag, local.own)
            action = f"flushes: writes the joint part of {RECORDS[tag]}"
            return action, after, local._replace(at=local.at + 1)

        return write_own

    return draw, *(act(tag) for tag in tags)
