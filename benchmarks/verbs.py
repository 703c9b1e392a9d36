"""The works that subjects have in common: Django's verbs, by value and by number of askers."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from .engine import Work
from .setup import MANY

THREADS, TASKS = 8, 100
_names = itertools.count()


def verbs(cache: Any, value: Any, most: int = 100_000) -> dict[str, Work]:
    """Return Django's verbs on one alias."""
    cache.set("key", value, 600)
    cache.set("number", 1, 600)
    cache.set_many(dict.fromkeys(MANY, value), 600)
    return {
        "hit": Work(lambda: cache.get("key"), most=most),
        "miss": Work(lambda: cache.get("nothing"), most=most),
        "set": Work(lambda: cache.set("key", value, 600), most=most),
        "get_many(100)": Work(lambda: cache.get_many(MANY), most=most),
        "incr": Work(lambda: cache.incr("number"), most=most),
        "delete": removal(cache.delete, lambda key: cache.set(key, value, 600)),
    }


def removal(delete: Callable[[str], Any], put: Callable[[str], Any], most: int = 50) -> Work:
    """Return the removal of what is there: it is put there, untimed, before each turn."""

    def feed(count: int) -> list[str]:
        names = [f"gone{next(_names)}" for _ in range(count)]
        for name in names:
            put(name)
        return names

    return Work(delete, feed=feed, most=most)


def reads(cache: Any, values: Mapping[str, Any], most: int = 100_000) -> dict[str, Work]:
    """Return a hit of each value."""
    for name, value in values.items():
        cache.set(slug(name), value, 600)
    return {name: Work(_get(cache, slug(name)), most=most) for name in values}


def writes(cache: Any, values: Mapping[str, Any], most: int = 100_000) -> dict[str, Work]:
    """Return a set of each value."""
    return {name: Work(_set(cache, slug(name), values[name]), most=most) for name in values}


def slug(name: str) -> str:
    """Return a key for a value: without spaces, which Django would warn of each time."""
    return "".join(filter(str.isalnum, name))


def _get(cache: Any, key: str) -> Callable[[], Any]:
    return lambda: cache.get(key)


def _set(cache: Any, key: str, value: Any) -> Callable[[], Any]:
    return lambda: cache.set(key, value, 600)


def crowds(find: Callable[[], Any], most: int = 100_000) -> dict[str, Work]:
    """Return the hit of one caller, of threads at once, and of tasks at once.

    ``find`` returns the alias's cache, as it is asked for in each thread.
    """
    cache = find()

    def getting() -> Callable[[], None]:
        mine = find()

        def get() -> None:
            if mine.get("key") is None:  # a read that failed is no hit, however fast
                raise LookupError("not there")

        return get

    async def aget() -> None:
        if await cache.aget("key") is None:
            raise LookupError("not there")

    # Django is set up by then.
    from django.db import connections

    get = getting()
    crowd = Work(get, threads=THREADS, most=most, own=getting, leave=connections.close_all)
    return {
        "alone": Work(get, most=most),
        f"{THREADS} threads": crowd,
        f"{TASKS} tasks": Work(aget, tasks=TASKS, most=most),
    }
