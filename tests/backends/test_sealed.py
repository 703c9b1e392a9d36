"""Entries that are not all of one epoch: what an engine gives as ``Sealed`` is read by its own."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache

from django_cachekit.backends.base import Names
from django_cachekit.backends.bytestore import Bytes
from django_cachekit.backends.engine import KEEP, Blob, Sealed
from django_cachekit.backends.rotation import rotate
from django_cachekit.codecs import Chain, build
from django_cachekit.core.faces import BLOCKING, Hop, run_now
from django_cachekit.core.operation import Kind, Operation, Stamp

KEYS = [
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8",
]


class Mixed:
    """An engine whose plain entries are of epoch 0, and whose computed ones are of its own."""

    hop = Hop.NONE
    lasting = True

    def __init__(self) -> None:
        self.now, self.blobs = 7, dict[bytes, Blob]()

    def epoch(self) -> int:
        return 0

    def read(self, names: Sequence[bytes]) -> tuple[int, dict[bytes, bytes]]:
        there = {name: self.blobs[name] for name in names if name in self.blobs}
        return self.now, {n: Sealed.under(b.data, b.epoch) for n, b in there.items()}

    def write(self, blobs: Mapping[bytes, Blob], epoch: int) -> None:
        self.blobs.update(blobs)

    def remove(self, names: Sequence[bytes]) -> None:
        for name in names:
            self.blobs.pop(name, None)

    def update(self, name: bytes, change: Any) -> Any:
        wanted, result = change(self.read([name])[1].get(name), self.now)
        if wanted is not KEEP:
            self.blobs[name] = wanted
        return result

    def clear(self) -> None:
        self.now += 1

    def scan(self) -> Iterator[tuple[bytes, bytes]]:
        yield from self.read(list(self.blobs))[1].items()


def chain(*keys: str) -> Chain:
    options = {"ENCRYPTION_KEYS": list(keys), "INDEX_KEY": KEYS[0][::-1]}
    return build(options, store_id="s", secret_keys=[])


@pytest.fixture
def driver() -> Bytes:
    return Bytes("mixed", Mixed, Names(BaseCache({})), Mixed(), chain(KEYS[1]))  # type: ignore[arg-type]  # a class that sends


def do(driver: Bytes, verb: str, **more: Any) -> Any:
    return run_now(driver.perform(BLOCKING, Operation(verb, Kind.WRITE, ("k",), **more)))


def found(driver: Bytes) -> Any:
    return do(driver, "read").values.get("k")


def epochs(driver: Bytes) -> set[int]:
    return {blob.epoch for blob in driver.engine.blobs.values()}


COMPUTED = {"values": {"k": 1}, "ttl": 60, "stamp": Stamp(7, {})}


@pytest.mark.parametrize("verb", ["write", "add"])
def test_what_was_computed_is_of_its_epoch_and_the_rest_of_none(driver: Bytes, verb: str) -> None:
    do(driver, verb, values={"k": 1}, ttl=60)
    assert (epochs(driver), found(driver)) == ({0}, 1)
    driver.engine.blobs.clear()
    do(driver, verb, **COMPUTED)
    assert (epochs(driver), found(driver)) == ({7}, 1)


def test_a_change_leaves_an_entry_its_epoch(driver: Bytes) -> None:
    do(driver, "write", **COMPUTED)
    assert do(driver, "incr", by=2) == 3
    assert do(driver, "touch", ttl=90) == {"k"}
    assert (epochs(driver), found(driver)) == ({7}, 3)
    driver.engine.blobs.clear()
    assert do(driver, "incr", by=2, initial=0, ttl=None) == 2
    assert epochs(driver) == {0}
    assert do(driver, "incr", by=2) == 4
    assert do(driver, "touch", ttl=90) == {"k"}
    assert epochs(driver) == {0}


def test_an_entry_is_not_read_under_another_epoch(driver: Bytes) -> None:
    do(driver, "write", **COMPUTED)
    ((name, blob),) = driver.engine.blobs.items()
    driver.engine.blobs[name] = blob._replace(epoch=0)
    assert found(driver) is None
    assert driver.unreadable == {"tag": 1}


def test_keys_are_listed_and_turned_whatever_their_epoch(driver: Bytes) -> None:
    do(driver, "write", values={"k": 1}, ttl=60)
    computed = Operation("write", Kind.WRITE, ("c",), values={"c": 2}, ttl=60, stamp=Stamp(7, {}))
    run_now(driver.perform(BLOCKING, computed))
    assert sorted(do(driver, "keys")) == ["c", "k"]
    driver.chain = driver.entries.chain = chain(*KEYS)
    assert {turn.outcome for turn in rotate(driver)} == {"resealed"}
    assert {turn.outcome for turn in rotate(driver)} == {"current"}
    assert (epochs(driver), found(driver)) == ({0, 7}, 1)
