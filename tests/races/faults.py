"""Known faults, for the races to find: a race that finds none of them could be blind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django_cachekit.backends import claims
from django_cachekit.core import marks
from django_cachekit.core.flights import Board
from django_cachekit.core.operation import Stamp
from django_cachekit.flows.compute import Job
from django_cachekit.layers.tags import Tags


@contextmanager
def stamp_taken_when_storing() -> Iterator[None]:
    """Stamp with the records as they are after computing."""
    keep = Job._keep

    async def late(self: Any, flight: Any, made: Any, ttl: Any, lease: Any) -> None:
        flight.stamp = (await self.look(made.tags)).stamp
        await keep(self, flight, made, ttl, lease)

    with mock.patch.object(Job, "_keep", late):
        yield


@contextmanager
def epoch_not_compared() -> Iterator[None]:
    """Store what was computed before the alias was emptied under the epoch of after."""
    keep = Job._keep

    async def blind(self: Any, flight: Any, made: Any, ttl: Any, lease: Any) -> None:
        flight.stamp = Stamp(None, flight.stamp.nonces, flight.stamp.flushes)
        await keep(self, flight, made, ttl, lease)

    with mock.patch.object(Job, "_keep", blind):
        yield


@contextmanager
def flushes_not_compared() -> Iterator[None]:
    """Store under tags found late whatever was flushed meanwhile."""
    right = Tags._stamp

    async def blind(self: Any, face: Any, op: Any, proceed: Any) -> Any:
        late = [tag for tag in op.tags if op.stamp and tag not in op.stamp.nonces]
        if not late:
            return await right(self, face, op, proceed)
        _, more = await self._late(face, late, proceed)
        known = {tag: mark for tag, mark in op.stamp.nonces.items() if tag in op.tags}
        return Stamp(op.stamp.epoch, known | more)

    with mock.patch.object(Tags, "_stamp", blind):
        yield


@contextmanager
def joint_before_not_asked() -> Iterator[None]:
    """Judge joint flushes by the last one alone."""

    def forgetful(joint: list[tuple[bytes, bytes]]) -> bool:
        flushes = [record[2 * marks.PART : marks.STAMP] for record, _ in joint]
        return any(flushes.count(own) >= joint[at][0][-1] for at, own in enumerate(flushes))

    with mock.patch.object(marks, "_meant", forgetful):
        yield


@contextmanager
def flights_not_revoked() -> Iterator[None]:
    """Let a computation of this process not hear that its key was forgotten."""
    with mock.patch.object(Board, "revoke"):
        yield


@contextmanager
def written_if_absent() -> Iterator[None]:
    """Accept a late write where nothing is, though its claim is gone."""
    mine = claims._mine

    def absent(entry: Any, op: Any) -> bool:
        return entry is None or mine(entry, op)

    with mock.patch.object(claims, "_mine", absent):
        yield


@contextmanager
def written_anyhow() -> Iterator[None]:
    """Accept every late write."""
    with mock.patch.object(claims, "_mine", return_value=True):
        yield
