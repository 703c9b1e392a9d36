"""Time that a test moves, so that nobody has to wait."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

from django.core.cache import caches
from django.core.cache.backends import db, dummy, filebased, locmem
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ..backends.array import ArrayCache
from ..backends.base import StoreCache
from ..backends.file import EncryptedFileCache
from ..backends.null import NullCache
from ..core import clock
from ..manager import manager
from ..signals import lock_acquired
from .around import Around

if TYPE_CHECKING:
    import pytest

Moment = datetime | float | str

OF_DJANGO = (
    locmem.LocMemCache,
    filebased.FileBasedCache,
    db.DatabaseCache,
    dummy.DummyCache,
)
"""Stores that are not ours and ask this process what time it is."""

LOCKS_AGE = (ArrayCache, EncryptedFileCache, NullCache)
"""Stores of ours whose locks do so too; elsewhere they are the server's."""


class Clock:
    """Move the time of this package, and ``time.time`` for stores that are not of it."""

    def __init__(self, patch: "pytest.MonkeyPatch") -> None:
        self.moved: float = 0.0
        now, monotonic = time.time, time.monotonic
        patch.setattr(time, "time", lambda: now() + self.moved)
        patch.setattr(clock, "now", lambda: time.time())
        patch.setattr(db, "tz_now", lambda: timezone.now() + timedelta(seconds=self.moved))
        patch.setattr(clock, "monotonic", lambda: monotonic() + self.moved)

    def advance(self, seconds: float) -> None:
        """Let so much time pass, at once."""
        self.moved += seconds


class ServerTimeWarning(UserWarning):
    """Say that time was moved where a store is in use that keeps its own."""


class Time:
    """Be time as a test has it: it stands still, or ``ticks``, and goes on when it is told to."""

    def __init__(self, at: float, tick: Callable[[], float] | None) -> None:
        """Begin at a Unix time; ``locked`` are the aliases of which locks were taken since."""
        self.moved: float = 0.0
        self.locked: set[str] = set()
        self._at = at
        self._tick = tick
        self._began = tick() if tick else 0.0

    def now(self) -> float:
        """Return the time, in Unix seconds."""
        passed = self._tick() - self._began if self._tick else 0.0
        return self._at + self.moved + passed

    def advance(self, seconds: float | timedelta) -> None:
        """Let so much time pass, at once; back is a ValueError."""
        if isinstance(seconds, timedelta):
            seconds = seconds.total_seconds()
        if seconds < 0:
            raise ValueError("Time does not go back: begin with an earlier one.")
        self.moved += seconds
        for told in (*_not_ours(), *_locks(self.locked)):
            warnings.warn(told, ServerTimeWarning, stacklevel=2)

    def advance_to(self, moment: Moment) -> None:
        """Let time pass until a moment: a datetime, Unix seconds, or text in ISO 8601."""
        self.advance(_seconds(moment) - self.now())


class frozen_time(Around[Time]):
    """Let time stand still, ``at`` a moment or now; the block is given the ``Time`` to move.

    It is the time of this package and ``time.time``, so of all stores that ask this process. With
    ``tick`` it goes on from there. What waits is not stopped: a lock is waited for as long as ever.
    """

    def __init__(
        self,
        at: Moment | None = None,
        *,
        tick: bool = False,
        attr_name: str | None = None,
        kwarg_name: str | None = None,
    ) -> None:
        super().__init__(attr_name=attr_name, kwarg_name=kwarg_name)
        self.at = at
        self.tick = tick

    def around(self) -> Iterator[Time]:
        """Have the time in force."""
        monotonic = clock.monotonic
        at = clock.now() if self.at is None else _seconds(self.at)
        held = Time(at, monotonic if self.tick else None)
        with ExitStack() as patches:
            for place, name, now in (
                (time, "time", held.now),
                (clock, "now", held.now),
                (clock, "monotonic", lambda: monotonic() + held.moved),
                (db, "tz_now", lambda: _as_django(held.now())),
            ):
                patches.enter_context(mock.patch.object(place, name, now))

            def taken(*, store: str, **more: Any) -> None:
                held.locked.add(store)

            lock_acquired.connect(taken, weak=False)
            patches.callback(lock_acquired.disconnect, taken)
            yield held


def _as_django(seconds: float) -> datetime:
    """Return a time as ``timezone.now`` would: aware where ``USE_TZ`` is."""
    return datetime.fromtimestamp(seconds, tz=timezone.now().tzinfo)


def _seconds(moment: Moment) -> float:
    """Return a moment in Unix seconds; without an offset it is in Django's current time zone."""
    if isinstance(moment, str):
        found = parse_datetime(moment) or parse_datetime(f"{moment} 00:00")
        if found is None:
            raise ValueError(f"{moment!r} is no moment: write '2030-01-31 12:00'.")
        moment = found
    if isinstance(moment, datetime):
        return (timezone.make_aware(moment) if timezone.is_naive(moment) else moment).timestamp()
    return float(moment)


def _not_ours() -> Iterator[str]:
    """Tell of each store in use of which nothing ages by this process's time."""
    used: set[type] = {type(cache) for cache in caches.all(initialized_only=True)}
    homes = manager._homes.values()
    used |= {home.ready.driver.sender for home in homes if home.ready is not None}
    for kind in sorted(used, key=_path):
        if not issubclass(kind, (StoreCache, *OF_DJANGO)):
            yield f"{_path(kind)} keeps time of its own: nothing in it ages by what a test says."


def _locks(aliases: set[str]) -> Iterator[str]:
    """Tell of each alias whose locks do not age by this process's time, though its values do."""
    for alias in sorted(aliases):
        driver: Any = manager.home(alias).stack().driver
        kind = getattr(driver, "inner", driver).sender
        if not issubclass(kind, LOCKS_AGE):
            whose = f"{alias!r} ({_path(kind)})"
            yield f"The locks of {whose} end by the server's time, not by a test's."


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
