"""The promise as a race: nothing computed before a flush is served after it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from django.test import override_settings

from django_cachekit.testing.conformance.aging_options import settled
from tests.placing import placed
from tests.stores import BY_NAME

from . import faults
from .bodies import OF_TAGS, RACES, Outcome, Race, among_processes, among_threads, race_on

TURNS = {
    "array": 3000,
    "locmem": 1500,
    "tagged-locmem": 700,
    "file": 300,
    "django-file": 200,
    "postgresql": 150,
    "mariadb": 150,
    "dynamodb": 100,
    "dynamodb-sealed": 50,
    "memcached": 400,
    "memcached-pool": 300,
    "redis": 200,
    "redis-cluster": 150,
}

SHARED = ["file", "postgresql", "mariadb", "memcached", "memcached-pool", "redis"]
"""Those that processes race over."""

PARTS = {"tag": 1, "alias": 3}
"""By what the turns are divided for a race; for others by ten."""


@pytest.fixture(params=list(TURNS))
def name(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with placed(BY_NAME[request.param], request, tmp_path):
        yield request.param
        settled()


def turns(name: str, race: Race) -> int:
    """Return how often a test flushes."""
    return TURNS[name] // PARTS.get(race.name, 10)


@pytest.mark.parametrize("race", [RACES[race] for race in OF_TAGS], ids=lambda race: race.name)
def test_threads_never_read_past_a_flush(name: str, race: Race) -> None:
    assert among_threads(race, turns(name, race)).late == []


@pytest.mark.parametrize("which", ["emptied", "forget", "many"])
def test_threads_never_read_past_what_removes_a_plain_key(name: str, which: str) -> None:
    race = race_on(name, which)
    assert among_threads(race, turns(name, race)).late == []


@pytest.mark.parametrize(
    "race", [RACES[race] for race in ("tag", "alias", "aged")], ids=lambda race: race.name
)
@pytest.mark.parametrize("name", SHARED, indirect=True)
def test_processes_never_read_past_a_flush(name: str, race: Race) -> None:
    assert among_processes(race, turns(name, race)).late == []


@pytest.mark.parametrize(
    "race",
    [RACES[race] for race in ("tag", "found", "joint", "emptied", "forget", "put", "many")],
    ids=lambda race: race.name,
)
@pytest.mark.parametrize("name", SHARED, indirect=True)
def test_processes_whose_clocks_are_an_hour_off_never_read_past_one(name: str, race: Race) -> None:
    assert among_processes(race, TURNS[name] // 5, hours=(1, -1)).late == []


Racing = Callable[[Race, int], Outcome]
Fault = Callable[[], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("race", "fault", "store", "racing"),
    [
        ("tag", faults.stamp_taken_when_storing, "array", among_threads),
        ("aged", faults.stamp_taken_when_storing, "array", among_threads),
        ("soft", faults.stamp_taken_when_storing, "array", among_threads),
        ("emptied", faults.epoch_not_compared, "locmem", among_threads),
        ("found", faults.flushes_not_compared, "array", among_threads),
        ("joint", faults.joint_before_not_asked, "array", among_threads),
        ("forget", faults.flights_not_revoked, "locmem", among_threads),
        ("forget", faults.written_if_absent, "file", among_processes),
        ("put", faults.written_anyhow, "file", among_processes),
        ("many", faults.written_anyhow, "file", among_processes),
    ],
)
def test_the_race_finds_a_known_fault(
    race: str, fault: Fault, store: str, racing: Racing, tmp_path: Path
) -> None:
    """The same race with a known fault, or it could be blind."""
    late: Sequence[object] = ()
    with override_settings(CACHES=BY_NAME[store].caches(tmp_path)), fault():
        for _ in range(50):
            late = late or racing(RACES[race], TURNS[store]).late
    assert late
