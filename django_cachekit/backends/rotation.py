"""Sealing entries anew under the first key, while the store is in use."""

from collections import Counter
from functools import partial
from typing import NamedTuple

from ..codecs import Chain, Unreadable
from ..core.faces import BLOCKING, run_now
from .bytestore import Bytes
from .engine import KEEP, Blob, Keep, epoch_of
from .headers import expires
from .numbers import split


class Turn(NamedTuple):
    """Say what became of an entry: the hex id of the key that had sealed it, and the outcome.

    ============== ===========================================================================
    ``resealed``   it is under the first key now
    ``due``        it would be, were this no dry run
    ``current``    it was already
    ``expired``    it is over; ``cache_prune`` removes it
    ``unreadable`` its key is not configured, it is of before a clear, or it was tampered with
    ``gone``       it was removed or replaced meanwhile
    ============== ===========================================================================

    ``key`` is ``?`` where the bytes name none.
    """

    key: str
    outcome: str


def rotate(driver: Bytes, dry_run: bool = False) -> Counter[Turn]:
    """Seal what is under older keys under the first one; return how many entries had which turn.

    Each entry is one atomic step, so it may run while others read and write, be killed, and run
    again: what is done stays done. An error of the engine is raised as it is.
    """
    turns: Counter[Turn] = Counter()
    run_now(_rotate(driver, dry_run, turns))
    return turns


async def _rotate(driver: Bytes, dry_run: bool, turns: Counter[Turn]) -> None:
    epoch, _ = await driver.io.read(BLOCKING, [])
    async for name, data in driver.io.scan(BLOCKING):
        outcome, _ = _resealed(driver.chain, name, data, epoch)
        if outcome == "resealed":
            step = partial(_step, driver, name)
            outcome = "due" if dry_run else await driver.io.update(BLOCKING, name, step)
        turns[Turn(_key(driver.chain, split(name, data).envelope), outcome)] += 1


async def _step(
    driver: Bytes, name: bytes, data: bytes | None, epoch: int
) -> tuple[Blob | Keep, str]:
    """Reseal what is there now, which may be newer than what was found."""
    if data is None:
        return KEEP, "gone"
    outcome, fresh = _resealed(driver.chain, name, data, epoch)
    if fresh is None:
        return KEEP, outcome
    return Blob(fresh, expires(split(name, fresh).envelope), epoch_of(data, epoch)), outcome


def _resealed(chain: Chain, name: bytes, data: bytes, epoch: int) -> tuple[str, bytes | None]:
    epoch, parts = epoch_of(data, epoch), split(name, bytes(data))
    try:
        fresh = chain.reseal(parts.name, parts.envelope, epoch)
    except Unreadable as why:
        return "expired" if why.reason == "expired" else "unreadable", None
    return ("current", None) if fresh is None else ("resealed", parts.joined(fresh))


def _key(chain: Chain, data: bytes) -> str:
    try:
        return chain.kid(data)
    except Unreadable:
        return "?"
