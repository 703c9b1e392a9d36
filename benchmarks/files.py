"""Stores in files: ours, sealed; Django's; diskcache; and how each bears many entries."""

import itertools
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from .engine import Size, Spread, Subject, compare, table
from .growth import at
from .setup import DJANGO, LARGE, OURS, RECORD, TEXTS, keys, setup
from .verbs import reads, verbs, writes

NAMES = {"files": "Django's FileBasedCache", "sealed": "ours, sealed", "disk": "diskcache"}
DJANGOS_MOST = 100_000
"""Django's lists its directory at each set: a million would take hours."""
SECONDS = 480
"""For so long a store is filled in one step, at most."""
VALUES = {**TEXTS, "dict, 1 KB": RECORD, "dict, 100 KB": LARGE}


def aliases(root: str) -> dict[str, dict[str, Any]]:
    """Return the three, with room for all that is put in."""
    return {
        "files": {
            "BACKEND": DJANGO + "filebased.FileBasedCache",
            "LOCATION": f"{root}/files",
            "OPTIONS": {"MAX_ENTRIES": 10**8},
        },
        "sealed": {
            "BACKEND": OURS + "file.EncryptedFileCache",
            "LOCATION": f"{root}/sealed",
            "OPTIONS": {**keys(), "MAX_ENTRIES": 10**8, "MAX_BYTES": 2**40},
        },
        "disk": {
            "BACKEND": "diskcache.DjangoCache",
            "LOCATION": f"{root}/disk",
            "OPTIONS": {"size_limit": 2**40},
        },
    }


def measure(size: Size) -> list[dict[str, Any]]:
    """Measure files: verbs and values with few entries, then with more and more."""
    with tempfile.TemporaryDirectory() as root:
        setup(aliases(root))
        return [*few(size), *growing(size)]


def few(size: Size) -> list[dict[str, Any]]:
    """Compare with hardly an entry there."""
    from django.core.cache import caches

    def compared(make: Callable[[Any], Any]) -> Any:
        return compare([Subject(name, make(caches[one])) for one, name in NAMES.items()], size)

    return [
        table("1 KB in files", compared(lambda cache: verbs(cache, RECORD, 200))),
        table("hit in files", compared(lambda cache: reads(cache, VALUES, 200))),
        table("set in files", compared(lambda cache: writes(cache, VALUES, 100))),
    ]


def steps(size: Size) -> list[int]:
    """Return the numbers of entries to stop at."""
    found = (10, 100, 1_000, 10_000, 20_000, 100_000, 1_000_000)
    return [number for number in found if number <= max(size.entries, 20_000)]


def growing(size: Size) -> list[dict[str, Any]]:
    """Measure sets and hits of 1 KB as the number of entries grows, in turns at each step."""
    from django.core.cache import caches

    rows: dict[str, dict[str, dict[str, Spread]]] = {"hit": {}, "set": {}}
    alive, there = dict(NAMES), dict.fromkeys(NAMES, 0)
    for step in steps(size):
        for alias in list(alive):
            if not fill(alias, there[alias], step):
                del alive[alias]
            there[alias] = step
        stores = {name: caches[alias] for alias, name in alive.items()}
        for verb, found in at(stores, step, size, RECORD, partial(_calls, step)).items():
            for name, told in found.items():
                rows[verb].setdefault(name, {})[f"{step:,}"] = told
    note = (
        f"Django's stops at {DJANGOS_MOST:,}: each of its sets lists the directory. What could not "
        f"be filled in {SECONDS} seconds stops there too."
    )
    return [
        table("set of 1 KB by entries", rows["set"], note=note),
        table("hit of 1 KB by entries", rows["hit"]),
    ]


def _calls(step: int, name: str) -> int:
    """Return how many calls make a turn: Django's set among many takes long."""
    return 2 if name == NAMES["files"] and step > 1000 else 20


def fill(alias: str, have: int, count: int) -> bool:
    """Put entries in until there are so many; False if that would take too long."""
    if alias == "files" and count > DJANGOS_MOST:
        return False
    if alias == "disk":  # one writer at a time in any case
        return part(alias, have, count)
    cores = os.cpu_count() or 1
    ends = [have + (count - have) * number // cores for number in range(cores + 1)]
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        parts = [(alias, *pair) for pair in itertools.pairwise(ends)]
        return all(pool.starmap(part, parts))


def part(alias: str, have: int, count: int) -> bool:
    """Put a part of the entries in; False if that takes too long."""
    from django.core.cache import caches

    cache: Any = caches[alias]
    until = time.monotonic() + SECONDS
    for start in range(have, count, 500):
        if time.monotonic() > until:
            return False
        names = [f"fill{number}" for number in range(start, min(count, start + 500))]
        if alias == "files":
            _at_once(cache, names)
        elif alias == "disk":
            with cache._cache.transact():
                for name in names:
                    cache.set(name, RECORD, 36_000)
        else:
            cache.set_many(dict.fromkeys(names, RECORD), 36_000)
    return True


def _at_once(cache: Any, names: list[str]) -> None:
    """Put the files there that Django's set would, without listing the directory each time."""
    os.makedirs(cache._dir, 0o700, exist_ok=True)
    for name in names:
        with open(cache._key_to_file(name), "wb") as file:
            cache._write_content(file, 36_000, RECORD)
