"""A day of churn, after which the index holds nothing that is not there."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit import cache
from django_cachekit.backends.indexing import ROOT
from django_cachekit.core import clock as time
from django_cachekit.core.faces import BLOCKING, run_now
from tests.placing import placed
from tests.stores import BY_NAME

from .conftest import indexed

STEPS = 3000
KEYS = 1500
TAGS = [f"tag{number}" for number in range(12)]
DAY = 24 * 3600

Model = dict[str, tuple[tuple[str, ...], float | None]]
"""What should be there: for each key its tags, and when it expires."""


def members(driver: Any, label: bytes) -> set[bytes]:
    """Return what the index holds under a label, dead or alive."""

    async def walk() -> set[bytes]:
        return {place.member async for page in driver.rack.walk(BLOCKING, label) for place in page}

    return run_now(walk())


def held(driver: Any) -> dict[bytes, set[bytes]]:
    """Return all members of the index, by label."""
    found = {label: members(driver, label) for label in members(driver, ROOT)}
    return {label: some for label, some in found.items() if some}


def wanted(driver: Any, model: Model) -> dict[bytes, set[bytes]]:
    """Return the members that the index should hold."""
    found: dict[bytes, set[bytes]] = {}
    for key, (tags, _) in model.items():
        for tag in tags:
            found.setdefault(driver.label(tag), set()).add(driver._member(key, 1))
    return found


class Stopped:
    """Be a clock that stands still, so that what is expected and what is there agree."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.moved = 0.0
        patch.setattr(time, "now", lambda: 1_800_000_000 + self.moved)

    def advance(self, seconds: float) -> None:
        self.moved += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    """Move time by hand."""
    return Stopped(monkeypatch)


class Churn:
    """Do to a store what a day does, and keep in mind what should be there."""

    def __init__(self, clock: Stopped, seed: int) -> None:
        self.clock = clock
        self.dice = random.Random(seed)
        self.model: Model = {}
        self.noted = 0

    def step(self) -> None:
        """Do one thing."""
        acts = (self.put, self.forget, self.touch, self.other, self.flush, self.wait, self.pull)
        act: Callable[[], None] = self.dice.choices(acts, (50, 12, 10, 12, 0.4, 10, 5))[0]
        act()
        now = self.clock.moved
        self.model = {k: v for k, v in self.model.items() if v[1] is None or v[1] > now}

    def key(self) -> str:
        return f"key{self.dice.randrange(KEYS)}"

    def ttl(self) -> float | None:
        return self.dice.choice([30.0, 600.0, 7200.0, None])

    def put(self) -> None:
        tags = tuple(self.dice.sample(TAGS, self.dice.randrange(1, 4)))
        ttl, size = self.ttl(), self.dice.choice([1, 1, 1, 5])
        keys = [self.key() for _ in range(size)]
        assert cache.tags(*tags).put_many(dict.fromkeys(keys, "v" * 20), ttl) is True
        ends = None if ttl is None else self.clock.moved + ttl
        self.model.update(dict.fromkeys(keys, (tags, ends)))
        self.noted += len(set(keys)) * len(tags)

    def forget(self) -> None:
        key = self.key()
        assert cache.forget(key) is (self.model.pop(key, None) is not None)

    def pull(self) -> None:
        key = self.key()
        assert (cache.pull(key) is not None) is (self.model.pop(key, None) is not None)

    def touch(self) -> None:
        key, ttl = self.key(), self.ttl()
        there = self.model.get(key)
        assert cache.touch(key, ttl) is (there is not None)
        if there is not None:
            self.model[key] = there[0], None if ttl is None else self.clock.moved + ttl

    def other(self) -> None:
        """Let another process do something, of which this one does not know."""
        driver: Any = caches["default"]
        if driver.cachekit_driver.book is not None:
            driver.cachekit_driver.book.clear()
        if self.dice.random() < 0.5:
            key = self.key()
            cache.put(key, "plain", 600)
            self.model[key] = (), self.clock.moved + 600

    def flush(self) -> None:
        tag = self.dice.choice(TAGS)
        cache.tags(tag).flush()
        self.model = {key: value for key, value in self.model.items() if tag not in value[0]}

    def wait(self) -> None:
        self.clock.advance(self.dice.uniform(0, 2.4 * DAY / (STEPS / 10)))


STORES = ["array", "database", "database-sealed", "redis", "redis-sealed"]


@pytest.mark.parametrize("name", STORES)
def test_a_day_of_churn_leaves_no_orphans(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, clock: Stopped
) -> None:
    with placed(indexed(BY_NAME[name]), request, tmp_path):
        cache.flush()
        churn = Churn(clock, seed=7)
        for number in range(STEPS):
            churn.step()
            if number % 500 == 499:
                listed_as_it_should_be(churn.model)
        backend: Any = caches["default"]
        driver = backend.cachekit_driver
        assert churn.clock.moved > DAY
        if getattr(driver, "rack", None) is not None:
            before = sum(map(len, held(driver).values()))
            assert before < churn.noted / 2
            cache.prune()
            assert held(driver) == wanted(driver, churn.model)
        listed_as_it_should_be(churn.model)
        clock.advance(DAY)
        cache.flush()
        if getattr(driver, "rack", None) is not None:
            assert held(driver) == {}


def listed_as_it_should_be(model: Model) -> None:
    """Compare what each tag's scope lists with what should be there."""
    for tag in TAGS:
        keys = sorted(key for key, (tags, _) in model.items() if tag in tags)
        assert sorted(cache.tags(tag).keys()) == keys


@pytest.mark.parametrize("name", STORES[1:])
def test_what_is_removed_is_taken_out_whoever_had_written_it(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, clock: Stopped
) -> None:
    with placed(indexed(BY_NAME[name]), request, tmp_path):
        cache.flush()
        backend: Any = caches["default"]
        driver = backend.cachekit_driver
        cache.tags("a", "b").put_many(dict.fromkeys("uvwxyz", 1), 600)
        cache.tags("a").forever("kept", 1)
        driver.book.clear()
        assert cache.pull("u") == 1
        assert cache.forget_many("vwxyz") == 5
        assert held(driver) == {driver.label("a"): {driver._member("kept", 1)}}


@pytest.mark.parametrize("name", STORES[1:])
def test_the_rarest_of_several_tags_is_walked_over(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with placed(indexed(BY_NAME[name]), request, tmp_path):
        cache.flush()
        cache.tags("common").put_many(dict.fromkeys(map(str, range(30)), 1), 600)
        cache.tags("common", "rare").put("key", 1, 600)
        backend: Any = caches["default"]
        driver = backend.cachekit_driver
        rarest = run_now(driver._rarest(BLOCKING, ("common", "rare")))
        assert rarest == driver.label("rare")


@pytest.mark.parametrize("name", STORES[1:])
def test_listing_lets_go_of_what_has_died(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, clock: Stopped
) -> None:
    with placed(indexed(BY_NAME[name]), request, tmp_path):
        cache.flush()
        backend: Any = caches["default"]
        driver = backend.cachekit_driver
        cache.tags("a").put_many(dict.fromkeys("uvw", 1), 60)
        cache.tags("a", "b").put_many(dict.fromkeys("xyz", 1), 600)
        driver.book.clear()
        cache.put("x", 1)
        cache.tags("b").flush()
        clock.advance(61)
        assert sum(map(len, held(driver).values())) == 9
        assert cache.tags("a").count() == 0
        # What is dead lies under its other tag still, until that is listed, or all is pruned.
        assert {label: len(some) for label, some in held(driver).items()} == {driver.label("b"): 3}
        assert cache.tags("b").count() == 0
        assert held(driver) == {}


def test_pruning_alone_empties_the_index_of_what_has_gone(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Stopped
) -> None:
    for name in STORES[1:]:
        with placed(indexed(BY_NAME[name]), request, tmp_path):
            cache.flush()
            backend: Any = caches["default"]
            driver = backend.cachekit_driver
            cache.tags("a", "b").put_many(dict.fromkeys(map(str, range(50)), 1), 60)
            cache.tags("a").put_many(dict.fromkeys("xyz", 1), None)
            assert sum(map(len, held(driver).values())) == 103
            cache.tags("a").flush()
            assert sum(map(len, held(driver).values())) == 103
            assert cache.prune() >= 53
            assert held(driver) == {}
            assert members(driver, ROOT) == set()
