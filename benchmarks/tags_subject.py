"""What is compared: a way to have tags, and what every such way has to offer here.

A subject keeps entries named by a tag and a number, may be asked for one, and is told that what a
tag stands for has changed. ``fill`` puts many entries there fast: one through the library itself,
and copies of what it wrote, under the names and in the sets where the library would have put them.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import redis

TTL = 600
STEP = 10_000
PATIENCE = 120
"""Seconds: a flush may take longer than the 5 that redis-py waits of itself."""

Make = Callable[[], Any]

COPY = """
local data = redis.call('GET', KEYS[1])
local due = redis.call('TIME')[1] + ARGV[4]
for number = ARGV[2], ARGV[3] do
    local key = ARGV[1] .. number
    redis.call('SET', key, data, 'EX', ARGV[4])
    if ARGV[5] == 'set' then redis.call('SADD', KEYS[2], key) end
    if ARGV[5] == 'sorted' then redis.call('ZADD', KEYS[2], due, key) end
end
"""
"""What ``fill`` does in the server: copies of one entry, noted in the set of its tag."""


class Place(NamedTuple):
    """Say where the Redis is and the file of the SQLite with the data, and Django's SECRET_KEY."""

    redis: str
    database: str
    secret: str


def never() -> Any:
    """Be the computation of what has to be there."""
    raise AssertionError("It was computed, and should have been there.")


def repeated(call: Make) -> Callable[[int], None]:
    """Return what calls so many times."""

    def many(turns: int) -> None:
        for _ in range(turns):
            call()

    return many


class Subject:
    """Be one way to invalidate by tags; every subject has a database of the Redis to itself."""

    name: str
    number: int
    removes = False
    """Whether a flush removes the entries, which else lie dead until they expire."""
    finds_copies = True
    """Whether ``read`` finds the copies that ``fill`` made too: they have the names it asks for."""
    variant = False
    """Whether it is a subject's other option, of which only one thing is measured."""

    entries: bytes = b"item:"
    """What the keys of its entries, and no other keys of its, contain."""

    def __init__(self, place: Place) -> None:
        self.url = f"{place.redis}/{self.number}"
        self.raw = redis.Redis.from_url(self.url, socket_timeout=PATIENCE)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Have its settings in force, where it shares them with another subject."""
        yield

    def read(
        self, tag: str, number: int, make: Make, ttl: int = TTL, more: Sequence[str] = ()
    ) -> Any:
        """Return the entry, made and stored if it is not there."""
        raise NotImplementedError

    def flush(self, tag: str) -> None:
        """Say that what the tag stands for has changed."""
        raise NotImplementedError

    def fill(self, tag: str, count: int) -> None:
        """Have entries 0 to ``count``; only the first need be one that ``read`` finds."""
        raise NotImplementedError

    def prune(self, later: int) -> bool:
        """Do what there is against leftovers, so many seconds later; False if there is nothing."""
        return False

    def hits(self, tags: Sequence[str]) -> Callable[[int], None]:
        """Return what reads, so many times, an entry that is there and bears these tags."""
        if tags:
            return repeated(lambda: self.read(tags[0], 0, never, more=tags[1:]))
        return repeated(self.untagged())

    def untagged(self) -> Make:
        """Return the read of an entry without tags, by the same library."""
        raise NotImplementedError

    def copy(self, first: str, many: str, count: int, kind: str = "", noted: str = "") -> None:
        """Copy one entry in the server, numbers 1 to ``count``."""
        script = self.raw.register_script(COPY)
        for start in range(1, count, STEP):
            end = min(start + STEP, count) - 1
            script([first, noted or "-"], [many, start, end, TTL, kind])

    def bookkeeping(self) -> list[bytes]:
        """Return all keys that hold no entry."""
        return [key for key in self.raw.scan_iter(count=1000) if self.entries not in key]
