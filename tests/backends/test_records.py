"""Tags' records: bytes that were verified once are not again, and no others pass for them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends import entries
from django_cachekit.core.bounded import Bounded
from django_cachekit.core.clock import now
from django_cachekit.core.entry import Entry
from django_cachekit.core.marks import fresh
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import BY_NAME


@pytest.fixture
def held(tmp_path: Path) -> Iterator[entries.Entries]:
    """Give what reads the entries of a sealed store."""
    with override_settings(CACHES=BY_NAME["file"].caches(tmp_path)):
        driver: Any = caches["default"].cachekit_driver  # type: ignore[attr-defined]  # it is ours
        yield driver.entries


@pytest.fixture
def verified(held: entries.Entries, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return the names of what is verified, as it is."""
    seen, loads = list[bytes](), held.chain.loads

    def noted(name: bytes, data: bytes, epoch: int = 0) -> Entry:
        seen.append(name)
        return loads(name, data, epoch)

    monkeypatch.setattr(held.chain, "loads", noted)
    return seen


def made(held: entries.Entries, tag: str, expires: float | None = None) -> tuple[bytes, bytes]:
    """Return the name and the bytes of a tag's record."""
    name = held.of_tags((tag,))[tag]
    return name, held.chain.dumps(name, Entry(fresh(), 1.0, expires), 7)


def test_the_same_bytes_are_verified_once(held: entries.Entries, verified: list[bytes]) -> None:
    name, data = made(held, "a")
    first = held.record(name, data, 7)
    assert first is not None
    assert held.record(name, bytes(bytearray(data)), 7) is first
    assert verified == [name]


def test_others_do_not_pass_for_them(held: entries.Entries, verified: list[bytes]) -> None:
    name, data = made(held, "a")
    other, others = made(held, "b")
    spoilt = data[:-1] + bytes([data[-1] ^ 1])
    for _ in range(2):
        assert held.record(name, data, 7) is not None
        assert held.record(name, data, 8) is None  # of a time that a flush has ended
        assert held.record(name, spoilt, 7) is None
        assert held.record(name, others, 7) is None  # another's
        assert held.record(other, data, 7) is None
    assert held.record(name, data, 7) is not None
    assert len(verified) == 9  # what could not be read was looked at each time


def test_newer_ones_take_their_place(held: entries.Entries) -> None:
    name, old = made(held, "a")
    _, new = made(held, "a")
    values = [(held.record(name, data, 7) or Entry(b"", 0)).value for data in (old, new, old, new)]
    assert values[0] == values[2] != values[1] == values[3]


def test_what_expires_is_verified_each_time(
    held: entries.Entries, verified: list[bytes], clock: Clock
) -> None:
    name, data = made(held, "a", expires=now() + 10)
    assert held.record(name, data, 7) is not None
    clock.advance(11)
    assert held.record(name, data, 7) is None
    assert len(verified) == 2


def test_they_are_bounded(held: entries.Entries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_verified", Bounded(3))
    monkeypatch.setattr(held, "_tags", Bounded(3))
    for number in range(10):
        name, data = made(held, str(number))
        assert held.record(name, data, 7) is not None
    assert len(held._verified) == len(held._tags) == 3
    held.of_tags(("x" * entries.LONGEST, "y"))
    assert ("x" * entries.LONGEST, "y") not in held._tags._pairs


STORES = ["file", "redis", "redis-sealed", "memcached", "database", "postgresql", "dynamodb"]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Give a driver of bytes, which is the default alias's."""
    with placed(BY_NAME[request.param], request, tmp_path):
        yield caches["default"].cachekit_driver  # type: ignore[attr-defined]  # it is ours


def test_a_record_is_verified_once_while_it_stays(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.tags("a", "b").put("key", 1, 600)
    cache.tags("a", "b").put("other", 2, 600)
    assert cache.get("key") == 1
    seen, loads = list[bytes](), store.chain.loads

    def noted(name: bytes, data: bytes, epoch: int = 0) -> Entry:
        seen.append(name)
        found: Entry = loads(name, data, epoch)
        return found

    monkeypatch.setattr(store.chain, "loads", noted)
    assert cache.get("key") == 1
    assert cache.many(["key", "other"]) == {"key": 1, "other": 2}
    assert len(seen) == 3  # the entries, and no record
    cache.tags("b").flush()
    seen.clear()
    assert cache.get("key") is None
    assert len(seen) == 2  # the entry and the new record
    cache.flush()
    cache.tags("a", "b").put("key", 3, 600)
    assert cache.get("key") == 3
