"""Holding a lock: taking it, waiting for it, and giving it back."""

import logging
import math
import random
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections, connections

from ..core import clock
from ..core.faces import Face, Hop
from ..core.held import Held, Taken, mark
from ..core.lines import LINES, Place
from ..core.operation import Record
from ..errors import CacheKitError, LockLost, LockTimeout, NotSupported, StoreUnavailable
from .grips import Hand, lasting, waiting_time

log = logging.getLogger("django_cachekit")

FIRST_PAUSE, LAST_PAUSE = 0.01, 0.25
"""Seconds between two attempts where nobody tells of a release: from, up to, twice each time."""

LISTEN = 1.0
"""Seconds after which even one who is told of releases asks again: a word may be lost."""


async def acquire(hand: Hand) -> bool:
    """Try once to take it, and tell whether it was had; StoreUnavailable where nobody can tell."""
    return (await _attempt(hand)).fence > 0


async def _attempt(hand: Hand) -> Taken:
    """Try each of its keys once, from any of them on, so that slots are tried evenly."""
    grip = hand.grip
    if grip.ttl is None:
        raise ValueError("A lock that was restored has no ttl; it can be refreshed with one.")
    first = random.randrange(len(grip.keys))  # noqa: S311 - no secret
    nearest = None
    for key in (*grip.keys[first:], *grip.keys[:first]):
        taken = await _take(hand, key, grip.ttl)
        if taken.fence:
            return taken
        nearest = taken.left if nearest is None else min(nearest, taken.left)
    return Taken(0, nearest or 0.0)


async def _take(hand: Hand, key: Record, ttl: float) -> Taken:
    began = clock.monotonic()
    try:
        taken: Taken = await hand.say("take", key=key, ttl=ttl)
    except NotSupported:
        raise
    except BaseException:
        # Whoever waited for the answer has gone, or it was lost: it may have been taken all the
        # same, and nobody would give it back.
        undo(hand, key)
        raise
    if not taken.fence:
        return taken
    if clock.monotonic() >= began + ttl:
        undo(hand, key)  # the answer took longer than the lock lasts
        await hand.tell("lost")
        return Taken(0)
    hand.grip.taken(key, taken.fence, began + ttl)
    return taken


def undo(hand: Hand, key: Record) -> None:
    """Give back behind the caller what he may have, if the store can be reached.

    Not by an owner that was given: another may have taken it by the same one since.
    """

    async def work(face: Face) -> None:
        try:
            await hand.port.by(face).call(hand.about("free", key=key, quiet=True))
        except CacheKitError:  # it ends by itself
            log.debug("cache %r: a lock was not given back", hand.port.alias)
        finally:
            # Awaited, its work on the database was done in a thread that others use too.
            close = close_old_connections if face.awaiting else connections.close_all
            await face.run(Hop.DJANGO, close)

    if not hand.grip.given:
        hand.port.face.behind(work, lambda: None)


async def block(hand: Hand, patience: Any) -> None:
    """Wait so many seconds at most until it is had; LockTimeout if it was not."""
    seconds = waiting_time(patience)
    taken = await _waited(hand, clock.monotonic() + seconds)
    if not taken.fence:
        await hand.tell("late")
        raise LockTimeout(_late(hand, seconds, taken.left))


def _late(hand: Hand, seconds: float, left: float) -> str:
    """Say what was not had, how long it was waited for, and how long others may have it still."""
    slots = len(hand.grip.keys)
    what, others = "lock", "another has it"
    if slots > 1 or hand.grip.key.kind == "slot":
        what, others = "funnel", f"all of its {slots} slots are taken"
    wait = f"in {seconds:g} s" if seconds else "at once"
    ends = f", for {left:.1f} s more as it stands" if 0 < left < math.inf else ""
    return (
        f"The {what} {hand.grip.name!r} of alias {hand.port.alias!r} was not had {wait}: {others}"
        f"{ends}. Wait longer (block), or do without."
    )


async def _waited(hand: Hand, limit: float) -> Taken:
    """Wait in line, for those who came earlier go first; unless there is no time to do so."""
    if limit <= clock.monotonic():
        return await _attempt(hand)
    place = LINES.join(hand.line)
    try:
        if place.turn.done() or await hand.port.face.within(place.turn, limit - clock.monotonic()):
            return await _first(hand, place, limit)
    finally:
        place.leave()
    # Those before him may not be able to take it: they wait for this very thread, say.
    return await _attempt(hand)


async def _first(hand: Hand, place: Place, limit: float) -> Taken:
    """Be the one of this process who asks, until it is had or the time is over."""
    pause, tells = FIRST_PAUSE, True
    while True:
        place.listen()
        taken = await _attempt(hand)
        left = limit - clock.monotonic()
        if taken.fence or left <= 0:
            return taken
        ends = taken.left or math.inf  # a store may not know
        if tells:
            nap = max(min(left, ends + 0.001, LISTEN), 0.001)
            tells = await _told(hand, nap)
        if not tells:
            pause = min(pause * 2, LAST_PAUSE)
            nap = random.uniform(pause / 2, pause)  # noqa: S311 - a pause
            await hand.port.face.within(place.bell, min(left, max(ends, 0.001), nap))


async def _told(hand: Hand, nap: float) -> bool:
    """Wait until the store tells of a release, or so long; False if it tells of none."""
    op = hand.about("wait", ttl=nap, quiet=True)._replace(keys=hand.grip.keys)
    try:
        return bool(await hand.port.call(op))
    except StoreUnavailable:  # the next attempt meets it again, or finds the store well
        return False


async def release(hand: Hand) -> bool:
    """Give it back if it is still this owner's, in one step, and tell whether it was.

    A child of a fork leaves its parent's alone.
    """
    grip = hand.grip
    if grip.held and grip.inherited:
        return False
    was, grip.held, grip.over = grip.held, False, True
    try:
        freed = bool(await hand.say("free"))
    except BaseException:
        if was:
            undo(hand, grip.key)
        raise
    LINES.ring(hand.line)
    if was and not freed:
        await lose(hand)
    return freed


async def lose(hand: Hand) -> None:
    """Note, once, that it ended while it was held, and say so."""
    hand.grip.held = False
    if not hand.grip.lost:
        hand.grip.lost = True
        log.warning("cache %r: a lock ended while it was held", hand.port.alias)
        await hand.tell("lost")


async def force_release(hand: Hand) -> None:
    """Give it back whoever has it; of a funnel, the slot that was had."""
    if len(hand.grip.keys) == 1 or hand.grip.fence is not None:
        await hand.port.call(hand.about("free")._replace(token=b""))
        LINES.ring(hand.line)


async def refresh(hand: Hand, ttl: Any = None) -> bool:
    """Let it last for ``ttl`` from now (None: as long as before), if it is still held.

    False if it has ended or is another's.
    """
    grip = hand.grip
    if ttl is None and grip.ttl is None:
        raise ValueError("A lock that was restored is refreshed with a ttl.")
    if grip.held and grip.inherited:
        return False
    lasts, began = grip.ttl if ttl is None else lasting(ttl), clock.monotonic()
    renewed = bool(await hand.say("renew", ttl=lasts))
    if renewed:
        grip.lasts, grip.until = lasts or 0.0, began + (lasts or 0.0)
    # An answer that took longer than the lock lasts says nothing.
    renewed = renewed and clock.monotonic() < grip.until
    if grip.held and not renewed:
        await lose(hand)
    return renewed


async def look(hand: Hand) -> Held:
    """Return how it stands in the store."""
    found: Held = await hand.say("look")
    return found


async def remaining(hand: Hand) -> float:
    """Return the seconds for which it is held, by whomever; 0 if it is free."""
    return (await look(hand)).left


async def is_locked(hand: Hand) -> bool:
    """Tell whether anybody has it."""
    return bool((await look(hand)).owner)


async def is_owned_by(hand: Hand, owner: str | None) -> bool:
    """Tell whether ``owner`` has it; None has nothing."""
    return isinstance(owner, str) and (await look(hand)).owner == mark(owner)


async def is_owned_by_current_process(hand: Hand) -> bool:
    """Tell whether this lock's owner has it."""
    return (await look(hand)).owner == hand.grip.token


async def called(hand: Hand, callback: Callable[[], Any]) -> Any:
    """Return what a callback does while it is held; given back whatever comes of that."""
    try:
        result = await hand.port.face.user(callback)
    except BaseException:
        await leave(hand, failed=True)
        raise
    await leave(hand, failed=False)
    return result


async def leave(hand: Hand, *, failed: bool) -> None:
    """Give it back at the end of a block, unless that was done within; LockLost if it had ended.

    An error of the block goes before one of the lock. A child of a fork leaves it to its parent.
    """
    grip = hand.grip
    if grip.inherited or (grip.over and not grip.lost):
        return
    lost = grip.lost
    try:
        lost = not await release(hand) or lost
    except Exception as error:  # whatever it is, that of the block is told first
        if not failed:
            raise
        log.warning("cache %r: a lock was not given back: %s", hand.port.alias, error)
        return
    if lost and not failed:
        raise LockLost(
            f"The lock {grip.name!r} of alias {hand.port.alias!r} ended while it was held, after "
            f"{grip.lasts:g} s or by another's hand: what was done since may not have been alone. "
            "Give it a longer ttl, or auto_refresh=True."
        )
