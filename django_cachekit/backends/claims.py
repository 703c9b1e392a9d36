"""Claims: the right to compute a key, laid where its value will lie.

Who would compute a key that is missing lays a claim under its own name, and what was computed is
written only where that claim still is. So whatever removes, replaces or flushes the key takes the
claim away in the same step, and the late write finds it gone.
"""

from collections.abc import Callable
from typing import Any

from ..core import clock
from ..core.entry import Claim, Entry
from ..core.faces import Face
from ..core.marks import Verdict
from ..core.operation import MISSING, UNSURE, Key, Operation
from . import numbers
from .engine import KEEP, Blob, Keep, epoch_of

Judged = tuple[Blob | Keep | None, Any]


async def lay(store: Any, face: Face, op: Operation) -> Any:
    """Lay a claim: MISSING if it lies, UNSURE if another's does, else the value that is there.

    ``match`` says over what it may be laid: what is ``absent`` (no value that counts, no claim),
    what is ``present`` (a value, which stays readable), what is ``taken`` (another's claim too).
    """
    name = store.entries.name(op.key, op.version)
    until = clock.now() + op.ttl
    fresh = store.entries.hollow(op.token, until)
    if op.stamp is not None:
        nonces = op.stamp.nonces
        fresh.stamps = {tag: nonces[tag] for tag in op.tags if tag in nonces}
    if op.match == "absent" and "create" in store.io.swift:
        sealed = await store.io.epoch(face)
        blob = store.entries.blob(name, op.key, fresh, sealed, op.version)
        epoch, data = await store.io.create(face, name, blob, sealed)
        if data is None and epoch == sealed:
            return MISSING

    async def change(data: bytes | None, epoch: int) -> Judged:
        entry = store.entries.find(name, data, epoch)
        verdict = Verdict.DEAD if entry is None else await store.verdict(face, entry)
        if verdict is not Verdict.DEAD and _taken(entry) and op.match != "taken":
            return KEEP, UNSURE
        hollow = entry is None or entry.hollow or verdict is Verdict.DEAD
        serves = not hollow and verdict is Verdict.LIVE and store.bears(entry, op)
        if op.match == "absent" and serves:
            return KEEP, entry.value
        if hollow:
            return store.entries.blob(name, op.key, fresh, epoch, op.version), MISSING
        claimed = _claimed(entry, op, until)
        return _anew(store, name, data, claimed, epoch, op), MISSING

    return await store.io.update(face, name, change)


async def write(store: Any, face: Face, op: Operation) -> set[Key]:
    """Store the value where the claim lies; return the key if it lies there no longer."""
    ((key, value),) = op.values.items()
    name = store.entries.name(key, op.version)
    fresh = store.entries.entry(value, op)

    async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, set[Key]]:
        entry = store.entries.find(name, data, epoch)
        late = op.stamp is not None and op.stamp.epoch not in (None, epoch)
        if late or not _mine(entry, op):
            return KEEP, {key}
        return store.entries.blob(name, key, fresh, epoch, op.version), set()

    return await store.io.update(face, name, change)  # type: ignore[no-any-return]  # as change


async def renew(store: Any, face: Face, op: Operation) -> set[Key]:
    """Let the claim lie for as long again; return the key if it does."""

    def longer(entry: Entry) -> Entry:
        until = clock.now() + op.ttl
        if entry.hollow:
            entry.expires = until
            entry.claim = Claim(op.token, until, hollow=True)
            return entry
        return _claimed(entry, op, until)

    return await _change(store, face, op, longer)


async def drop(store: Any, face: Face, op: Operation) -> set[Key]:
    """Take the claim away; return the key if it was there."""

    def bare(entry: Entry) -> Entry | None:
        hollow, entry.claim = entry.hollow, None
        return None if hollow else entry

    return await _change(store, face, op, bare)


async def _change(
    store: Any, face: Face, op: Operation, turn: Callable[[Entry], Entry | None]
) -> set[Key]:
    """Change the entry on which the claim lies, in one step."""
    name = store.entries.name(op.key, op.version)

    async def change(data: bytes | None, epoch: int) -> tuple[Blob | Keep | None, set[Key]]:
        entry = store.entries.find(name, data, epoch)
        if entry is None or not _mine(entry, op):
            return KEEP, set()
        turned = turn(entry)
        if turned is None:
            return None, {op.key}
        return _anew(store, name, data, turned, epoch, op), {op.key}

    return await store.io.update(face, name, change)  # type: ignore[no-any-return]  # as change


def _claimed(entry: Entry, op: Operation, until: float) -> Entry:
    """Return the entry with a claim on it, which it outlasts: its value ends as it would have."""
    if entry.expires is not None and entry.expires < until:
        entry.ends, entry.expires = entry.expires if entry.ends is None else entry.ends, until
    entry.claim = Claim(op.token, until, hollow=False)
    return entry


def _anew(
    store: Any, name: bytes, data: bytes | None, entry: Entry, epoch: int, op: Operation
) -> Blob:
    """Return the entry's bytes, of the kind and under the epoch that they had."""
    counted = numbers.is_counter(data) and not entry.hollow
    make = store.entries.counter if counted else store.entries.blob
    return make(name, op.key, entry, epoch_of(data, epoch), op.version)  # type: ignore[no-any-return]  # a Blob


def _taken(entry: Entry | None) -> bool:
    return entry is not None and entry.claim is not None and entry.claim.until > clock.now()


def _mine(entry: Entry | None, op: Operation) -> bool:
    return entry is not None and entry.claim is not None and entry.claim.token == op.token
