"""Locks kept alive by a thread of this process while their holder lives, and no longer."""

import heapq
import logging
import os
import threading
import weakref
from collections.abc import Callable
from itertools import count
from typing import Any

from django.db import connections

from ..core import clock
from ..core.faces import BLOCKING, after_fork, background, life, run_now
from ..errors import CacheKitError
from .grips import Grip, Hand
from .holding import lose, refresh

log = logging.getLogger("django_cachekit")

TICK = 0.05
"""Seconds between two looks at what is due."""


class Kept:
    """Be a grip that is refreshed each third of its ttl, up to ``max_hold`` seconds.

    The grip itself is only watched: once its lock is forgotten, nobody can give it back, and it
    has to end by itself.
    """

    def __init__(self, hand: Hand, max_hold: float | None) -> None:
        self.port = hand.port.by(BLOCKING)
        self.grip: Callable[[], Grip | None] = weakref.ref(hand.grip)
        self.every = self.pause = (hand.grip.ttl or 0) / 3
        self.end = None if max_hold is None else clock.monotonic() + max_hold
        self.fence = hand.grip.fence
        self.alive = life()

    def renewed(self) -> bool:
        """Refresh it, and tell whether to go on."""
        grip = self.grip()
        if grip is None or not grip.held or grip.fence != self.fence or not self.alive():
            return False
        if self.end is not None and clock.monotonic() >= self.end:
            return False
        hand, self.pause = Hand(self.port, grip), self.every
        try:
            return run_now(refresh(hand))
        except CacheKitError as error:
            log.warning("cache %r: a lock was not refreshed: %s", self.port.alias, error)
            self.pause = self.every / 4
            if not grip.gone:
                return True
            run_now(lose(hand))
            return False


class Keeper:
    """Refresh what is due, from one thread that starts with the first lock to be kept."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Kept]] = []
        self._numbers = count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pid = 0

    def keep(self, kept: Kept) -> None:
        """Keep a lock alive from now on."""
        with self._lock:
            if self._pid != os.getpid():
                # A fork leaves the parent's locks to the parent, and its thread behind.
                self._due, self._pid = [], os.getpid()
            if not self._due:
                self._stop = threading.Event()
                background(self.turn, TICK, self._stop)
            self._push(kept)

    def turn(self) -> None:
        """Refresh all that is due; where nothing is kept any more the thread ends."""
        asked = False
        while (kept := self._next()) is not None:
            asked = True
            self._settle(kept, again=self._renewed(kept))
        if asked:
            try:
                connections.close_all()
            except Exception as error:  # as above: they are this thread's, and it goes on
                log.warning("connections were not closed: %s", type(error).__name__)

    @staticmethod
    def _renewed(kept: Kept) -> bool:
        try:
            return kept.renewed()
        except Exception as error:  # whatever it is, the thread that keeps the others lives on
            log.warning("a lock was not refreshed: %s", type(error).__name__)
            return False

    def _settle(self, kept: Kept, *, again: bool) -> None:
        with self._lock:
            # It stays in its place until now, so that nobody starts a second thread meanwhile.
            self._due = [due for due in self._due if due[2] is not kept]
            heapq.heapify(self._due)
            if again:
                self._push(kept)
            elif not self._due:
                self._stop.set()

    def _push(self, kept: Kept) -> None:
        heapq.heappush(self._due, (clock.monotonic() + kept.pause, next(self._numbers), kept))

    def _next(self) -> Any:
        with self._lock:
            if not self._due or self._due[0][0] > clock.monotonic():
                return None
            return self._due[0][2]


KEEPER = Keeper()
after_fork(lambda: setattr(KEEPER, "_lock", threading.Lock()))
