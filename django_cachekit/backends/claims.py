"""Claims: the right to compute a key, laid where its value will lie.

Who would compute a key that is missing lays a claim under its own name, and what was computed is
written only where that claim still is. So whatever removes, replaces or flushes the key takes the
claim away in the same step, and the late write finds it gone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..core import clock
from ..core.entry import Claim, Entry
from ..core.faces import Face
from ..core.marks import Verdict
from ..core.operation import MISSING, UNSURE, Key, Operation
from . import numbers
from .engine import KEEP, Blob, Changing, Keep, epoch_of

Judged = tuple[Blob | Keep | None, Any]
Marked = tuple[Blob | Keep | None, set[Key]]


async def lay(store: Any, face: Face, op: Operation) -> Any:
    """Lay a claim: MISSING if it lies, UNSURE if another's does, else the value that is there.

    ``match`` says over what it may be laid: what is ``absent`` (no value that counts, no claim),
    what is ``present`` (a value, which stays readable), what is ``taken`` (another's claim too).
    """
    name, until = store.entries.name(op.key, op.version), clock.now() + op.ttl
    if op.match == "absent" and "create" in store.io.swift:
        sealed = await store.io.epoch(face)
        fresh = _hollow(store, op, until)
        blob = store.entries.blob(name, op.key, fresh, sealed, op.version)
        epoch, data = await store.io.create(face, name, blob, sealed)
        if data is None and epoch == sealed:
            return MISSING
    return await store.io.update(face, name, _laying(store, face, op, name, op.key, until))


async def lay_all(store: Any, face: Face, op: Operation) -> dict[Key, Any]:
    """Lay a claim on each key, and tell of each what ``lay`` does."""
    until = clock.now() + op.ttl
    named = {store.entries.name(key, op.version): key for key in op.keys}
    laying = {name: _laying(store, face, op, name, key, until) for name, key in named.items()}
    found = await _each(store, face, laying)
    return {key: found[name] for name, key in named.items()}


def _laying(
    store: Any, face: Face, op: Operation, name: bytes, key: Key, until: float
) -> Changing[Any]:
    """Return the change that lays a claim."""

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
            fresh = _hollow(store, op, until)
            return store.entries.blob(name, key, fresh, epoch, op.version), MISSING
        claimed = _claimed(entry, op, until)
        return _anew(store, name, data, claimed, epoch, key, op.version), MISSING

    return change


def _hollow(store: Any, op: Operation, until: float) -> Entry:
    """Return a claim without a value, which a flush of its tags ends."""
    fresh: Entry = store.entries.hollow(op.token, until)
    if op.stamp is not None:
        nonces = op.stamp.nonces
        fresh.stamps = {tag: nonces[tag] for tag in op.tags if tag in nonces}
    return fresh


async def write(store: Any, face: Face, op: Operation) -> set[Key]:
    """Store each value where the claim lies; return the keys where it lies no longer."""
    epoch = op.stamp.epoch if op.stamp is not None else None
    # Several are encoded first: one that cannot be leaves all as it was.
    ready = store.encoded(op, int(epoch)) if len(op.values) > 1 and epoch is not None else {}

    def writing(name: bytes, key: Key, value: Any) -> Changing[set[Key]]:
        async def change(data: bytes | None, now: int) -> Marked:
            entry = store.entries.find(name, data, now)
            if epoch not in (None, now) or not _mine(entry, op):
                return KEEP, {key}
            if name in ready:
                return ready[name], set()
            fresh = store.entries.entry(value, op)
            return store.entries.blob(name, key, fresh, now, op.version), set()

        return change

    named = {store.entries.name(key, op.version): key for key in op.values}
    changes = {name: writing(name, key, op.values[key]) for name, key in named.items()}
    return set().union(*(await _each(store, face, changes)).values())


async def _each(
    store: Any, face: Face, changes: Mapping[bytes, Changing[Any]]
) -> Mapping[bytes, Any]:
    """Make every change, together where the store can."""
    together = getattr(store.io, "updates", None)
    if together is not None and len(changes) > 1:
        return await together(face, changes)  # type: ignore[no-any-return]  # as the hook says
    # In one order everywhere, or transactions that change the same rows could lock each other out.
    return {name: await store.io.update(face, name, changes[name]) for name in sorted(changes)}


async def renew(store: Any, face: Face, op: Operation) -> set[Key]:
    """Let the claims lie for as long again; return the keys where they do."""

    def longer(entry: Entry) -> Entry:
        until = clock.now() + op.ttl
        if entry.hollow:
            entry.expires = until
            entry.claim = Claim(op.token, until, hollow=True)
            return entry
        return _claimed(entry, op, until)

    return await _change(store, face, op, longer)


async def drop(store: Any, face: Face, op: Operation) -> set[Key]:
    """Take the claims away; return the keys where they were."""

    def bare(entry: Entry) -> Entry | None:
        hollow, entry.claim = entry.hollow, None
        return None if hollow else entry

    return await _change(store, face, op, bare)


async def _change(
    store: Any, face: Face, op: Operation, turn: Callable[[Entry], Entry | None]
) -> set[Key]:
    """Change the entries on which the claim lies, each in one step."""

    def turning(name: bytes, key: Key) -> Changing[set[Key]]:
        async def change(data: bytes | None, epoch: int) -> Marked:
            entry = store.entries.find(name, data, epoch)
            if entry is None or not _mine(entry, op):
                return KEEP, set()
            turned = turn(entry)
            if turned is None:
                return None, {key}
            return _anew(store, name, data, turned, epoch, key, op.version), {key}

        return change

    named = {store.entries.name(key, op.version): key for key in op.keys}
    changes = {name: turning(name, key) for name, key in named.items()}
    return set().union(*(await _each(store, face, changes)).values())


def _claimed(entry: Entry, op: Operation, until: float) -> Entry:
    """Return the entry with a claim on it, which it outlasts: its value ends as it would have."""
    if entry.expires is not None and entry.expires < until:
        entry.ends, entry.expires = entry.expires if entry.ends is None else entry.ends, until
    entry.claim = Claim(op.token, until, hollow=False)
    return entry


def _anew(
    store: Any,
    name: bytes,
    data: bytes | None,
    entry: Entry,
    epoch: int,
    key: Key,
    version: int | None,
) -> Blob:
    """Return the entry's bytes, of the kind and under the epoch that they had."""
    counted = numbers.is_counter(data) and not entry.hollow
    make = store.entries.counter if counted else store.entries.blob
    return make(name, key, entry, epoch_of(data, epoch), version)  # type: ignore[no-any-return]  # a Blob


def _taken(entry: Entry | None) -> bool:
    return entry is not None and entry.claim is not None and entry.claim.until > clock.now()


def _mine(entry: Entry | None, op: Operation) -> bool:
    return entry is not None and entry.claim is not None and entry.claim.token == op.token
