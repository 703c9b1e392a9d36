"""Race many times over all stores: ``python -m tests.races --trials 100000``.

One trial is one flush (or forget, or put) raced against running fillers, and what was read after
it. The trials are spread over the stores by how fast they are, and on each over the promises it
keeps, between threads, between processes, and between processes whose clocks are an hour off.
Overtaken are the computations during which the row changed: without them a race proves nothing.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, cast

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django_cachekit import cache  # noqa: E402 - after the settings
from tests import stores  # noqa: E402
from tests.placing import placed  # noqa: E402
from tests.servers import dynamodb, memcached, process, redis, sql  # noqa: E402
from tests.servers.databases import entry  # noqa: E402
from tests.servers.programs import ServerMissing  # noqa: E402
from tests.stores import Row  # noqa: E402

from .bodies import Outcome, Race, among_processes, among_threads, kept_on  # noqa: E402

SHARES = {
    "array": 25,
    "locmem": 15,
    "tagged-locmem": 10,
    "tagged-array": 6,
    "file": 7,
    "django-file": 4,
    "sqlite": 0.5,
    "postgresql": 3,
    "mariadb": 3,
    "memcached": 8,
    "memcached-pool": 5,
    "redis": 5,
    "redis-cluster": 3,
    "dynamodb": 3,
    "dynamodb-sealed": 1,
}
"""How many of a hundred trials a store has."""

ALONE = {"array", "locmem", "tagged-locmem", "tagged-array"}
"""Stores that no other process sees."""

SERVERS = {
    "redis": redis.Redis,
    "redis_cluster": redis.RedisCluster,
    "memcached": memcached.Memcached,
    "memcached_pool": memcached.MemcachedPool,
    "postgresql": sql.PostgreSQL,
    "mariadb": sql.MariaDB,
    "dynamodb": dynamodb.DynamoDB,
}


class Tally(NamedTuple):
    """Hold what one store has come to."""

    trials: int = 0
    overtaken: int = 0
    late: int = 0
    seconds: float = 0


class Request:
    """Be what ``placed`` asks for servers, in the place of pytest."""

    def __init__(self, clean: ExitStack) -> None:
        self.clean = clean

    def getfixturevalue(self, name: str) -> Any:
        """Start a server; databases need no leave here."""
        if name in SERVERS:
            return self.clean.enter_context(cast("Any", SERVERS[name]()))
        return self

    def unblock(self) -> Any:
        """Give leave."""
        return nullcontext()


@contextmanager
def standing(name: str) -> Iterator[None]:
    """Have a store as the default alias."""
    with ExitStack() as clean:
        root = Path(clean.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        if name == "sqlite":
            base = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(root / "cache.sqlite3")}
            clean.enter_context(entry(name, **base, OPTIONS={"timeout": 30}))
            config = stores._server_table(name)
            row = Row(name, config, stores.ALL, "table")
        else:
            row = stores.BY_NAME[name]
        clean.enter_context(placed(row, cast("Any", Request(clean)), root))
        yield


def ways(name: str) -> list[tuple[str, Callable[[Race, int], Outcome]]]:
    """Return between whom a store is raced over."""
    found: list[tuple[str, Callable[[Race, int], Outcome]]] = [("threads", among_threads)]
    if name not in ALONE:
        found.append(("processes", among_processes))
        found.append(
            ("clocks", lambda race, turns: among_processes(race, turns, hours=(1, -1))),
        )
    return found


def race_over(name: str, trials: int, tell: Callable[[str], None]) -> Tally:
    """Race over one store, each promise in each way for the same number of trials."""
    runs = [(race, way) for race in kept_on(name) for way in ways(name)]
    total = Tally()
    for at, (race, (way, racing)) in enumerate(runs):
        turns = trials * (at + 1) // len(runs) - trials * at // len(runs)
        cache.flush()
        began = time.monotonic()
        late, overtaken = racing(race, turns)
        one = Tally(turns, overtaken, len(late), time.monotonic() - began)
        total = added([total, one])
        tell(f"{name:16} {race.name:8} {way:10} " + "{:7} {:7} {:5} {:6.1f} s".format(*one))
    return total


def table(tallies: dict[str, Tally | str]) -> str:
    """Write the outcome as a Markdown table."""
    heads = ["store", "trials", "overtaken", "stale", "seconds"]
    done = [tally for tally in tallies.values() if isinstance(tally, Tally)]
    sums = added(done)
    lines = ["| " + " | ".join(heads) + " |", "|---|---:|---:|---:|---:|"]
    for name, tally in {**tallies, "all": sums}.items():
        shown = tally + " | | |" if isinstance(tally, str) else cells(tally)
        lines.append(f"| {name} | {shown} |")
    return "\n".join(lines)


def added(tallies: Iterable[Tally]) -> Tally:
    """Sum up tallies."""
    trials, overtaken, late, seconds = (
        sum(column) for column in zip(Tally(), *tallies, strict=True)
    )
    return Tally(int(trials), int(overtaken), int(late), seconds)


def cells(tally: Tally) -> str:
    """Write one row's numbers."""
    return f"{tally.trials:,} | {tally.overtaken:,} | {tally.late:,} | {tally.seconds:.0f}"


def shares(trials: int, names: list[str]) -> dict[str, int]:
    """Spread the trials over the stores, at least one for each run."""
    whole = sum(SHARES[name] for name in names)
    least = {name: len(kept_on(name)) * len(ways(name)) for name in names}
    return {name: max(least[name], round(trials * SHARES[name] / whole)) for name in names}


def main(arguments: list[str]) -> int:
    """Race, print the table, and return 1 if anything was stale."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("--trials", type=int, default=100_000)
    parser.add_argument("--store", action="append", choices=list(SHARES), metavar="STORE")
    parser.add_argument("--seed", type=int, help="seed of the pauses (not of who runs when)")
    options = parser.parse_args(arguments)
    random.seed(options.seed)
    logging.disable(logging.CRITICAL)  # clocks that are wrong are told of at each read
    tallies: dict[str, Tally | str] = {}
    for name, trials in shares(options.trials, options.store or list(SHARES)).items():
        try:
            with standing(name):
                tallies[name] = race_over(name, trials, lambda line: print(line, flush=True))
        except ServerMissing as missing:
            tallies[name] = f"not here: {missing}"
        except Exception as error:  # one store that fails shall not end the others
            traceback.print_exc()
            tallies[name] = f"failed: {type(error).__name__}"
    process.end_watchdog()
    print(table(tallies))
    return int(any(wrong(tally) for tally in tallies.values()))


def wrong(tally: Tally | str) -> bool:
    """Tell whether a store was stale, or failed."""
    return bool(tally.late) if isinstance(tally, Tally) else tally.startswith("failed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
