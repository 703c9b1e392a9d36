"""The counts that spare every write a look at the disk."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_cachekit.backends.engine import Blob
from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.filetree.ledger import (
    EMPTY,
    LATEST,
    SHARDS,
    Found,
    Ledger,
    Slot,
    blank,
    tally,
)
from django_cachekit.core import clock

from .stores import entries, listings, path_of, tree_of, walk

Opened = Callable[..., EncryptedFileCache]
STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 99), st.integers(1, 50), st.integers(1, 50))
)


@given(STEPS)
def test_a_slot_counts_what_comes_and_goes(steps: list[tuple[str, int, int, int]]) -> None:
    """Size 0 stands for a removal. Times are bounds: never later than the truth."""
    slot, files = EMPTY, dict[str, Found]()
    for name, size, written, expires in steps:
        old = files.pop(name, None)
        if size:
            slot = slot.put(old.size if old else None, size, written, expires)
            files[name] = Found(written, 0, name, expires, size)
        elif old:
            slot = slot.without(old.size)
        exact = tally(files.values())
        assert slot[:2] == exact[:2]
        assert slot.oldest <= exact.oldest
        assert slot.soonest <= exact.soonest
        if len(files) <= 1 and size:
            assert slot == exact


def test_an_empty_slot_keeps_no_bounds() -> None:
    assert Slot(1, 50, 3, 4).without(50) == EMPTY
    assert Slot(1, 50, 3, 4).put(50, 70, 9, 10) == Slot(1, 70, 9, 10)


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[dict[int, Slot]], Ledger]:
    """Open a ledger in which some shards have been counted."""
    path = tmp_path / "ledger"
    path.write_bytes(blank(7))

    def make(slots: dict[int, Slot]) -> Ledger:
        with Ledger(str(path)) as found:
            for shard, slot in slots.items():
                found.note(shard, slot)
        return Ledger(str(path))

    return make


def test_a_blank_ledger(ledger: Callable[[dict[int, Slot]], Ledger]) -> None:
    with ledger({}) as found:
        assert found.epoch == 7
        assert found.totals() == (0, 0)
        assert [found.slot(shard) for shard in range(SHARDS)] == [None] * SHARDS
        assert found.victims(LATEST - 1, None) == (None, LATEST)


def test_slots_come_back_and_add_up(ledger: Callable[[dict[int, Slot]], Ledger]) -> None:
    slots = {0: Slot(3, 100, 5, 50), 17: EMPTY, 255: Slot(2, 11, 4, LATEST)}
    with ledger(slots) as found:
        assert {shard: found.slot(shard) for shard in slots} == slots
        assert found.slot(1) is None
        assert found.totals() == (5, 111)


def test_the_victim_is_due_or_oldest(ledger: Callable[[dict[int, Slot]], Ledger]) -> None:
    slots = {1: Slot(1, 9, 30, 500), 2: Slot(1, 9, 10, 600), 3: Slot(2, 9, 20, 400), 4: EMPTY}
    with ledger(slots) as found:
        assert found.victims(399, None) == (2, 20)
        assert found.victims(400, None) == (3, 10)
        assert found.victims(399, 2) == (3, 30)
        assert found.victims(399, 3) == (2, 20), "there is more than the entry to spare"


def names(number: int, first: int = 0) -> list[bytes]:
    """Return the names of entries that all lie in one shard."""
    return [b"\x07" + at.to_bytes(31, "big") for at in range(first, first + number)]


def lying(location: Path) -> list[int]:
    """Return which of those names lie on the disk, in order."""
    return sorted(int(path.name[2:], 16) for path in entries(location))


def test_the_oldest_of_a_shard_go_in_batches(
    opened: Opened, location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_of(opened(MAX_ENTRIES=160))
    moment = [1_800_000_000.0]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    listed = listings(monkeypatch)
    for name in names(400):
        moment[0] += 1
        tree.write({name: Blob(bytes(40), None)}, 0)
    kept = lying(location)
    assert kept == list(range(400 - len(kept), 400))
    assert 150 <= len(kept) <= 160
    assert len(listed) < 240 / 10 * 2 + 10, "each batch is ten entries, and looked at twice at most"


def test_while_the_clock_stands_still_the_newest_stays(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: 1_800_000_000.0)
    for most in (1, 3, 20):
        cache = opened(MAX_ENTRIES=most, STORE_ID=f"most {most}")
        for number in range(most + 30):
            cache.set(f"k{number}", number)
            assert cache.get(f"k{number}") == number
            with tree_of(cache).place.begun() as ledger:
                assert ledger.totals()[0] <= most


def test_the_newest_of_a_shard_stays_when_the_clock_steps_back(
    opened: Opened, location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tree_of(opened(MAX_ENTRIES=20))
    moment = [1_800_000_000.0]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    for at, name in enumerate(names(60)):
        moment[0] -= 1
        tree.write({name: Blob(bytes(40), None)}, 0)
        assert at in lying(location)
    assert len(lying(location)) == 20


def test_an_uncounted_shard_is_counted_by_the_next_write(
    cache: EncryptedFileCache, location: Path
) -> None:
    tree = tree_of(cache)
    tree.write({name: Blob(bytes(40), None) for name in names(5)}, 0)
    next(path for path in walk(location) if path.name == ".ledger").unlink()
    tree.write({name: Blob(bytes(50), None) for name in names(2, first=4)}, 0)
    with tree.place.begun() as found:
        assert found.totals() == (6, 4 * 40 + 2 * 50)


def test_what_is_no_file_is_not_counted(cache: EncryptedFileCache) -> None:
    tree = tree_of(cache)
    cache.set("k", 1)
    home = path_of(cache, "k").parent
    os.mkfifo(home / f"{home.name}{'0' * 62}")
    (home / f"{home.name}{'1' * 62}").mkdir()
    assert tree.prune() == 0
    with tree.place.begun() as found:
        assert found.totals()[0] == 1


def test_making_room_ends_where_nothing_can_go(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when others take back at once what is freed."""
    cache = opened(MAX_ENTRIES=5)
    cache.set_many({f"k{number}": number for number in range(5)})
    sweeper = tree_of(cache)._sweeper
    tries = []

    def useless(shard: int, *_: object) -> tuple[int, int]:
        tries.append(shard)
        assert len(tries) < 1000, "it never ends"
        return 0, 1

    monkeypatch.setattr(sweeper, "sweep", useless)
    monkeypatch.setattr(sweeper, "_bounds", sweeper._bounds._replace(entries=2))
    assert sweeper.make_room() == 0
    assert tries
