"""Health: whether each alias works, asked under a deadline.

::

    from django_cachekit.health import ahealth, health, survey

    health()                # Health(alias='default', status='up', reason='', latency=0.0007)
    health("sessions", deadline=0.2)
    survey()                # one for each alias, all asked at once

A client that hangs cannot be cut off, so each alias is asked in a thread of its own, which is left
behind when the deadline passes. There is one such thread per alias at most: while it hangs, every
further check is ``down``, at once and without another.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from contextvars import Context
from typing import NamedTuple

from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.signals import setting_changed
from django.db import connections

from . import conf
from .backends.null import NullCache
from .core import clock
from .core.faces import AWAITING, BLOCKING, Face, after_fork, both, run_now
from .flows.health import DEGRADED, DOWN, UP, Finding, probe
from .layers.base import Driver, Layer
from .layers.chores import tell_health
from .layers.events import Events
from .layers.ground import backend_of
from .manager import manager

DEADLINE = 1.0
"""Seconds within which a store has to answer."""

SLOW = 0.5
"""The part of the deadline after which a store that does answer is ``degraded``."""


class Health(NamedTuple):
    """Say how one alias is: ``status`` is "up", "degraded" or "down".

    ``reason`` is a class in a word or two, "" where there is nothing to say: never a host, a key or
    the text of an error. ``latency`` is in seconds: how long it took, or has been waited for.
    """

    alias: str
    status: str
    reason: str
    latency: float


class _Probe:
    """Be one alias being asked, in a thread of its own."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.done: Future[tuple[Finding, float]] = Future()
        # An alias that cannot be built has no layers of its own to tell by.
        self.layers: Sequence[Layer] = [Events(alias, BaseCache)]
        self.began = clock.monotonic()
        # Nothing of the caller's context: a cache object may be fit for one thread only.
        work, name = Context().run, f"cachekit-health-{alias}"
        threading.Thread(target=work, args=(self._run,), daemon=True, name=name).start()

    @property
    def age(self) -> float:
        """Return for how many seconds it has been under way."""
        return clock.monotonic() - self.began

    def _run(self) -> None:
        finding = Finding(DOWN, "error")
        try:
            finding = self._ask()
        finally:
            self.done.set_result((finding, self.age))
            _close(self.alias)

    def _ask(self) -> Finding:
        try:
            stack = manager.home(self.alias).stack()
        except Exception:  # an alias that cannot be made is of no use, whatever the reason
            return Finding(DOWN, "misconfigured")
        self.layers = stack.layers
        if not _keeps(stack.driver):
            return Finding(UP, "keeps nothing")
        return run_now(probe(BLOCKING, stack.driver))

    def verdict(self, deadline: float) -> Health:
        """Return what is known by now."""
        finding, latency = self.done.result() if self.done.done() else (None, self.age)
        if finding is None or latency > deadline:
            return Health(self.alias, DOWN, "timeout", latency)
        if finding.status == UP and latency > deadline * SLOW:
            finding = Finding(DEGRADED, "slow")
        return Health(self.alias, *finding, latency)


def _keeps(driver: Driver) -> bool:
    """Tell whether the store is one that is to keep anything."""
    inner = getattr(driver, "inner", driver)
    return not issubclass(inner.sender, (DummyCache, NullCache))


def _close(alias: str) -> None:
    """Close what this thread opened, which nobody else could."""
    try:
        backend_of(alias).close()
    except Exception:  # noqa: S110 - the answer is given; what cannot be closed ends with the thread
        pass
    connections.close_all()


class _Ward:
    """Know which aliases are being asked, and how each was when last asked."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Know nothing."""
        self._lock = threading.Lock()
        self._running: dict[str, _Probe] = {}
        self._last: dict[str, str] = {}

    def ask(self, alias: str) -> _Probe:
        """Return the probe of an alias that is under way, or begin one."""
        with self._lock:
            running = self._running.get(alias)
            if running is None or running.done.done():
                running = self._running[alias] = _Probe(alias)
            return running

    def change(self, alias: str, status: str) -> str:
        """Note a status, and return the one before; an alias not met yet counts as up."""
        with self._lock:
            before = self._last.get(alias, UP)
            self._last[alias] = status
            return before


_ward = _Ward()
# A thread does not live on in a child: its probe would be under way for ever.
after_fork(_ward.reset)


def _changed(*, setting: str, **_: object) -> None:
    if setting == "CACHES":
        _ward.reset()


setting_changed.connect(_changed, dispatch_uid="cachekit.health")


async def _survey(
    face: Face, aliases: Iterable[str] | None = None, *, deadline: float = DEADLINE
) -> list[Health]:
    """Return the health of some aliases, else of all in ``CACHES``, asked at once.

    It takes ``deadline`` seconds at most. An alias that is not in ``CACHES`` is Django's
    ``InvalidCacheBackendError``; one that cannot be made is ``down``, ``misconfigured``.
    """
    if not deadline > 0:
        raise ValueError(f"deadline is a number of seconds over 0, not {deadline!r}.")
    probes = [_ward.ask(alias) for alias in conf.known(aliases)]
    found = []
    for one in probes:
        await face.within(one.done, max(0.0, deadline - one.age))
        found.append(one.verdict(deadline))
    for one, health in zip(probes, found, strict=True):
        before = _ward.change(health.alias, health.status)
        if before != health.status:
            await tell_health(face, one.layers, health.status, health.reason, before)
    return found


async def _health(face: Face, alias: str | None = None, *, deadline: float = DEADLINE) -> Health:
    """Return the health of an alias, else of the default one, within ``deadline`` seconds.

    A value of its own is written, read and removed. It is ``degraded`` where reads work and writes
    do not, or if that takes more than half of the deadline.
    """
    name = conf.get("DEFAULT_STORE") if alias is None else alias
    (found,) = await _survey(face, [name], deadline=deadline)
    return found


class _Doctor:
    """Give the flows their two faces."""

    _now = BLOCKING
    _later = AWAITING
    health, ahealth = both(_health)
    survey, asurvey = both(_survey)


_doctor = _Doctor()
health, ahealth = _doctor.health, _doctor.ahealth
survey, asurvey = _doctor.survey, _doctor.asurvey

__all__ = ["DEADLINE", "Health", "ahealth", "asurvey", "health", "survey"]
