"""All sections in the order of the page, and what is aimed at."""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from .aims import AIMS
from .engine import Size

Measure = Callable[[Size], list[dict[str, Any]]]


class Section(NamedTuple):
    """Name a section, what is said of it, and ``module:function`` that measures it."""

    title: str
    prose: str
    path: str

    def measure(self, name: str) -> Measure:
        """Return the function; importing it may want peers that only benchmarks have."""
        module, _, function = self.path.partition(":")
        found: Callable[..., Any] = getattr(
            importlib.import_module(f"benchmarks.{module}"), function
        )
        return partial(found, name) if module == "stores" else found


MEMORY = """
Everything lies in the memory of this process. cachetools and cachebox are mappings, used with a
lock around each call; the bare dict has an expiry and an order of use, and no lock. Those three
and dogpile give out the very object that was put in, as ours does with `COPY` off; LocMemCache
pickles, ArrayCache copies what can be changed. cashews has only awaited verbs: one task awaits
them, one after the other. Every figure has the call of an empty function in it, which is shown
too. What is told is processor time; but time on the clock where threads or tasks ask.
"""

FILES = """
On the disk of this machine, in a temporary directory. Ours seals what it stores: each entry is
encrypted and bound to its key. diskcache keeps small values in an SQLite database. The tables of
growth overwrite and read entries that are spread over all that is there.
"""

SERVERS = """
Real servers, started on free ports of this machine, so that a trip costs next to nothing; where a
server is a network away, what comes on top of the trip counts for less. *Sealed* entries are
encrypted, and *compressed* ones by zlib before that. Tasks and threads ask for one entry at
once; what is told of them is the time on the clock for each call.
"""
GROWTH = """
Texts of 100 B, put in before; then sets and hits of keys that are spread over all that is there, in
turns at each step. All have room for more, so nothing is put out. Django's table counts its rows at
each set; its rows are put there by one statement, since its own sets would take hours.
"""
LIMITS = """
One client on one Redis, whose limit is never reached, or is reached each time. `limits` has three
strategies; django-ratelimit counts in fixed windows, here through django-redis.
"""
CODECS = """
Encoding and decoding alone. Ours refuse what would not come back as it was, and know dates, tuples,
sets and so on, which they look for; orjson and msgspec know fewer types, and turn some of them into
others. orjson, msgspec and pickle are called directly. Every figure has an empty call in it.
"""
START = """
Each start is a process of its own, and what is told is processor time: of an import where Django is
set up, with models, urls and views, as in every project; *cold start* is all that a new process
takes until it has imported and set up Django, stored a first value and read it. Memory is what a
process grew by with 100,000 entries, whose keys are short and whose values have 100 bytes. What an
entry takes in a Redis is what that says it uses, keys included; in files it is the length of the
files (of diskcache: of its databases too), which a disk rounds up to blocks.
"""
REDIS = f"{SERVERS.rstrip()} dogpile pickles, and so does cashews, whose verbs are only awaited."

SECTIONS: dict[str, Section] = {
    "memory": Section("In memory", MEMORY, "memory:measure"),
    "files": Section("In files", FILES, "files:measure"),
    "redis": Section("On Redis", REDIS, "stores:measure"),
    "memcached": Section("On memcached", SERVERS, "stores:measure"),
    "postgresql": Section("In PostgreSQL", SERVERS, "stores:measure"),
    "sqlite": Section("In SQLite", "A database in memory.", "stores:measure"),
    "dynamodb": Section(
        "On DynamoDB",
        f"{SERVERS.rstrip()} Here it is the engine roto, not Amazon's.",
        "stores:measure",
    ),
    "growth": Section("More and more entries", GROWTH, "growth:measure"),
    "limits": Section("Limits of rates", LIMITS, "limits:measure"),
    "codecs": Section("Codecs", CODECS, "codecs:measure"),
    "start": Section("Start, memory, and bytes", START, "start:measure"),
}

OTHERS = ("tags", "locks", "single")
"""Modules that measure and write by themselves."""

__all__ = ["AIMS", "OTHERS", "SECTIONS", "Measure", "Section"]
