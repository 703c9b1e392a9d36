"""Time that stands still until it is moved, in every store that asks this process."""

import asyncio
import time
import unittest
import warnings
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends import db
from django.core.cache.backends.locmem import LocMemCache
from django.test import SimpleTestCase, override_settings

from django_cachekit import cache
from django_cachekit.core import clock
from django_cachekit.signals import lock_acquired
from django_cachekit.testing import ServerTimeWarning, Time, frozen_time, override_cache

NEW_YEAR = 1893456000.0  # 2030-01-01 00:00 UTC

WHEN: dict[str, Any] = {
    "a datetime": datetime(2030, 1, 1, tzinfo=timezone.utc),
    "one of another zone": datetime(2030, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    "a naive one": datetime(2030, 1, 1),
    "seconds": NEW_YEAR,
    "text": "2030-01-01 00:00",
    "text with an offset": "2030-01-01T01:00:00+01:00",
    "a day": "2030-01-01",
}


@pytest.mark.parametrize("when", WHEN)
def test_at(when: str) -> None:
    with frozen_time(WHEN[when]) as held:
        assert clock.now() == time.time() == held.now() == NEW_YEAR
        held.advance(timedelta(minutes=1))
        assert clock.now() == time.time() == NEW_YEAR + 60
        held.advance_to("2030-01-01 00:02")
        assert clock.now() == NEW_YEAR + 120
    assert abs(clock.now() - time.time()) < 1 < NEW_YEAR - clock.now()


def test_text_that_is_no_moment() -> None:
    with pytest.raises(ValueError, match=r"'soon' is no moment"), frozen_time("soon"):
        pass


def test_time_does_not_go_back() -> None:
    with frozen_time(NEW_YEAR) as held:
        with pytest.raises(ValueError, match=r"does not go back"):
            held.advance(-1)
        with pytest.raises(ValueError, match=r"does not go back"):
            held.advance_to("2029-01-01")


def test_it_stands_still_or_ticks() -> None:
    with frozen_time():
        assert clock.now() == clock.now()
    with frozen_time(NEW_YEAR, tick=True) as held:
        first = clock.now()
        while clock.now() == first:
            pass
        held.advance(60)
        assert NEW_YEAR + 60 < held.now() < NEW_YEAR + 120


@pytest.mark.parametrize(
    "stored",
    [
        "array",
        "locmem",
        "file",
        "django-file",
        "django-db",
        "database",
        "redis",
        "memcached",
        "postgresql",
        "dynamodb",
    ],
    indirect=True,
)
def test_values_age_in(stored: str) -> None:
    counts = stored not in ("locmem", "django-file", "django-db")
    with frozen_time() as held:
        cache.put_many({"short": 1, "long": 1}, 60)
        cache.touch("long", 600)
        caches["default"].set("plain", 1, 60)
        cache.tags("t").put("tagged", 1, 60)
        if counts:
            cache.increment("number", ttl=60)
        keys = ["short", "long", "plain", "tagged", *(["number"] if counts else [])]
        held.advance(59)
        assert all(cache.has(key) for key in keys)
        held.advance(2)
        assert [key for key in keys if cache.has(key)] == ["long"]
        assert caches["default"].get("plain") is None
        held.advance(600)
        assert not cache.has("long")


def test_locks_and_leases_age(array: None) -> None:
    with frozen_time() as held, warnings.catch_warnings():
        warnings.simplefilter("error")
        cache.lock("tea", 60).acquire()
        assert cache.lock("tea", 60).is_locked()
        held.advance(61)
        assert not cache.lock("tea", 60).is_locked()


def test_who_waits_for_a_lock_is_not_stopped(array: None) -> None:
    from django_cachekit.errors import LockTimeout

    with frozen_time():
        cache.lock("tea", 60).acquire()
        with pytest.raises(LockTimeout):
            cache.lock("tea", 60).block(0.05)


@pytest.mark.parametrize("stored", ["file", "database", "redis"], indirect=True)
def test_whose_locks_do_not_age_is_told(stored: str) -> None:
    with frozen_time() as held:
        held.advance(1)
        cache.lock("tea", 60).acquire()
        if stored == "file":
            held.advance(61)
            return
        with pytest.warns(
            ServerTimeWarning, match=r"The locks of 'default' \(\S+\) end by the serv"
        ):
            held.advance(61)
    assert cache.lock("tea", 60).is_locked()


class Elsewhere(LocMemCache):
    """Stand for a store on a server: it is none of those that are known to ask this process."""


class Apart(LocMemCache):
    """Be known to ask this process, as its base is."""


@pytest.mark.parametrize("plain", [True, False])
def test_which_store_keeps_its_own_time_is_told(
    plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_cachekit.testing import clock as testing

    known = (*testing.OF_DJANGO[1:], Apart)
    monkeypatch.setattr(testing, "OF_DJANGO", known)
    for kind, told in (("Elsewhere", 1), ("Apart", 0)):
        config = {"BACKEND": f"tests.testing.test_time.{kind}"}
        with override_settings(CACHES={"default": config}), frozen_time() as held:
            held.advance(1)  # nobody has asked it yet
            (caches["default"] if plain else cache).get("tea")
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                held.advance(1)
            assert [w.category for w in seen] == [ServerTimeWarning] * told
            if told:
                assert str(seen[0].message).startswith("tests.testing.test_time.Elsewhere keeps ti")
                assert seen[0].filename == __file__


def test_all_is_as_it_was(array: None) -> None:
    places = [(time, "time"), (clock, "now"), (clock, "monotonic"), (db, "tz_now")]
    before = [getattr(*place) for place in places], list(lock_acquired.receivers)
    with frozen_time():
        assert lock_acquired.receivers
        assert all(getattr(*place) is not old for place, old in zip(places, before[0], strict=True))
    assert ([getattr(*place) for place in places], lock_acquired.receivers) == before


def test_blocks_in_blocks(array: None) -> None:
    with frozen_time(NEW_YEAR) as outer:
        outer.advance(60)
        with frozen_time() as inner:
            inner.advance(5)
            assert clock.now() == NEW_YEAR + 65
        assert clock.now() == NEW_YEAR + 60
        with frozen_time("2040-01-01"):
            assert clock.now() > NEW_YEAR * 1.1
    assert clock.now() < NEW_YEAR


def test_functions(array: None) -> None:
    @frozen_time(NEW_YEAR, kwarg_name="held")
    def work(held: Any) -> float:
        held.advance(1)
        return clock.now()

    @frozen_time(NEW_YEAR, kwarg_name="held")
    async def awaited(held: Any) -> float:
        await cache.aput("tea", "Assam", 60)
        held.advance(61)
        assert await cache.aget("tea") is None
        return clock.now()

    assert work() == work() == NEW_YEAR + 1  # type: ignore[call-arg]  # the decorator gives it
    assert asyncio.run(awaited()) == NEW_YEAR + 61  # type: ignore[call-arg]  # as before


@override_cache()
@frozen_time(NEW_YEAR, attr_name="time")
class Decorated(SimpleTestCase):
    time: Time

    def test_one(self) -> None:
        assert clock.now() == NEW_YEAR
        cache.put("tea", "Assam", 60)
        self.time.advance(61)
        assert cache.get("tea") is None

    test_two = test_one


def test_a_class_has_it_around_each_test() -> None:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Decorated).run(result)
    assert (result.testsRun, result.failures, result.errors) == (2, [], [])


def test_time_machine_moves_values(array: None) -> None:
    machine = pytest.importorskip("time_machine")
    with machine.travel(NEW_YEAR, tick=False) as traveller:
        assert clock.now() == NEW_YEAR
        cache.put("tea", "Assam", 60)
        traveller.shift(61)
        assert cache.get("tea") is None
        with frozen_time() as held:
            held.advance(1)
            assert clock.now() == NEW_YEAR + 62


def test_freezegun_moves_values(array: None) -> None:
    freezegun = pytest.importorskip("freezegun")
    with freezegun.freeze_time("2030-01-01") as frozen:
        assert clock.now() == NEW_YEAR
        cache.put("tea", "Assam", 60)
        frozen.tick(61)
        assert cache.get("tea") is None
