"""Where the tags are guessed: at least 99 of 100 reads in steady use take one trip."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.core.bounded import Bounded
from tests.faultproxy import FaultProxy

from .counting import Counting

KEYS = 3000
TAGS = [f"tag{number}" for number in range(50)]
READS = 5000
PROCESSES = 2


def popular() -> Iterator[int]:
    """Give numbers of keys as they are asked for in life: few often, many seldom (Zipf)."""
    chance = random.Random(7)
    weights = list(accumulate(1 / (rank + 1) for rank in range(KEYS)))
    while True:
        yield chance.choices(range(KEYS), cum_weights=weights)[0]


class Process:
    """Know what one process knows: the tags that it met."""

    def __init__(self) -> None:
        self.known: Any = Bounded(10_000)

    def run(self) -> None:
        """Be the process that acts."""
        stack = cache._home.stack()
        stack.driver.guesses = self.known
        for layer in stack.layers:
            if hasattr(layer, "guesses"):
                layer.guesses = self.known


class Life:
    """Let processes read, write under tags that change now and then, and flush."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.chance = random.Random(11)
        self.keys = popular()
        self.sets = [self.chance.sample(TAGS, self.chance.randint(1, 3)) for _ in range(100)]
        self.bears = {number: self.tags() for number in range(KEYS)}
        self.processes = [Process() for _ in range(PROCESSES)]
        self.proxy = proxy
        self.trips = Counter[int]()
        self.wrong = 0

    def tags(self) -> list[str]:
        return self.chance.choice(self.sets)

    def begin(self) -> None:
        """Store everything, and let each process meet it once."""
        for tags in self.sets:
            numbers = [number for number, borne in self.bears.items() if borne is tags]
            cache.tags(*tags).put_many({f"key{number}": number for number in numbers}, 600)
        for process in self.processes:
            process.run()
            for start in range(0, KEYS, 500):
                cache.many([f"key{number}" for number in range(start, start + 500)])

    def step(self) -> None:
        """Read a key in one of the processes, and store it if it is gone, or was changed."""
        self.chance.choice(self.processes).run()
        if self.chance.random() < 0.01:
            cache.tags(self.chance.choice(TAGS)).flush()
        number = next(self.keys)
        before = self.proxy.counts.round_trips
        found = cache.get(f"key{number}")
        self.trips[self.proxy.counts.round_trips - before] += 1
        self.wrong += found not in (None, number)
        if found is None or self.chance.random() < 0.1:
            if self.chance.random() < 0.05:
                self.bears[number] = self.tags()
            cache.tags(*self.bears[number]).put(f"key{number}", number, 600)


@pytest.mark.parametrize("asked", ["redis", "memcached"], indirect=True)
def test_at_least_99_in_100_take_one_trip(asked: Counting) -> None:
    """One read in ten changes a value, one change in twenty its tags; one flush in 100 reads."""
    assert asked.proxy is not None
    life = Life(asked.proxy)
    life.begin()
    for _ in range(READS):
        life.step()
    assert life.wrong == 0
    assert sum(life.trips.values()) == life.trips[1] + life.trips[2] == READS
    assert life.trips[1] >= 0.99 * READS
    assert life.trips[2] > 0  # tags did change: the guesses were put to the test
