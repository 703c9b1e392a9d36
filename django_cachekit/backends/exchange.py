"""Compare and set: a value in the place of one that was seen, if that is still there.

Two steps, between which the caller computes: no code of his runs while a lock of the store is held.
What was seen is known again by its bytes. With a claim laid on it, or another expiry, these are
others: then the caller looks anew, and nothing is lost.
"""

from typing import Any

from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face
from ..core.operation import MISSING, Operation, Seen, Stamp
from ..core.ttl import KEEP as KEEP_TTL
from . import numbers
from .engine import KEEP, Blob, Keep, epoch_of


async def see(store: Any, face: Face, op: Operation) -> Seen:
    """Tell what is there: nothing that can be read is no mark, one without the tags no value."""
    name = store.entries.name(op.key, op.version)
    epoch, blobs = await store.io.read(face, [name])
    data = blobs.get(name)
    entry = store.entries.load(name, data, epoch)
    stamp = Stamp(epoch or await store.io.epoch(face), {})
    if entry is None:
        return Seen(MISSING, None, stamp)
    serves = store.bears(entry, op) and await store._unflushed(face, entry) is not None
    return Seen(entry.value if serves else MISSING, data, stamp, tuple(entry.stamps))


async def swap(store: Any, face: Face, op: Operation) -> bool:
    """Store the value where the mark still lies, and nothing has been emptied since."""
    name = store.entries.name(op.key, op.version)
    epoch = op.stamp.epoch if op.stamp else 0
    old = store.entries.load(name, op.seen, epoch) if op.match == "present" else None
    if op.match == "present" and old is None:
        return False
    ends = old.end if old else None
    # Before any lock is taken: what is encoded may be of the caller's own classes.
    blob = _blob(store, name, op, _entry(store, op, old), epoch)

    async def change(data: bytes | None, now: int) -> tuple[Blob | Keep | None, bool]:
        same = data == op.seen or (op.seen is None and store.entries.load(name, data, now) is None)
        over = ends is not None and ends <= clock.now()
        return (blob, True) if same and now == epoch and not over else (KEEP, False)

    return bool(await store.io.update(face, name, change))


def _entry(store: Any, op: Operation, old: Entry | None) -> Entry:
    """Return the entry to be stored, with the tags and perhaps the ttl of the one that was seen."""
    ((_, value),) = op.values.items()
    if old is None:
        fresh: Entry = store.entries.entry(value, op)
        fresh.stamps = dict(op.stamp.nonces) if op.stamp else {}
        return fresh
    old.value, old.claim = value, None
    if op.ttl is not KEEP_TTL:
        old.expires, old.fresh, old.ends = store.names.expires(op.ttl), None, None
    return old


def _blob(store: Any, name: bytes, op: Operation, entry: Entry, epoch: int) -> Blob:
    """Return the entry's bytes: a counter's, where one was there and the server can go on."""
    sealed = epoch if op.match == "absent" else epoch_of(op.seen, epoch)
    counted = op.match == "present" and numbers.is_counter(op.seen) and numbers.fits(entry.value)
    make = store.entries.counter if counted else store.entries.blob
    return make(name, op.key, entry, sealed, op.version)  # type: ignore[no-any-return]  # a Blob
