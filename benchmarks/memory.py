"""Stores in the memory of one process, and what each way through this package costs on top."""

import asyncio
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from .engine import Size, Subject, Work, compare, table
from .setup import DJANGO, MANY, OURS, setup, values
from .verbs import THREADS, crowds, reads, removal, slug, verbs

ALIASES: dict[str, dict[str, Any]] = {
    "locmem": {"BACKEND": DJANGO + "locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}},
    "array": {"BACKEND": OURS + "array.ArrayCache", "LOCATION": "array"},
    "shared": {
        "BACKEND": OURS + "array.ArrayCache",
        "LOCATION": "shared",
        "OPTIONS": {"COPY": False},
    },
    "quiet": {
        "BACKEND": OURS + "array.ArrayCache",
        "LOCATION": "quiet",
        "OPTIONS": {"SIGNALS": False},
    },
}


class Bare:
    """Be the least that bounds and expires: a dict in order of use."""

    def __init__(self, most: int = 10_000) -> None:
        self.entries: OrderedDict[str, tuple[float, Any]] = OrderedDict()
        self.most = most

    def get(self, key: str) -> Any:
        """Return what has not expired, and count it as used."""
        try:
            until, value = self.entries[key]
        except KeyError:
            return None
        if until < time.monotonic():
            del self.entries[key]
            return None
        self.entries.move_to_end(key)
        return value

    def set(self, key: str, value: Any, ttl: float) -> None:
        """Store, and put out what was used least recently."""
        self.entries[key] = time.monotonic() + ttl, value
        if len(self.entries) > self.most:
            self.entries.popitem(last=False)


class Mapped:
    """Be a mapping of cachetools or cachebox with a lock, as their pages advise."""

    def __init__(self, entries: Any) -> None:
        self.entries, self.lock = entries, threading.Lock()

    def get(self, key: str) -> Any:
        """Return a value."""
        with self.lock:
            return self.entries.get(key)

    def set(self, key: str, value: Any, ttl: float) -> None:
        """Store a value; the ttl is the mapping's."""
        with self.lock:
            self.entries[key] = value


class Region:
    """Be a region of dogpile in memory."""

    def __init__(self) -> None:
        # Peers are there only where the group bench is installed.
        from dogpile.cache import make_region  # type: ignore[import-not-found,import-untyped,unused-ignore]

        self.region = make_region().configure("dogpile.cache.memory", expiration_time=600)

    def get(self, key: str) -> Any:
        """Return a value."""
        return self.region.get(key)

    def set(self, key: str, value: Any, ttl: float) -> None:
        """Store a value; the ttl is the region's."""
        self.region.set(key, value)


def others(most: int = 10_000) -> dict[str, Any]:
    """Return the peers that are no backends of Django's."""
    # Peers are there only where the group bench is installed.
    import cachebox  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import cachetools  # type: ignore[import-not-found,import-untyped,unused-ignore]

    return {
        "a bare dict": Bare(most),
        "cachetools": Mapped(cachetools.TTLCache(most, 600)),
        "cachebox": Mapped(cachebox.TTLCache(most, 600)),
        "dogpile": Region(),
    }


def cashews(found: dict[str, Any], value: str) -> dict[str, dict[str, Work]]:
    """Return the works of cashews, each awaited by one task or by many."""
    # Peers are there only where the group bench is installed.
    from cashews import Cache  # type: ignore[import-not-found,import-untyped,unused-ignore]

    cache = Cache()
    cache.setup("mem://?size=10000&check_interval=10")

    async def fill() -> None:
        await cache.set("key", value, expire=600)
        await cache.set("number", 1, expire=600)
        for name in MANY:
            await cache.set(name, value, expire=600)
        for name, one in found.items():
            await cache.set(slug(name), one, expire=600)

    asyncio.run(fill())

    def get(key: str) -> Callable[[], Any]:
        return lambda: cache.get(key)

    return {
        "values": {name: Work(get(slug(name)), tasks=1) for name in found},
        "verbs": {
            "hit": Work(get("key"), tasks=1),
            "miss": Work(get("nothing"), tasks=1),
            "set": Work(lambda: cache.set("key", value, expire=600), tasks=1),
            "get_many(100)": Work(lambda: cache.get_many(*MANY), tasks=1),
            "incr": Work(lambda: cache.incr("number"), tasks=1),
        },
        "crowds": {
            "100 tasks": Work(get("key"), tasks=100),
        },
    }


def plain(cache: Any, value: str) -> dict[str, Work]:
    """Return the verbs of a peer that has but a few."""
    for name in ("key", *MANY):
        cache.set(name, value, 600)
    found = {
        "hit": Work(lambda: cache.get("key")),
        "miss": Work(lambda: cache.get("nothing")),
        "set": Work(lambda: cache.set("key", value, 600)),
        "get_many(100)": Work(lambda: [cache.get(key) for key in MANY]),
    }
    if isinstance(cache, Region):
        region = cache.region
        found["get_many(100)"] = Work(lambda: region.get_multi(MANY))
        found["delete"] = removal(region.delete, lambda key: region.set(key, value))
    else:
        found["delete"] = removal(cache.entries.pop, lambda key: cache.set(key, value, 600))
    return found


NAMES = {
    "locmem": "Django's LocMemCache",
    "array": "ours, ArrayCache",
    "shared": "ours, COPY off",
}


def stores(size: Size) -> list[dict[str, Any]]:
    """Compare the stores themselves."""
    from django.core.cache import caches

    found, text = values(), "x" * 1000
    rows: dict[str, list[Subject]] = {"values": [], "verbs": [], "crowds": []}
    for alias, name in NAMES.items():
        cache = caches[alias]
        rows["values"].append(Subject(name, reads(cache, found)))
        rows["verbs"].append(Subject(name, verbs(cache, text)))
        rows["crowds"].append(Subject(name, crowds(partial(caches.__getitem__, alias))))
    for name, peer in others().items():
        rows["values"].append(Subject(name, reads(peer, found)))
        rows["verbs"].append(Subject(name, plain(peer, text)))
        many = Work(_get(peer), threads=THREADS)
        rows["crowds"].append(Subject(name, {"alone": _get(peer), f"{THREADS} threads": many}))
    for kind, works in cashews(found, text).items():
        rows[kind].append(Subject("cashews, awaited", works))
    nothing = Subject("an empty function", dict.fromkeys(found, _nothing))
    rows["values"].append(nothing)
    return [
        table("hit in memory", compare(rows["values"], size, time.process_time)),
        table("1 KB of text in memory", compare(rows["verbs"], size, time.process_time)),
        table("hit of 1 KB in memory", compare(rows["crowds"], size), unit="µs a call"),
    ]


def _get(peer: Any) -> Callable[[], Any]:
    return lambda: peer.get("key")


def _nothing() -> None:
    pass


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Have somebody listen to hits and misses."""
    from django_cachekit import signals

    signals.cache_hit.connect(_heard)
    try:
        yield
    finally:
        signals.cache_hit.disconnect(_heard)


def _heard(**said: Any) -> None:
    pass


def ways(size: Size) -> list[dict[str, Any]]:
    """Compare the ways through this package to one entry, on ours and on Django's store."""
    from django.core.cache import caches

    subjects = []
    for alias in ("locmem", "array", "quiet"):
        found = way(alias)
        if alias == "quiet":
            found = {name: found[name] for name in ("caches[alias].get", "cache.get")}
        subjects.append(Subject(f"over {NAMES.get(alias, 'ours, SIGNALS off')}", found))
    holder = SimpleNamespace(entries={"key": 1})
    least = {
        "caches[alias].get": _nothing,
        "memo().get": lambda: holder.entries.get("key"),
    }
    subjects.append(Subject("an empty function; an attribute and a dict's get", least))
    caches.close_all()
    return [table("ways to a hit of 1 KB", compare(subjects, size, time.process_time))]


def way(alias: str) -> dict[str, Work]:
    """Return all ways to an entry of one alias."""
    from django.core.cache import caches

    from django_cachekit import cache

    here, text = cache.store(alias), "x" * 1000
    caches[alias].set("key", text, 600)
    here.put("ours", text, 600)
    here.tags("a").put("one", text, 600)
    here.tags("a", "b", "c").put("three", text, 600)
    here.memo().get("ours")
    found = {
        "caches[alias].get": Work(lambda: caches[alias].get("key")),
        "cache.get": Work(lambda: here.get("key")),
        "with a receiver": Work(lambda: here.get("key"), within=listening),
        "memo().get": Work(lambda: here.memo().get("ours")),
        "remember": Work(lambda: here.remember("ours", 600, str)),
        "one tag": Work(lambda: here.get("one")),
        "three tags": Work(lambda: here.get("three")),
    }
    if alias == "array":
        found["lock, release"] = Work(_locked(here))
    return found


def _locked(here: Any) -> Callable[[], Any]:
    def work() -> None:
        with here.lock("name", 10):
            pass

    return work


def measure(size: Size) -> list[dict[str, Any]]:
    """Measure everything in memory."""
    setup(ALIASES)
    return [*stores(size), *ways(size)]
