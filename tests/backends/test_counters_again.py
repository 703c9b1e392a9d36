"""A counter whose envelope was verified a moment ago is not verified again: and never believed."""

from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache

from django_cachekit.backends import numbers
from django_cachekit.backends.base import Names
from django_cachekit.backends.entries import Entries
from django_cachekit.codecs import build
from django_cachekit.core import clock as moment
from django_cachekit.core.entry import Entry
from django_cachekit.testing.clock import Clock

EPOCH = 7


@pytest.fixture
def entries() -> Entries:
    chain = build({}, store_id="store", secret_keys=[b"secret" * 8])
    return Entries("default", Names(LocMemCache("", {})), chain)


@pytest.fixture
def name(entries: Entries) -> bytes:
    return entries.name("n", None)


def counter(entries: Entries, name: bytes, number: int, **more: Any) -> bytes:
    entry = Entry(number, 1_000_000.0, **more)
    return entries.counter(name, "n", entry, EPOCH).data


def test_only_the_number_may_differ(entries: Entries, name: bytes) -> None:
    data = counter(entries, name, 5)
    assert entries.load(name, data, EPOCH) == entries.load(name, data, EPOCH)
    more = numbers.join(numbers.split(name, data).envelope, 9)
    found = entries.load(name, more, EPOCH)
    assert found is not None
    assert found.value == 9
    for at in range(len(data) - 8):
        edited = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert entries.load(name, edited, EPOCH) is None
    for size in range(len(data)):
        assert entries.load(name, data[:size], EPOCH) is None


def test_not_under_another_name_or_epoch(entries: Entries, name: bytes) -> None:
    data = counter(entries, name, 5)
    other = entries.name("other", None)
    assert entries.load(name, data, EPOCH) is not None
    assert entries.load(other, counter(entries, other, 6), EPOCH) is not None
    assert entries.load(other, data, EPOCH) is None
    assert entries.load(name, data, EPOCH + 1) is None
    assert entries.load(name, data, EPOCH) is not None


def test_not_past_its_end(entries: Entries, name: bytes, clock: Clock) -> None:
    now = moment.now()
    data = counter(entries, name, 5, expires=now + 10)
    assert entries.load(name, data, EPOCH) is not None
    clock.advance(9.999)
    assert entries.load(name, data, EPOCH) is not None
    clock.advance(0.001)
    assert entries.load(name, data, EPOCH) is None
    assert not entries.unreadable


def test_what_is_handed_out_is_nobody_elses(entries: Entries, name: bytes) -> None:
    data = counter(entries, name, 5)
    first = entries.load(name, data, EPOCH)
    assert first is not None
    first.value, first.expires = 6, 0.0
    second = entries.load(name, data, EPOCH)
    assert second is not None
    second.fresh, second.value = 1.0, 7
    third = entries.load(name, data, EPOCH)
    assert third is not None
    assert (third.value, third.fresh) == (5, None)
