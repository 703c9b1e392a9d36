"""The libraries for Python that are measured beside: cashews, and cacheops in its two modes."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import redis

from .setup import RECORD as VALUE
from .tags_subject import PATIENCE, TTL, Make, Place, Subject, never, repeated


class Cashews(Subject):
    """Cashews: a set for each tag holds the keys of its entries."""

    name, number, removes = "cashews", 3, True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        from cashews import Cache

        self.loop = asyncio.new_event_loop()
        self.cache = Cache()
        self.cache.setup(self.url)
        self.make: Make = never

        @self.cache(ttl=TTL, key="item:{tag}:{number}", tags=["group:{tag}"])
        async def report(tag: str, number: int) -> Any:
            return await asyncio.to_thread(self.make)  # it may ask the database

        self.report = report

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        if not more and ttl == TTL:
            self.make = make
            return self.loop.run_until_complete(self.report(tag, number))
        return self.loop.run_until_complete(self._read((tag, *more), number, make, ttl))

    async def _read(self, tags: Sequence[str], number: int, make: Make, ttl: int) -> Any:
        """Read by the "low level" verbs, for the decorator's ttl is fixed."""
        value = await self.cache.get(f"item:{tags[0]}:{number}")
        if value is None:
            value = make()
            names = [f"group:{tag}" for tag in tags]
            await self.cache.set(f"item:{tags[0]}:{number}", value, ttl, tags=names)
        return value

    def flush(self, tag: str) -> None:
        self.loop.run_until_complete(self.cache.delete_tags(f"group:{tag}"))

    def fill(self, tag: str, count: int) -> None:
        self.read(tag, 0, lambda: "value")
        lead = f"item:{tag}:"
        self.copy(f"{lead}0", lead, count, "set", f"_tag:group:{tag}")

    def hits(self, tags: Sequence[str]) -> Callable[[int], None]:
        key = f"item:{tags[0]}:0" if tags else "item:untagged"
        if not tags:
            self.loop.run_until_complete(self.cache.set(key, VALUE, TTL))

        async def many(turns: int) -> None:
            for _ in range(turns):
                await self.cache.get(key)

        return lambda turns: self.loop.run_until_complete(many(turns))


class Cacheops(Subject):
    """Cacheops: a set for each condition of a query holds the keys of what depends on it."""

    name, number, removes = "cacheops", 4, True
    entries = b"as:"
    finds_copies = False  # its keys are hashes, too slow to make
    inside_out = False
    keep_fresh = False

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.make: Make = never

        def report(number: int) -> Any:
            return self.make()

        self.report = report

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        from cacheops.conf import settings as theirs

        theirs.CACHEOPS_INSIDEOUT = self.inside_out
        try:
            yield
        finally:
            theirs.CACHEOPS_INSIDEOUT = False

    def _cached(self, tags: Sequence[str], ttl: int = TTL) -> Callable[[int], Any]:
        from cacheops import cached_as

        from .tags_data import Item

        samples = [Item.objects.filter(tag=tag) for tag in tags]
        cached: Callable[[int], Any] = cached_as(*samples, timeout=ttl, keep_fresh=self.keep_fresh)(
            self.report
        )
        return cached

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        self.make = make
        return self._cached((tag, *more), ttl)(number)

    def flush(self, tag: str) -> None:
        from cacheops import invalidate_obj

        from .tags_data import Item

        invalidate_obj(Item(pk=0, tag=tag, version=0))

    def fill(self, tag: str, count: int) -> None:
        from cacheops.utils import get_cache_key

        from .tags_data import Item

        self.read(tag, 0, lambda: "value")
        query = Item.objects.filter(tag=tag)._cache_key(prefix=False)
        lead = "in:" if self.inside_out else ""
        key = lead + "as:" + get_cache_key(self.report, (0,), {}, [query], None)
        kind = "" if self.inside_out else "set"
        self.copy(key, f"{lead}as:{tag}:", count, kind, f"conj:benchmarks_item:tag={tag}")

    def hits(self, tags: Sequence[str]) -> Callable[[int], None]:
        if not tags:
            return super().hits(tags)
        cached = self._cached(tags)
        self.make = never
        return repeated(lambda: cached(0))

    def untagged(self) -> Make:
        from cacheops import cached

        read: Make = cached(timeout=TTL)(lambda: VALUE)
        return read

    def bookkeeping(self) -> list[bytes]:
        mine = super().bookkeeping()
        return [key for key in mine if key.startswith(b"in:") == self.inside_out]

    def prune(self, later: int) -> bool:
        from cacheops.reaper import reap_conjs

        reap_conjs()
        return True


class KeepFresh(Cacheops):
    """Cacheops, told to notice an invalidation during the computation."""

    name, keep_fresh, variant = "cacheops, keep_fresh", True, True


class InsideOut(Cacheops):
    """Cacheops "insideout": a stamp for each condition, and a checksum of stamps in each entry."""

    name, number, removes, inside_out = "cacheops, insideout", 5, False, True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.raw = redis.Redis.from_url(f"{place.redis}/{Cacheops.number}", socket_timeout=PATIENCE)

    def prune(self, later: int) -> bool:
        return False


class InsideOutKeepFresh(InsideOut):
    """Both."""

    name, keep_fresh, variant = "cacheops, insideout, keep_fresh", True, True
