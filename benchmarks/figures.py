"""Measure this package beside Django's own backends: ``python -m benchmarks.figures``.

Every pair is timed in turns (A B A B ...) in one process; what is printed is the median of the
rounds and the ratio of the medians. Only the ratios mean something on another machine.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import django
from django.conf import settings

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."


class Pair(NamedTuple):
    """Name two things to time, and what is aimed at: ours over theirs."""

    what: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    aim: str
    turns: int = 2000


def configure(root: str) -> None:
    """Set up Django with the stores that need no server."""
    from django_cachekit.codecs import generate_key

    sealed = {"ENCRYPTION_KEYS": [generate_key()], "INDEX_KEY": generate_key()}
    settings.CACHES = {
        "default": {"BACKEND": DJANGO + "locmem.LocMemCache"},
        "array": {"BACKEND": OURS + "array.ArrayCache"},
        "sealed": {
            "BACKEND": OURS + "file.EncryptedFileCache",
            "LOCATION": f"{root}/sealed",
            "OPTIONS": sealed,
        },
        "files": {
            "BACKEND": DJANGO + "filebased.FileBasedCache",
            "LOCATION": f"{root}/files",
            "OPTIONS": {"MAX_ENTRIES": 10**6},
        },
    }


def pairs() -> list[Pair]:
    """Return what is compared."""
    from django.core.cache import caches

    from django_cachekit import cache

    locmem, array, sealed, files = (caches[a] for a in ("default", "array", "sealed", "files"))
    facade = cache.store("array")
    text = "x" * 1000
    record = {f"field{number}": f"value {number} " * 5 for number in range(16)}
    large = {f"field{number}": os.urandom(500).hex() for number in range(100)}
    for store in (locmem, array, sealed, files):
        store.set_many({"text": text, "record": record, "large": large})
    for name in ("array", "sealed"):
        cache.store(name).tags("a", "b").put("tagged", text)
    cache.tags("a", "b").put("tagged", text)
    few = 200
    return [
        Pair(
            "facade get over caches['default'].get, locmem",
            lambda: cache.get("text"),
            lambda: caches["default"].get("text"),
            "at most 1.15",
        ),
        Pair(
            "array over locmem: get of 1 KB of text",
            lambda: array.get("text"),
            lambda: locmem.get("text"),
            "at most 0.2",
        ),
        Pair(
            "array over locmem: get of a dict, copied",
            lambda: array.get("record"),
            lambda: locmem.get("record"),
            "at most 0.5",
        ),
        Pair(
            "array over locmem: set of 1 KB of text",
            lambda: array.set("text", text),
            lambda: locmem.set("text", text),
            "none",
        ),
        Pair(
            "sealed file over Django's file: get of 1 KB",
            lambda: sealed.get("record"),
            lambda: files.get("record"),
            "at most 1",
            few,
        ),
        Pair(
            "sealed file over Django's file: get of 100 KB",
            lambda: sealed.get("large"),
            lambda: files.get("large"),
            "at most 1",
            few,
        ),
        Pair(
            "tagged over untagged: facade get, array",
            lambda: facade.get("tagged"),
            lambda: facade.get("text"),
            "at most 2",
        ),
        Pair(
            "tagged over untagged: facade get, sealed file",
            lambda: cache.store("sealed").get("tagged"),
            lambda: cache.store("sealed").get("text"),
            "none",
            few,
        ),
        Pair(
            "tagged over untagged: facade get, locmem",
            lambda: cache.get("tagged"),
            lambda: cache.get("text"),
            "none",
        ),
        Pair(
            "remember of a hit over get, array",
            lambda: facade.remember("text", 60, str),
            lambda: facade.get("text"),
            "none",
        ),
    ]


def filled(count: int) -> list[Pair]:
    """Return what is compared with ``count`` entries already there."""
    from django.core.cache import caches

    sealed = caches["sealed"]
    files: Any = caches["files"]  # its own helpers are private
    record = {f"field{number}": f"value {number} " * 5 for number in range(16)}
    large = {f"field{number}": os.urandom(500).hex() for number in range(100)}
    have = len(os.listdir(files._dir)) if os.path.isdir(files._dir) else 0
    for number in range(have, count):
        # Django's own set lists the directory each time; this puts the same file there at once.
        name = files._key_to_file(f"fill{number}")
        os.makedirs(files._dir, 0o700, exist_ok=True)
        with open(name, "wb") as file:
            files._write_content(file, 3600, record)
        sealed.set(f"fill{number}", record, 3600)
    return [
        Pair(
            f"sealed file over Django's file: set of 1 KB among {count:,}",
            lambda: sealed.set("record", record),
            lambda: files.set("record", record),
            "at most 0.05 among 20,000",
            20,
        ),
        Pair(
            f"sealed file over Django's file: set of 100 KB among {count:,}",
            lambda: sealed.set("large", large),
            lambda: files.set("large", large),
            "none",
            20,
        ),
    ]


def awaited() -> list[Pair]:
    """Return the awaited face against the blocking one."""
    from django_cachekit import cache

    facade = cache.store("array")

    async def many(count: int) -> None:
        for _ in range(count):
            await facade.aget("text")

    def blocking(count: int) -> None:
        for _ in range(count):
            facade.get("text")

    return [
        Pair(
            "awaited over blocking: facade get, array (20,000 a turn)",
            lambda: asyncio.run(many(20_000)),
            lambda: blocking(20_000),
            "at most 2",
            1,
        )
    ]


def measure(pair: Pair, rounds: int) -> dict[str, Any]:
    """Time both in turns; return medians in microseconds a call, and their ratio."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for times, call in zip(took, (pair.ours, pair.theirs), strict=True):
            began = time.perf_counter()
            for _ in range(pair.turns):
                call()
            times.append((time.perf_counter() - began) / pair.turns * 1e6)
    ours, theirs = map(statistics.median, took)
    return {
        "what": pair.what,
        "ours_us": round(ours, 2),
        "theirs_us": round(theirs, 2),
        "ratio": round(ours / theirs, 3),
        "aim": pair.aim,
    }


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--entries", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    settings.configure(SECRET_KEY=os.urandom(32).hex(), INSTALLED_APPS=["django_cachekit"])
    with tempfile.TemporaryDirectory() as root:
        configure(root)
        django.setup()
        rows = [measure(pair, asked.rounds) for pair in (*pairs(), *awaited())]
        rows += [measure(pair, asked.rounds) for pair in filled(asked.entries)]
    told = (
        f"Python {platform.python_version()}, Django {django.__version__}, {os.cpu_count()} cores"
    )
    if asked.json:
        json.dump({"machine": told, "rounds": asked.rounds, "figures": rows}, sys.stdout, indent=1)
        return
    print(f"{told}; medians of {asked.rounds} rounds in turns\n")
    print("| what | ours, µs | theirs, µs | ratio | aim |\n|---|---|---|---|---|")
    for row in rows:
        print("| {what} | {ours_us} | {theirs_us} | {ratio} | {aim} |".format(**row))


if __name__ == "__main__":
    main()
