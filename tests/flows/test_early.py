"""An early refresh: before its end, behind everyone, and by one of the fleet."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends.array import Array
from django_cachekit.flows import options
from tests.stores import BY_NAME

from .fleet import Fleet

TTL, COST, STEP, PROCESSES, CYCLES = 30.0, 0.5, 0.25, 10, 20


@pytest.fixture(autouse=True)
def store(tmp_path: Path) -> Iterator[None]:
    """Give a store of which the simulated fleet is all there is."""
    with override_settings(CACHES=BY_NAME["array"].caches(tmp_path)):
        cache.flush()
        yield


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setattr(options, "random", random.Random(7))
    return Fleet(monkeypatch, PROCESSES, COST)


def run(fleet: Fleet, **given: Any) -> float:
    """Let some cycles pass; return how many computations there were in each."""
    asyncio.run(fleet.run(TTL * CYCLES, STEP, TTL, **given))
    return len(fleet.begun) / CYCLES


def test_one_computation_in_a_cycle_and_nobody_waits(fleet: Fleet) -> None:
    assert 1 <= run(fleet, early=1.0) <= 1.1
    assert fleet.most == 1
    assert fleet.late == fleet.cold


def test_without_a_lease_there_are_more_and_at_once(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Array, "claims", False)
    assert run(fleet, early=1.0) > 1.3
    assert fleet.most > 1


def test_without_it_everybody_waits_at_the_end_of_each_cycle(fleet: Fleet) -> None:
    assert run(fleet) <= 1.1
    assert fleet.late > CYCLES * fleet.cold / 2


def test_the_longer_it_takes_the_earlier_it_begins(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = run(fleet, early=1.0)
    cache.flush()
    eager = Fleet(monkeypatch, PROCESSES, COST)
    assert run(eager, early=8.0) > usual
    assert eager.most == 1
