"""What a type checker must see of the tools for tests; read by mypy and pyright, never run."""

from typing_extensions import assert_type

from django_cachekit.repository import Repository
from django_cachekit.testing import (
    CacheAssertions,
    CacheRecord,
    RoundTrips,
    Time,
    assert_cache,
    assert_round_trips,
    frozen_time,
    override_cache,
    record_cache,
    record_round_trips,
)


@override_cache(default={"BACKEND": "example.Cache"})
@frozen_time("2030-01-01")
@assert_cache(hits=1, misses=["tea"], store="default")
@assert_round_trips(at_most=1)
def blocking(number: int) -> str:
    return str(number)


@override_cache("default", off=True)
async def awaited(number: int) -> str:
    async with override_cache() as inside, frozen_time() as time:
        assert_type(inside, Repository)
        assert_type(time, Time)
    return str(number)


@override_cache(attr_name="cache")
class Tests(CacheAssertions):
    def test(self) -> None:
        with self.assertCache(hits=0) as record, self.assertRoundTrips(1) as trips:
            assert_type(record, CacheRecord)
            assert_type(trips, RoundTrips)


assert_type(blocking(1), str)
assert_type(Tests(), Tests)

with override_cache() as outside, record_cache() as told, record_round_trips() as made:
    assert_type(outside, Repository)
    assert_type(told.hits, list[str])
    assert_type(made.commands, list[str])


async def main() -> None:
    assert_type(await awaited(1), str)
