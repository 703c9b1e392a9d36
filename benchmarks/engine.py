"""Time things side by side, in turns, in one process; keep what was found, and say it.

A section is a function that returns tables. A table compares subjects: each has works of the same
names, timed in turns (A B C A B C ...), so that whatever else the machine does hits all of them.
What is kept is the median of the rounds and the quartiles around it.
"""

import asyncio
import contextlib
import gc
import json
import os
import platform
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

KEPT = Path(".cache/bench")
PATIENCE = 60
"""Seconds until threads that do not get ready are given up."""


class Size(NamedTuple):
    """Say how much is measured: rounds, seconds of one turn, and the largest number of entries."""

    rounds: int
    turn: float
    entries: int
    quick: bool = False


FULL = Size(rounds=15, turn=0.01, entries=1_000_000)
QUICK = Size(rounds=5, turn=0.002, entries=10_000, quick=True)


@dataclass
class Work:
    """Be one call to be timed again and again.

    ``feed(n)`` makes ready, untimed, and returns what the ``n`` calls are given, one each.
    ``threads`` call at once, or ``tasks`` of one loop await it. ``most`` bounds the calls of a
    turn, which happens ``within`` what is entered before it, untimed, and left afterwards.
    """

    call: Callable[..., Any]
    feed: Callable[[int], Iterable[Any]] | None = None
    threads: int = 0
    tasks: int = 0
    most: int = 100_000
    own: Callable[[], Callable[[], Any]] | None = None
    """Makes the call in each thread: Django's caches are one for each."""
    leave: Callable[[], Any] | None = None
    """Called by each thread when it is done: connections to databases are one for each, too."""
    within: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext


@dataclass
class Subject:
    """Name what is compared, and its works; a work that it has not is missing."""

    name: str
    works: Mapping[str, Work | Callable[[], Any]]

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of its awaited works; connections belong to one."""
        return asyncio.new_event_loop()

    def close(self) -> None:
        """Close the loop, if there is one."""
        if "loop" in self.__dict__:
            self.loop.close()

    def work(self, name: str) -> Work | None:
        """Return a work by its name."""
        found = self.works.get(name)
        return found if found is None or isinstance(found, Work) else Work(found)


Clock = Callable[[], float]


def clocked(subject: Subject, work: Work, count: int, clock: Clock = time.perf_counter) -> float:
    """Return the seconds of one of ``count`` calls, on average."""
    with work.within():
        return _clocked(subject, work, count, clock)


def _clocked(subject: Subject, work: Work, count: int, clock: Clock) -> float:
    if work.tasks:
        return subject.loop.run_until_complete(_awaited(work, count, clock))
    if work.threads:
        return _threaded(work, count, clock)
    if work.feed is not None:
        return _fed(work.call, list(work.feed(count)), clock)
    call, turns = work.call, range(count)
    call()  # whatever comes first is slower
    began = clock()
    for _ in turns:
        call()
    return (clock() - began) / count


def _fed(call: Callable[[Any], Any], items: list[Any], clock: Clock) -> float:
    began = clock()
    for item in items:
        call(item)
    return (clock() - began) / len(items)


def _threaded(work: Work, count: int, clock: Clock) -> float:
    each = max(1, count // work.threads)
    ready = threading.Barrier(work.threads + 1)

    def some() -> float:
        try:
            call = work.own() if work.own else work.call
            call()  # connects
            ready.wait(PATIENCE)
        except Exception:  # whatever it is, nobody waits for one who will not come
            ready.abort()
            raise
        for _ in range(each):
            call()
        ended = clock()
        if work.leave:
            work.leave()
        return ended

    with ThreadPoolExecutor(work.threads) as pool:
        futures = [pool.submit(some) for _ in range(work.threads)]
        with contextlib.suppress(threading.BrokenBarrierError):
            ready.wait(PATIENCE)
        began = clock()
        errors = [error for future in futures if (error := future.exception())]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    if errors:
        raise errors[0]
    took = max(future.result() for future in futures) - began
    return took / (each * work.threads)


async def _awaited(work: Work, count: int, clock: Clock) -> float:
    each = max(1, count // work.tasks)
    call: Callable[[], Awaitable[Any]] = work.call

    async def some() -> None:
        for _ in range(each):
            await call()

    await call()  # connects
    began = clock()
    if work.tasks == 1:
        await some()
    else:
        await asyncio.gather(*(some() for _ in range(work.tasks)))
    return (clock() - began) / (each * work.tasks)


def turns(subject: Subject, work: Work, seconds: float) -> int:
    """Return how many calls fill a turn; each work is warm afterwards."""
    least = max(1, work.tasks, work.threads)
    count = least
    while True:
        took = clocked(subject, work, count) * count
        if took >= seconds / 4 or count >= work.most:
            return max(least, min(work.most, int(count * seconds / max(took, 1e-9))))
        count = min(work.most, count * 4)


Spread = dict[str, float]
Rows = dict[str, dict[str, Spread]]


def spread(values: Sequence[float], scale: float = 1.0) -> Spread:
    """Return the median and the quartiles."""
    if len(values) < 2:
        low = high = values[0]
    else:
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    found = {"median": statistics.median(values), "low": low, "high": high}
    return {name: float(f"{number * scale:.5g}") for name, number in found.items()}


def compare(subjects: Sequence[Subject], size: Size, clock: Clock = time.perf_counter) -> Rows:
    """Time all works of all subjects in turns; return microseconds by subject and work."""
    plan = [
        (name, [(one, work) for one in subjects if (work := one.work(name)) is not None])
        for name in dict.fromkeys(name for one in subjects for name in one.works)
    ]
    took: dict[tuple[str, str], list[float]] = {}
    for name, pairs in plan:
        counts = [turns(one, work, size.turn) for one, work in pairs]
        gc.collect()
        for number in range(size.rounds):
            order = list(zip(pairs, counts, strict=True))
            start = number % len(order)  # nobody always comes after the same one
            for (one, work), count in order[start:] + order[:start]:
                took.setdefault((one.name, name), []).append(clocked(one, work, count, clock))
    for one in subjects:
        one.close()
    return {
        one.name: {name: spread(took[one.name, name], 1e6) for name, _ in plan if name in one.works}
        for one in subjects
    }


def table(title: str, rows: Rows, *, unit: str = "µs", note: str = "") -> dict[str, Any]:
    """Return a table, whose first row is the measure of the others."""
    return {"title": title, "unit": unit, "note": note, "rows": rows}


def once(value: float) -> Spread:
    """Return what was counted and not timed, as a figure without a spread."""
    return {"median": value, "low": value, "high": value}


PACKAGES = (
    *("Django", "django-redis", "redis", "hiredis", "pymemcache", "diskcache", "cashews"),
    *("dogpile.cache", "cachetools", "cachebox", "django-dynamodb-cache", "limits"),
    *("django-ratelimit", "orjson", "msgspec"),
)


def machine() -> dict[str, Any]:
    """Say on what it was measured."""
    peers = {}
    for name in PACKAGES:
        try:
            peers[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "django": peers.pop("Django", ""),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "peers": peers,
    }


def document(name: str, tables: Sequence[dict[str, Any]], size: Size) -> dict[str, Any]:
    """Return all that is kept of a section."""
    return {
        "section": name,
        "machine": machine(),
        "size": size._asdict(),
        "tables": {one["title"]: one for one in tables},
    }


def keep(found: Mapping[str, Any], folder: Path = KEPT) -> Path:
    """Write a section's figures as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found['section']}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False))
    return path
