"""A value that is served stale while one caller computes it anew."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections, connections
from django.utils import timezone, translation

from ..core import clock
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import Face, Hop, after_fork
from ..core.keys import plain
from ..core.operation import MISSING
from ..core.ttl import seconds
from ..scopes import Port
from ..verbs import unwrap
from .compute import Job, anew, checked, single

log = logging.getLogger("django_cachekit")

FIRST_PAUSE, LAST_PAUSE = 1.0, 60.0
"""Seconds before a refresh that failed is tried again: from, up to, twice as long each time."""

FAILURES = 1_000
"""Of how many keys one process remembers that their refresh failed."""


class Refreshes:
    """Know which keys this process computes anew, and which it should leave alone for a while."""

    def __init__(self) -> None:
        self._under_way: set[Any] = set()
        self._failed: Bounded[Any, tuple[float, float]] = Bounded(FAILURES)

    def forked(self) -> None:
        """Start afresh in a child: who computes stayed behind in the parent."""
        self._under_way = set()

    def begin(self, name: Any) -> bool:
        """Tell whether ``name`` is to be computed anew now, by whoever asks."""
        failed = self._failed.get(name)
        if name in self._under_way or (failed and clock.monotonic() < failed[0]):
            return False
        self._under_way.add(name)
        return True

    def end(self, name: Any, *, failed: bool) -> None:
        """Note what came of it."""
        self._under_way.discard(name)
        if not failed:
            self._failed.drop(name)
            return
        _, pause = self._failed.get(name) or (0, FIRST_PAUSE / 2)
        pause = min(pause * 2, LAST_PAUSE)
        self._failed.put(name, (clock.monotonic() + pause, pause))


REFRESHES = Refreshes()
after_fork(REFRESHES.forked)


async def flexible(port: Port, key: Any, ttl: tuple[Any, Any], make: Callable[..., Any]) -> Any:
    """Return the value, and have it computed anew behind the caller once it is stale.

    ``ttl`` is ``(fresh, stale)``, counted from when it was computed: younger than ``fresh`` it is
    served as it is; until ``stale`` it is served at once, while one caller in the fleet computes
    it anew; older or absent, it is as in ``remember``. What ``expire()`` made stale counts so too.
    """
    fresh, stale = _ages(ttl)
    key = plain(key)
    reply = await port.call(port.read((key,), None, "flexible")._replace(soft=True))
    found = reply.values.get(key, MISSING)
    job = Job(port, key, checked(make), stale, fresh=fresh)
    if found is MISSING:
        return (await single(job)).value
    if type(found) is Entry and found.fresh is not None and found.fresh <= clock.now():
        await _behind(job)
    return unwrap(found)


def _ages(ttl: Any) -> tuple[float, float | None]:
    try:
        fresh, stale = (seconds(age) for age in ttl)
    except (TypeError, ValueError) as error:
        raise TypeError("flexible() takes a pair of ages: (fresh, stale).") from error
    if not isinstance(fresh, (int, float)) or (stale is not None and fresh > stale):
        raise ValueError(f"fresh is a number of seconds, at most stale: {fresh!r}, {stale!r}.")
    return fresh, stale


async def _behind(job: Job) -> None:
    """Compute anew behind the caller, unless somebody does so already."""
    if not REFRESHES.begin(job.name):
        return

    failures: list[Exception] = []
    language, zone = translation.get_language(), timezone.get_current_timezone()

    async def work(face: Face) -> None:
        try:
            job.port = job.port.by(face)
            with translation.override(language), timezone.override(zone):
                await anew(job, "present")
        except Exception as error:  # the caller has gone on with the old value
            failures.append(error)
            log.warning("cache %r: a refresh failed: %s", job.port.alias, type(error).__name__)
        finally:
            # Awaited, its work on the database was done in a thread that others use too.
            close = close_old_connections if face.awaiting else connections.close_all
            await face.run(Hop.DJANGO, close)

    def over() -> None:
        # Also where it never began: a loop that ends cancels what waits in it.
        REFRESHES.end(job.name, failed=bool(failures))

    if not job.port.face.behind(work, over):
        over()
