"""Locks kept alive by a thread of this process while their holder lives, and no longer."""

import logging
import threading
import weakref
from collections.abc import Callable

from django.db import connections

from ..core import clock
from ..core.faces import BLOCKING, after_fork, background, life, run_now
from .grips import Grip, Hand
from .holding import lose, refresh

log = logging.getLogger("django_cachekit")

TICK = 0.05
"""Seconds between two looks at what is due."""


class Kept:
    """Be a grip that is refreshed each third of the time it lasts, up to ``max_hold`` seconds.

    The grip itself is only watched: once its lock is forgotten, nobody can give it back, and it
    has to end by itself.
    """

    def __init__(self, hand: Hand, max_hold: float | None) -> None:
        self.port = hand.port.by(BLOCKING)
        self.grip: Callable[[], Grip | None] = weakref.ref(hand.grip)
        self.end = None if max_hold is None else clock.monotonic() + max_hold
        self.again = 0.0
        self.alive = life()

    def step(self) -> bool:
        """Refresh it if that is due, and tell whether to go on."""
        grip = self.grip()
        if grip is None or grip.over or grip.lost:
            return False
        if not self.alive():
            log.warning("cache %r: who took a lock has ended without it", self.port.alias)
            return False
        now, hand = clock.monotonic(), Hand(self.port, grip)
        if self.end is not None and now >= self.end:
            run_now(lose(hand))
            return False
        if now < max(self.again, grip.until - grip.lasts * 2 / 3):
            return True
        lasts = grip.lasts if self.end is None else min(grip.lasts, self.end - now)
        return self._refreshed(hand, lasts)

    def _refreshed(self, hand: Hand, lasts: float) -> bool:
        try:
            return run_now(refresh(hand, lasts))
        except Exception as error:  # whatever it is, it is tried again while the lock lasts
            kind = type(error).__name__
            log.warning("cache %r: a lock was not refreshed: %s", self.port.alias, kind)
            self.again = clock.monotonic() + lasts / 12
            if not hand.grip.gone:
                return True
            run_now(lose(hand))
            return False


class Keeper:
    """Keep the locks of one alias, from one thread: a store that is slow delays no other's.

    The thread starts with the first lock and ends with the last.
    """

    def __init__(self) -> None:
        self._kept: set[Kept] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def keep(self, kept: Kept) -> None:
        """Keep a lock alive from now on."""
        with self._lock:
            if not self._kept:
                self._stop = threading.Event()
                background(self.turn, TICK, self._stop)
            self._kept.add(kept)

    def turn(self) -> None:
        """Refresh all that is due."""
        with self._lock:
            due = list(self._kept)
        done = {kept for kept in due if not self._stepped(kept)}
        with self._lock:
            self._kept -= done
            if not self._kept:
                self._stop.set()
        self._close()

    @staticmethod
    def _stepped(kept: Kept) -> bool:
        try:
            return kept.step()
        except Exception as error:  # whatever it is, the thread that keeps the others lives on
            log.warning("a lock is not kept any more: %s", type(error).__name__)
            return False

    @staticmethod
    def _close() -> None:
        try:
            connections.close_all()
        except Exception as error:  # as above: they are this thread's, and it goes on
            log.warning("connections were not closed: %s", type(error).__name__)


class Keepers:
    """Have a keeper for each alias; a fork leaves the parent's to the parent."""

    def __init__(self) -> None:
        self._by_alias: dict[str, Keeper] = {}

    def forked(self) -> None:
        """Start afresh in a child."""
        self._by_alias = {}

    def of(self, alias: str) -> Keeper:
        """Return the keeper of an alias."""
        return self._by_alias.setdefault(alias, Keeper())


KEEPERS = Keepers()
after_fork(KEEPERS.forked)
