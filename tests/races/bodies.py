"""The promises as races: who computes, who flushes, and what must never be seen after it.

A row in a database is changed, then what was computed from it is flushed, or forgotten, or put
anew; fillers compute from the row all the while, and records are lost now and then. Whatever a read
that begins after that gives must be as new as that. One such flush is one trial.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from django.db import connections

from django_cachekit import cache
from django_cachekit.core import clock
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import FLUSHES, Kind, Operation, Record, tag_record

KEY = "key"
SECONDS = 60
FORK = multiprocessing.get_context("fork")
LASTS = (0, 0.02, 0.2)
"""Seconds that a computation lasts if the row does not change before."""

SETTLES = 2.0
"""Seconds that a store which takes late writes back has for it."""


class Cell:
    """Hold a number that threads share, as ``multiprocessing.Value`` does for processes."""

    value = 0


class Row:
    """Be the database row, what reads that begin now are owed, and what has come of the fillers.

    ``late`` counts what they were given that was older than owed, ``overtaken`` the computations
    during which the row changed (at least: it is no exact count), ``broken`` those that failed.
    """

    def __init__(self, make: Callable[[], Any] = Cell) -> None:
        self.data = make()
        self.owed = make()
        self.late = make()
        self.overtaken = make()
        self.broken = make()

    @classmethod
    def shared(cls) -> Row:
        """Return one that processes share."""
        return cls(lambda: FORK.Value("q", 0))

    def read(self) -> int:
        """Read the row and take a while, as a computation does; often until it is overtaken."""
        seen = int(self.data.value)
        until = time.monotonic() + random.choice(LASTS)
        while self.data.value == seen and time.monotonic() < until:
            time.sleep(0.0001)
        for _ in range(random.randrange(4)):
            time.sleep(random.choice([0, 0, 0, 0.0005]))
        if self.data.value != seen:
            self.overtaken.value += 1
        return seen


Ask = Callable[[Row], Any]


def declared(row: Row) -> Any:
    """Compute under declared tags."""
    scope = random.choice([cache.tags("t", "u"), cache.tags("t")])
    return scope.remember(KEY, SECONDS, row.read)


def both(row: Row) -> Any:
    """Compute under two declared tags."""
    return cache.tags("t", "u").remember(KEY, SECONDS, row.read)


def found(row: Row) -> Any:
    """Compute under a tag that is found only then."""

    def make(entry: Any) -> int:
        seen = row.read()
        entry.tags.add("t")
        return seen

    return random.choice([cache, cache.tags("u")]).remember(KEY, SECONDS, make)


class Failed(Exception):
    """Be what goes wrong in a computation."""


FAILED = 2**62
"""What is newer than all that is owed, and given where nothing was."""


def aged(row: Row) -> Any:
    """Compute with old values about: kept, served where it fails or takes long, or let live on."""

    def make(entry: Any) -> Any:
        if random.random() < 0.3:
            raise Failed
        seen = row.read()
        entry.tags.add("t")
        return entry.not_modified() if entry.stale == seen and seen else seen

    given: Any = {"stale_if_error": 60, "early": random.choice([1.0, 1000.0])}
    if random.random() < 0.3:
        given["soft_timeout"] = random.choice([0, 0.002])
    scope = random.choice([cache, cache.tags("u")])
    try:
        if random.random() < 0.2:
            return scope.refresh(KEY, 0.005, make, **given)
        return scope.remember(KEY, random.choice([0.002, 0.01, SECONDS]), make, **given)
    except Failed:
        return FAILED


def untagged(row: Row) -> Any:
    """Compute a plain key."""
    return cache.remember(KEY, SECONDS, row.read)


def either(row: Row) -> Any:
    """Compute with tags or without."""
    return random.choice([declared, untagged])(row)


def many(row: Row) -> Any:
    """Compute a plain key together with another."""

    def make(keys: list[Any]) -> dict[Any, int]:
        return dict.fromkeys(keys, row.read())

    return cache.remember_many([KEY, "other"], SECONDS, make)[KEY]


def put_row(row: Row) -> None:
    """Put what the row holds."""
    cache.put(KEY, row.data.value, SECONDS)


@dataclass(frozen=True)
class Race:
    """Name one promise: how fillers compute, what flushes, and what others flush beside it.

    ``passing``: what is taken back may be seen until it is.
    """

    name: str
    ask: Ask
    flush: Callable[[Row], Any]
    beside: Callable[[], Any] | None = None
    evicts: Sequence[Record] = field(default=(tag_record("t"), FLUSHES))
    passing: bool = False


def joint(*tags: str) -> Callable[..., Any]:
    """Return a flush of what bears all of ``tags``."""
    return lambda *_: cache.tags(*tags).flush(match="all")


RACES = {
    race.name: race
    for race in (
        Race("tag", declared, lambda row: cache.tags("t").flush()),
        Race("alias", declared, lambda row: cache.flush()),
        Race("emptied", either, lambda row: cache.flush(), evicts=()),
        Race("found", found, lambda row: cache.tags("t").flush()),
        Race("aged", aged, lambda row: cache.tags("t").flush()),
        Race("joint", both, joint("t", "u"), joint("t", "u", "v")),
        Race("soft", both, lambda row: cache.tags("t").expire(), joint("t", "v")),
        Race("forget", untagged, lambda row: cache.forget(KEY), evicts=()),
        Race("put", untagged, put_row, evicts=()),
        Race("many", many, lambda row: cache.forget(KEY), evicts=()),
    )
}
OF_TAGS = ("tag", "alias", "found", "aged", "joint", "soft")
"""Those that every store keeps to the letter."""

EXACT = {
    "file",
    "sqlite",
    "postgresql",
    "mariadb",
    "dynamodb",
    "dynamodb-sealed",
    "memcached",
    "memcached-pool",
    "redis",
    "redis-cluster",
}
"""Stores that refuse a late write; the others write it and take it back, so it may be seen.

In a memory of ours it is a forgotten key that is taken back; what was emptied is refused there too.
"""


def kept_on(store: str) -> list[Race]:
    """Return the races whose promise a store keeps, as it keeps them."""
    races = [RACES[name] for name in OF_TAGS]
    if store in EXACT:
        return [*races, *(RACES[name] for name in ("emptied", "forget", "put", "many"))]
    emptied = replace(RACES["emptied"], passing=store != "array")
    taken_back = [replace(RACES[name], passing=True) for name in ("forget", "many")]
    return [*races, emptied, *taken_back]


def race_on(store: str, name: str) -> Race:
    """Return one of them."""
    return next(race for race in kept_on(store) if race.name == name)


def lose(record: Record) -> None:
    """Lose a record, as a store that is full does."""
    delete = Operation("delete", Kind.WRITE, (record,))
    run_now(cache._home.stack().driver.perform(BLOCKING, delete))


def fill(race: Race, row: Row, stop: Any) -> None:
    """Compute from the row until told to stop, and count what came older than owed."""
    try:
        compete(race, row, stop)
    except BaseException:
        row.broken.value += 1
        raise


def compete(race: Race, row: Row, stop: Any) -> None:
    """Do as ``fill`` says."""
    while not stop.is_set():
        owed = row.owed.value
        given = race.ask(row)
        if given < owed and not race.passing:
            row.late.value += 1
        if random.random() < 0.2:
            cache.forget(KEY)


def disturb(flush: Callable[[], Any], stop: Any) -> None:
    """Flush something else until told to stop."""
    while not stop.is_set():
        flush()
        time.sleep(0.0005)


class Outcome(NamedTuple):
    """Hold what a race has come to: what was read late, how many computations were overtaken."""

    late: list[tuple[int, Any]]
    overtaken: int


def outcome(row: Row, late: list[tuple[int, Any]]) -> Outcome:
    """Sum up a race; one in which a filler failed is none."""
    if row.broken.value:
        raise RuntimeError(f"{row.broken.value} fillers failed")
    given = [(row.owed.value, "a filler")] * row.late.value
    return Outcome(late + given, row.overtaken.value)


def write(race: Race, row: Row, turns: int) -> list[tuple[int, Any]]:
    """Change the row and flush, ``turns`` times; return what was read that was older."""
    late: list[tuple[int, Any]] = []
    for turn in range(row.data.value + 1, row.data.value + turns + 1):
        row.data.value = turn
        race.flush(row)
        row.owed.value = turn
        for _ in range(random.randrange(5)):
            time.sleep(0)
            given = cache.get(KEY)
            if given is not None and given < turn and stays(race, turn):
                late.append((turn, given))
        if race.evicts and random.random() < 0.1:
            lose(random.choice(race.evicts))
    return late


def stays(race: Race, turn: int) -> bool:
    """Tell whether what is older than ``turn`` stays, where it may be seen in passing."""
    until = time.monotonic() + (SETTLES if race.passing else 0)
    while time.monotonic() < until:
        given = cache.get(KEY)
        if given is None or given >= turn:
            return False
        time.sleep(0.001)
    return True


@contextmanager
def restless() -> Iterator[None]:
    """Let threads interrupt each other a hundred times as often as they do by themselves."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(5e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def among_threads(race: Race, turns: int, fillers: int = 3) -> Outcome:
    """Run a race between threads."""
    row, stop = Row(), threading.Event()
    tasks: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [(fill, (race, row, stop))] * fillers
    if race.beside is not None:
        tasks.append((disturb, (race.beside, stop)))
    threads = [threading.Thread(target=target, args=args) for target, args in tasks]
    with restless():
        for thread in threads:
            thread.start()
        try:
            late = write(race, row, turns)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    return outcome(row, late)


def _process(race: Race, row: Row, start: Any, stop: Any, hours: float) -> None:
    """Fill in two threads of a process whose clock is ``hours`` wrong."""
    now = clock.now
    clock.now = lambda: now() + hours * 3600
    threads = [threading.Thread(target=fill, args=(race, row, stop)) for _ in range(2)]
    if race.beside is not None:
        threads.append(threading.Thread(target=disturb, args=(race.beside, stop)))
    start.wait(60)
    with restless():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def among_processes(race: Race, turns: int, hours: Sequence[float] = (0, 0)) -> Outcome:
    """Run a race between processes, each with a clock so many hours wrong; all begin together."""
    row, start, stop = Row.shared(), FORK.Barrier(len(hours) + 1), FORK.Event()
    for connection in connections.all(initialized_only=True):
        if connection.alias != "default":
            connection.close()  # two processes cannot speak by one
    fillers = [
        FORK.Process(target=_process, args=(race, row, start, stop, wrong)) for wrong in hours
    ]
    for filler in fillers:
        filler.start()
    try:
        start.wait(60)  # or a short race would be over before they are there
        late = write(race, row, turns)
    finally:
        stop.set()
        for filler in fillers:
            filler.join(20)
            if filler.exitcode is None:
                filler.kill()
    return outcome(row, late)
