"""Work behind a caller: which keys are computed anew, by whom, and for how long to leave them."""

import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from django.db import close_old_connections
from django.utils import timezone, translation

from .. import conf
from ..core import clock
from ..core.bounded import Bounded
from ..core.faces import Face, Hop, after_fork
from ..core.operation import MISSING
from . import tasks
from .compute import Job, anew
from .pauses import FIRST_PAUSE, LAST_PAUSE

log = logging.getLogger("django_cachekit")

FAILURES = 1_000
"""Of how many keys one process remembers that their refresh failed."""

LOST = 300.0
"""Seconds after which a refresh that was begun and never heard of counts as lost."""

QUEUED = 10.0
"""Seconds for which a process leaves a key alone that it has enqueued a task for."""


class Refreshes:
    """Know which keys this process computes anew, and which it should leave alone for a while."""

    def __init__(self) -> None:
        self._under_way: dict[Any, float] = {}
        self._failed: Bounded[Any, tuple[float, float]] = Bounded(FAILURES)

    def forked(self) -> None:
        """Start afresh in a child: who computes stayed behind in the parent."""
        self._under_way = {}

    def begin(self, name: Any) -> bool:
        """Tell whether ``name`` is to be computed anew now, by whoever asks."""
        now, failed = clock.monotonic(), self._failed.get(name)
        if now < self._under_way.get(name, -LOST) + LOST or (failed and now < failed[0]):
            return False
        self._under_way[name] = now
        return True

    def end(self, name: Any, *, failed: bool) -> None:
        """Note what came of it."""
        self._under_way.pop(name, None)
        if not failed:
            self._failed.drop(name)
            return
        _, pause = self._failed.get(name) or (0, FIRST_PAUSE / 2)
        pause = min(pause * 2, LAST_PAUSE)
        self._failed.put(name, (clock.monotonic() + pause, pause))

    def rest(self, name: Any, seconds: float = QUEUED) -> None:
        """Leave ``name`` alone for a while: it is somebody else's now."""
        self._under_way.pop(name, None)
        self._failed.put(name, (clock.monotonic() + seconds, FIRST_PAUSE / 2))


class Waits:
    """Know what is computed behind callers of this process who wait for it only so long."""

    def __init__(self) -> None:
        self._futures: dict[Any, Future[Any]] = {}
        self._lock = threading.Lock()

    def join(self, name: Any) -> "tuple[Future[Any], bool]":
        """Return what to wait for, and whether it is for the caller to begin it."""
        with self._lock:
            future = self._futures.get(name)
            if future is not None:
                return future, False
            future = self._futures[name] = Future()
            return future, True

    def end(self, name: Any, otherwise: Any) -> None:
        """Let nobody wait any more; who did is told ``otherwise`` if nothing came of it."""
        with self._lock:
            future = self._futures.pop(name, None)
        if future is not None and not future.done():
            future.set_result(otherwise)


REFRESHES, WAITS = Refreshes(), Waits()
after_fork(REFRESHES.forked)
after_fork(WAITS.__init__)  # type: ignore[misc]  # as new


def start(
    face: Face,
    work: Callable[[Face], Coroutine[Any, Any, Any]],
    over: Callable[[], Any],
    *,
    after: bool = False,
) -> bool:
    """Have ``work`` done behind the caller, in his language and zone and no more of his.

    Nothing of it is done in a transaction of his. With ``after`` it is begun once his request was
    answered, if there is one. False if there is too much of it already; then ``over`` is not
    called.
    """
    language, zone = translation.get_language(), timezone.get_current_timezone()

    async def whole(face: Face) -> None:
        try:
            with translation.override(language), timezone.override(zone):
                await work(face)
        finally:
            # Done in a thread that others use too; a thread of our own closes what is left.
            await face.run(Hop.DJANGO, close_old_connections)

    return face.behind(whole, over, after=after)


async def refresh(job: Job) -> None:
    """Compute anew behind the caller, unless somebody does so already."""
    known = REFRESHES
    if not known.begin(job.name):
        return
    place, failures = conf.get("BACKGROUND"), list[Exception]()
    if place == "tasks" and await tasks.take_on(job):
        known.rest(job.name)
        return

    rests: list[float] = []

    async def work(face: Face) -> None:
        mine = job.by(face)
        try:
            made = await anew(mine, "present")
            if made.value is MISSING and mine.pause is not None and mine.pause.lasts():
                rests.append(mine.pause.until - clock.now())  # another process has failed
        except Exception as error:  # the caller has gone on with the old value
            failures.append(error)
            log.warning("cache %r: a refresh failed: %s", job.port.alias, type(error).__name__)

    def over() -> None:
        # Also where it never began: a loop that ends cancels what waits in it.
        if rests:
            known.rest(job.name, rests[0])
        else:
            known.end(job.name, failed=bool(failures))

    if not start(job.port.face, work, over, after=place == "after_response"):
        over()
