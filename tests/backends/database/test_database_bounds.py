"""How large the database store grows, and what goes first."""

from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit.backends.sql.bounds import Bounds
from tests.conftest import Clock

from .helping import Look, config, driver_of, queries, tables


def test_what_expired_goes_first_then_the_soonest_to_expire(look: Look, clock: Clock) -> None:
    with tables(default=config(MAX_ENTRIES=4, TIMEOUT=None)):
        cache = caches["default"]
        cache.set("dead", 1, 5)
        for number in range(1, 5):
            cache.set(f"lives{number}", number, 100 * number)
        cache.set_many({"ever1": 1, "ever2": 1})
        clock.advance(6)

        assert driver_of().table.prune() == 3
        assert set(cache.get_many([f"lives{number}" for number in range(5)])) == {
            "lives3",
            "lives4",
        }
        assert set(cache.get_many(["ever1", "ever2"])) == {"ever1", "ever2"}
        assert driver_of().table.prune() == 0


def test_what_never_expires_goes_when_nothing_else_is_left(look: Look) -> None:
    with tables(default=config(MAX_ENTRIES=700, TIMEOUT=None)):
        cache = caches["default"]
        cache.set_many({f"ever{number}": 1 for number in range(1300)})
        cache.set_many({f"soon{number}": 1 for number in range(100)}, 60)

        assert driver_of().table.prune() == 700
        assert look.count() == 700
        assert cache.get("soon5") is None
        assert look("SELECT COUNT(*) FROM cache WHERE name = 'epoch'") == [(1,)]


def test_bytes_are_bounded(look: Look) -> None:
    with tables(default=config(MAX_BYTES=50_000)):
        cache = caches["default"]
        for number in range(10):
            cache.set(f"k{number}", "x" * 9_000, 100 + number)
        driver_of().table.prune()

        assert [key for key in map("k{}".format, range(10)) if key in cache] == [
            f"k{number}" for number in range(5, 10)
        ]
        (size,) = look("SELECT SUM(LENGTH(value)) FROM cache WHERE name <> 'epoch'")[0]
        assert size <= 50_000


def test_without_bounds_only_the_dead_go(look: Look, clock: Clock) -> None:
    with tables(default=config(MAX_ENTRIES=None)):
        cache = caches["default"]
        cache.set("dead", 1, 5)
        cache.set("lives", 1, 50)
        clock.advance(6)

        assert queries(driver_of().table.prune) == ["DELETE"]
        assert look.count() == 1
        assert cache.get("lives") == 1


def test_neighbours_in_the_table_are_left_alone(look: Look, clock: Clock) -> None:
    with tables(default=config(MAX_ENTRIES=1), other=config()):
        caches["default"].set_many({"a": 1, "b": 1})
        caches["other"].set("a", 1, 5)
        clock.advance(6)

        assert driver_of().table.prune() == 1
        assert look.count() == 2


@pytest.mark.parametrize(
    ("entries", "every"),
    [(1, 1), (40, 2), (1000, 50), (100_000, 1000), (10**7, 1000), (None, 1000)],
)
def test_how_often_the_bounds_are_looked_at(entries: int | None, every: int) -> None:
    bounds = Bounds(entries)
    bounds.dice = lambda: 0.5

    assert bounds.every == every
    assert not bounds.due(every // 2)
    assert bounds.due(every // 2 + 1)


def test_a_set_looks_only_when_the_dice_say_so(look: Look) -> None:
    with tables(default=config(MAX_ENTRIES=100)):
        cache = caches["default"]
        cache.set("a", 1)
        driver_of().table.bounds.dice = lambda: 0.19

        assert queries(lambda: cache.set("a", 2)) == ["INSERT", "DELETE", "SELECT"]
        driver_of().table.bounds.dice = lambda: 0.21
        assert queries(lambda: cache.set("a", 3)) == ["INSERT"]
        assert queries(lambda: cache.set_many({"b": 1, "c": 1})) == ["INSERT", "DELETE", "SELECT"]


def test_a_full_cache_stays_near_its_bound(look: Look) -> None:
    """With real dice, from first to last."""
    with tables(default=config(MAX_ENTRIES=100)):
        driver = driver_of()
        driver.table.bounds.dice = Bounds().dice
        largest = 0
        for number in range(600):
            caches["default"].set(f"k{number}", 1)
            largest = max(largest, look.count()) if number % 10 == 0 else largest

        assert 50 < largest < 200


def test_add_and_incr_count_as_writes_only_where_they_make_a_row(look: Look) -> None:
    with tables(default=config()):
        cache: Any = caches["default"]
        cache.set("n", 1)
        driver_of().table.bounds.dice = lambda: 0.0

        swapped = ["SELECT", "UPDATE"]
        counted = swapped if look.vendor == "mysql" else ["UPDATE", *swapped]
        assert queries(lambda: cache.incr("n")) == counted
        assert queries(lambda: cache.add("n", 1)) == ["INSERT", "SELECT"]
        assert queries(lambda: cache.add("m", 1)) == ["INSERT", "DELETE", "SELECT"]
