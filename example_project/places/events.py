"""Listen to the cache: the latest events of this process, and a tally for each request."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from statistics import median
from threading import Lock
from typing import Any

from django_cachekit import signals

KEPT = 500
HIT, MISS, WRITE, FLUSH = "hit", "miss", "write", "flush"


@dataclass(frozen=True)
class Event:
    """One thing that happened in a store; `ms` is how long it took."""

    at: datetime
    kind: str
    store: str
    key: str
    tags: tuple[str, ...]
    ms: float | None


@dataclass(frozen=True)
class Page:
    """One page that was served."""

    at: datetime
    path: str
    cached: bool
    ms: float
    hits: int
    misses: int
    queries: int


@dataclass
class Tally:
    """What one request cost so far."""

    counts: Counter[str] = field(default_factory=Counter)
    queries: int = 0


class Log:
    """The latest events and pages of this process, and totals since it started."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=KEPT)
        self.pages: deque[Page] = deque(maxlen=KEPT)
        self.totals: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, event: Event) -> None:
        """Note an event."""
        with self._lock:
            self.events.append(event)
            self.totals[event.kind] += 1

    def ratio(self) -> float | None:
        """Return the part of the reads that were hits, from 0 to 1, or None before the first."""
        reads = self.totals[HIT] + self.totals[MISS]
        return self.totals[HIT] / reads if reads else None

    def newest(self, limit: int) -> list[Event]:
        """Return the latest events, newest first."""
        return list(reversed(self.events.copy()))[:limit]

    def newest_pages(self, limit: int) -> list[Page]:
        """Return the latest pages, newest first."""
        return list(reversed(self.pages.copy()))[:limit]

    def clear(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self.events.clear()
            self.pages.clear()
            self.totals.clear()


log = Log()
_tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Iterator[Tally]:
    """Count what happens inside, also in the threads and tasks started there."""
    tally = Tally()
    token = _tally.set(tally)
    try:
        yield tally
    finally:
        _tally.reset(token)


def listen() -> None:
    """Connect to the signals of the cache."""
    signals.cache_hit.connect(_hit, dispatch_uid="places.hit")
    signals.cache_missed.connect(_missed, dispatch_uid="places.missed")
    signals.key_written.connect(_written, dispatch_uid="places.written")
    signals.tags_flushed.connect(_flushed, dispatch_uid="places.flushed")


def _hit(**facts: Any) -> None:
    _note(HIT, facts)


def _missed(**facts: Any) -> None:
    _note(MISS, facts)


def _written(**facts: Any) -> None:
    _note(WRITE, facts)


def _flushed(**facts: Any) -> None:
    _note(FLUSH, facts)


def _note(kind: str, facts: dict[str, Any]) -> None:
    if facts["store"] == "none":
        return  # the store behind ?nocache=1 misses by design
    tally = _tally.get()
    if tally is not None:
        tally.counts[kind] += 1
    duration = facts.get("duration")
    log.add(
        Event(
            at=datetime.now(timezone.utc),
            kind=kind,
            store=facts["store"],
            key=str(facts.get("key") or ""),
            tags=tuple(facts.get("tags") or ()),
            ms=None if duration is None else duration * 1000,
        )
    )


def report(log: Log) -> dict[str, Any]:
    """Sum up the log for the page that shows it."""
    ratio = log.ratio()
    return {
        "ratio": None if ratio is None else 100 * ratio,
        "totals": {kind: log.totals[kind] for kind in (HIT, MISS, WRITE, FLUSH)},
        "events": log.newest(60),
        "keys": _by_key(log.newest(KEPT)),
        "pages": _by_page(log.newest_pages(KEPT)),
        "kept": KEPT,
    }


def _by_key(events: list[Event]) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for event in events:
        if event.kind == FLUSH:
            continue
        new = {"store": event.store, "key": event.key, "tags": (), HIT: 0, MISS: 0, WRITE: 0}
        row = rows.setdefault((event.store, event.key), new)
        row[event.kind] += 1
        row["tags"] = row["tags"] or event.tags
    return sorted(rows.values(), key=lambda row: (-row[HIT], -row[MISS], row["key"]))[:40]


def _by_page(pages: list[Page]) -> list[dict[str, Any]]:
    """Compare, for each address, the median times with and without the cache."""
    times: dict[str, dict[str, list[float]]] = {}
    for page in pages:
        kind = _temperature(page)
        times.setdefault(page.path, {}).setdefault(kind, []).append(page.ms)
    unknown = {"uncached": None, "cold": None, "warm": None}
    return [
        {"path": path, **unknown} | {kind: median(ms) for kind, ms in kinds.items()}
        for path, kinds in sorted(times.items())
    ]


def _temperature(page: Page) -> str:
    if not page.cached:
        return "uncached"
    return "warm" if page.hits and not page.misses else "cold"
