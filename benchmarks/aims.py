"""What is aimed at, as ratios of figures; and why, where an aim may be missed."""

from .said import Aim, Where

HIT, WAYS = "hit in memory", "ways to a hit of 1 KB"
LOCMEM, ARRAY, SHARED = "Django's LocMemCache", "ours, ArrayCache", "ours, COPY off"
EMPTY: Where = ("memory", HIT, "an empty function", "1 KB")
RECORDS = "list of 100 dicts"
HELD = "an empty function; an attribute and a dict's get"


def _hit(subject: str, value: str) -> Where:
    return "memory", HIT, subject, value


def _way(subject: str, work: str) -> Where:
    return "memory", WAYS, subject, work


MEMORY = [
    Aim(
        "`ArrayCache`: a hit of 1 KB of text, against LocMemCache",
        _hit(ARRAY, "1 KB"),
        _hit(LOCMEM, "1 KB"),
        at_least=5,
        less=EMPTY,
    ),
    Aim(
        "the same of a list of 100 dicts, `COPY` off",
        _hit(SHARED, RECORDS),
        _hit(LOCMEM, RECORDS),
        at_least=5,
        less=EMPTY,
    ),
    Aim(
        "the same of a dict, copied",
        _hit(ARRAY, "dict, 1 KB"),
        _hit(LOCMEM, "dict, 1 KB"),
        at_least=2,
        less=EMPTY,
    ),
    Aim(
        "the same of a list of 100 dicts, copied",
        _hit(ARRAY, RECORDS),
        _hit(LOCMEM, RECORDS),
        at_least=2,
        less=EMPTY,
        why="a copy makes each inner dict anew.",
    ),
    Aim(
        "`ArrayCache`: a hit of 1 KB of text, against a bare dict",
        _hit(ARRAY, "1 KB"),
        _hit("a bare dict", "1 KB"),
        at_most=5,
        less=EMPTY,
        why="a lock, the key with its prefix and version, and the entry's tags are looked at.",
    ),
    Aim(
        "`cache.get` on top of `caches[alias].get`, locmem",
        _way(f"over {LOCMEM}", "cache.get"),
        _way(f"over {LOCMEM}", "caches[alias].get"),
        at_most=1.15,
        less=EMPTY,
        on_top=True,
        why="what lies there may be an entry of ours, and has to be looked at.",
    ),
    Aim(
        "`cache.get` on top of `caches[alias].get`, array",
        _way(f"over {ARRAY}", "cache.get"),
        _way(f"over {ARRAY}", "caches[alias].get"),
        at_most=1.15,
        less=EMPTY,
        on_top=True,
        why="a hit takes so little that each call more is a good part of it.",
    ),
    Aim(
        "`memo().get`, against an attribute and a dict's `get`",
        _way(f"over {ARRAY}", "memo().get"),
        _way(HELD, "memo().get"),
        at_most=2,
        less=EMPTY,
        why="two calls of methods of Python take more than that before anything is done.",
    ),
    Aim(
        "signals without a receiver, on top of `SIGNALS` off, array",
        _way(f"over {ARRAY}", "cache.get"),
        _way("over ours, SIGNALS off", "cache.get"),
        at_most=1.05,
        less=EMPTY,
        on_top=True,
    ),
    Aim(
        "signals with a receiver, on top of none, locmem",
        _way(f"over {LOCMEM}", "with a receiver"),
        _way(f"over {LOCMEM}", "cache.get"),
        at_most=1.05,
        less=EMPTY,
        on_top=True,
        why="Django's dispatch to one receiver takes more than that alone.",
    ),
]

SEALED, FILE = "ours, sealed", "Django's FileBasedCache"
GROWTH = "set of 1 KB by entries"

FILES = [
    *(
        Aim(
            f"sealed file: a hit, {value}, against Django's file backend",
            ("files", "hit in files", SEALED, value),
            ("files", "hit in files", FILE, value),
            at_most=1,
            why="the value is decrypted and decoded strictly, the epoch is looked at, and the file "
            "is opened with more care; Django's only reads and unpickles.",
        )
        for value in ("dict, 1 KB", "dict, 100 KB")
    ),
    Aim(
        "sealed file: a set among 20,000 entries, against Django's file backend",
        ("files", GROWTH, SEALED, "20,000"),
        ("files", GROWTH, FILE, "20,000"),
        at_least=20,
        why="ours does not grow; how long Django's takes to list and write is the system's affair.",
    ),
    Aim(
        "sealed file: a set among 1,000,000 entries, against one among 1,000",
        ("files", GROWTH, SEALED, "1,000,000"),
        ("files", GROWTH, SEALED, "1,000"),
        at_most=1.5,
        why="with so many files the directories no longer lie in the memory of the system.",
    ),
]

SERVERS = ("redis", "memcached", "postgresql", "dynamodb")

STORES = [
    *(
        Aim(
            f"`cache.get` on top of `caches[alias].get`, {name}",
            (name, f"ways to a hit of 1 KB on {name}", "ours", "cache.get"),
            (name, f"ways to a hit of 1 KB on {name}", "ours", "caches[alias].get"),
            at_most=1.03,
            on_top=True,
            why="both send the same; what is between them is within the spread of the trips.",
        )
        for name in SERVERS
    ),
    Aim(
        "100 tasks that read from Redis, against Django's RedisCache",
        ("redis", "hit of 1 KB on redis, by askers", "ours", "100 tasks"),
        ("redis", "hit of 1 KB on redis, by askers", "Django's RedisCache", "100 tasks"),
        at_least=3,
        why="most of what is left is redis-py's own awaited connection.",
    ),
]

AIMS = [*MEMORY, *FILES, *STORES]
