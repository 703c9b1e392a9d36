"""This package, and two ways that need no library: Django by hand, and Laravel's design."""

import hashlib
import pickle
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.core.cache import caches

from .setup import RECORD as VALUE
from .tags_subject import TTL, Make, Place, Subject, repeated


class Ours(Subject):
    """This package."""

    name, number = "ours", 0

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        from django_cachekit import cache

        self.cache = cache.store("ours")

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        return self.cache.tags(tag, *more).remember(f"item:{tag}:{number}", ttl, make)

    def flush(self, tag: str) -> None:
        self.cache.tags(tag).flush()

    def fill(self, tag: str, count: int) -> None:
        """Put all of them through the library: an entry is bound to its key, a copy is a miss."""
        for start in range(0, count, 1000):
            self.fill_part(tag, start, min(start + 1000, count))

    def fill_part(self, tag: str, start: int, end: int) -> None:
        """Put some of them."""
        names = [f"item:{tag}:{number}" for number in range(start, end)]
        assert self.cache.tags(tag).put_many(dict.fromkeys(names, "value"), TTL)

    def prune(self, later: int) -> bool:
        from django.core.management import call_command

        call_command("cache_prune", "ours", verbosity=0)
        return True

    def hits(self, tags: Sequence[str]) -> Callable[[int], None]:
        if not tags:
            return super().hits(tags)
        return repeated(lambda: self.cache.get(f"item:{tags[0]}:0"))

    def untagged(self) -> Make:
        self.cache.put("item:untagged", VALUE, TTL)
        return lambda: self.cache.get("item:untagged")


class OursByPut(Ours):
    """This package, used by ``get`` and ``put``, between which it knows nothing."""

    name, variant = "ours, put", True

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        scope, key = self.cache.tags(tag, *more), f"item:{tag}:{number}"
        value = scope.get(key)
        if value is None:
            value = make()
            scope.put(key, value, ttl)
        return value


class ByHand(Subject):
    """The idiom with Django alone: a counter for each tag, as the ``version`` of its entries."""

    name, number = "by hand", 1

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.cache = caches["hand"]

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        version: Any = self._version((tag, *more))
        value = self.cache.get(f"item:{tag}:{number}", version=version)
        if value is None:
            value = make()
            self.cache.set(f"item:{tag}:{number}", value, ttl, version=version)
        return value

    def _version(self, tags: Sequence[str]) -> str:
        """Return what stands now; it is used for the write too, so a flush meanwhile counts."""
        if len(tags) == 1:
            return str(self.cache.get(f"version:{tags[0]}", 1))
        names = [f"version:{tag}" for tag in tags]
        found = self.cache.get_many(names)
        return ".".join(str(found.get(name, 1)) for name in names)

    def flush(self, tag: str) -> None:
        self.cache.add(f"version:{tag}", 1, None)
        self.cache.incr(f"version:{tag}")

    def fill(self, tag: str, count: int) -> None:
        self.read(tag, 0, lambda: "value")
        lead = f":{self._version([tag])}:item:{tag}:"
        self.copy(f"{lead}0", lead, count)

    def untagged(self) -> Make:
        self.cache.set("item:untagged", VALUE, TTL)
        return lambda: self.cache.get("item:untagged")


FLUSH = """
for _, key in ipairs(KEYS) do
    redis.call('DEL', key)
    redis.call('ZREM', ARGV[1], key)
end
"""


class Laravel(Subject):
    """Laravel's design for Redis, written here in Python: the design is measured, not Laravel.

    A sorted set for each tag holds the keys of its entries, scored by when they expire; a flush
    walks over it, and removes entries and members by a script for each 1000.
    """

    name, number, removes = "Laravel's design", 2, True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.script = self.raw.register_script(FLUSH)

    def _key(self, tag: str, number: int, more: Sequence[str] = ()) -> str:
        ids = "|".join(map(self._set, (tag, *more)))
        return f"{hashlib.sha1(ids.encode(), usedforsecurity=False).hexdigest()}:item:{number}"

    def _set(self, tag: str) -> str:
        return f"tag:{tag}:entries"

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        key = self._key(tag, number, more)
        data: Any = self.raw.get(key)
        if data is not None:
            return pickle.loads(data)
        value = make()
        self.raw.setex(key, ttl, pickle.dumps(value))
        for name in (tag, *more):
            self.raw.zadd(self._set(name), {key: int(time.time()) + ttl})
        return value

    def flush(self, tag: str) -> None:
        chunk: list[bytes] = []
        for member, _ in self.raw.zscan_iter(self._set(tag), count=1000):
            chunk.append(member)
            if len(chunk) == 1000:
                self.script(chunk, [self._set(tag)])
                chunk = []
        if chunk:
            self.script(chunk, [self._set(tag)])

    def fill(self, tag: str, count: int) -> None:
        self.read(tag, 0, lambda: "value")
        first = self._key(tag, 0)
        self.copy(first, first[:-1], count, "sorted", self._set(tag))

    def prune(self, later: int) -> bool:
        """Do what ``cache:prune-stale-tags`` does: remove the members that are due."""
        for key in self.raw.scan_iter(match="tag:*:entries", count=1000):
            self.raw.zremrangebyscore(key, 0, int(time.time()) + later)
        return True

    def untagged(self) -> Make:
        self.raw.setex("item:untagged", TTL, pickle.dumps(VALUE))

        def get() -> Any:
            data: Any = self.raw.get("item:untagged")
            return pickle.loads(data)

        return get
