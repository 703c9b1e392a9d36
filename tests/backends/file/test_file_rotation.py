"""Keys change while the store is in use, and nothing is lost on the way."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.rotation import Turn, rotate
from django_cachekit.core import clock as package_clock
from tests.conftest import Clock

from .stores import driver_of, key, path_of, tree_of
from .workers import Workers

OLD, NEW = [key(1)], [key(2), key(1)]
Opened = Callable[..., EncryptedFileCache]


def kid(cache: EncryptedFileCache, name: str) -> str:
    return driver_of(cache).chain.kid(path_of(cache, name).read_bytes())


def test_old_entries_are_sealed_anew(opened: Opened) -> None:
    old, new = opened(ENCRYPTION_KEYS=OLD), opened(ENCRYPTION_KEYS=NEW)
    old.set("for-ever", {"a": 1}, None)
    old.set("n", 5, 1000)
    new.set("fresh", "x")
    before, after = kid(old, "n"), kid(new, "fresh")
    assert before != after
    expected = {Turn(before, "due"): 2, Turn(after, "current"): 1}
    assert rotate(driver_of(new), dry_run=True) == expected
    assert kid(new, "n") == before
    assert rotate(driver_of(new)) == {Turn(before, "resealed"): 2, Turn(after, "current"): 1}
    assert rotate(driver_of(new)) == {Turn(after, "current"): 3}
    only = opened(ENCRYPTION_KEYS=[key(2)])
    assert only.get_many(["for-ever", "n", "fresh"]) == {"for-ever": {"a": 1}, "n": 5, "fresh": "x"}
    assert only.incr("n") == 6


def test_a_key_taken_away_makes_misses(opened: Opened) -> None:
    old, only = opened(ENCRYPTION_KEYS=OLD), opened(ENCRYPTION_KEYS=[key(2)])
    old.set("k", 1)
    before = kid(old, "k")
    assert only.get("k") is None
    assert rotate(driver_of(only)) == {Turn(before, "unreadable"): 1}
    assert driver_of(only).unreadable == {"key": 1}
    assert old.get("k") == 1, "what could not be read was harmed"


def test_expiry_stays(opened: Opened, clock: Clock) -> None:
    old, new = opened(ENCRYPTION_KEYS=OLD), opened(ENCRYPTION_KEYS=NEW)
    old.set("k", 1, 100)
    old.set("brief", 1, 10)
    clock.advance(50)
    turns = rotate(driver_of(new))
    assert {turn.outcome: number for turn, number in turns.items()} == {"resealed": 1, "expired": 1}
    assert path_of(new, "k").stat().st_atime == pytest.approx(package_clock.now() + 50, abs=1)
    clock.advance(49)
    assert new.get("k") == 1
    clock.advance(2)
    assert new.get("k") is None


def test_foreign_bytes_and_what_is_of_before_a_clear(opened: Opened) -> None:
    cache = opened(ENCRYPTION_KEYS=NEW)
    cache.set_many({"k": 1, "m": 2})
    path_of(cache, "k").write_bytes(b"foreign")
    mark = kid(cache, "m")
    tree_of(cache).place.epoch.advance()
    assert rotate(driver_of(cache)) == {Turn("?", "unreadable"): 1, Turn(mark, "unreadable"): 1}


def test_what_changes_meanwhile_is_not_undone(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = opened(ENCRYPTION_KEYS=OLD), opened(ENCRYPTION_KEYS=NEW)
    old.set_many({"a": 1, "b": 1, "c": 1})
    tree = tree_of(new)
    scan = tree.scan

    def late() -> object:
        found = list(scan())
        old.set("a", 2)
        new.set("b", 2)
        new.delete("c")
        return iter(found)

    monkeypatch.setattr(tree, "scan", late)
    turns = rotate(driver_of(new))
    outcomes = Counter({turn.outcome: number for turn, number in turns.items()})
    assert outcomes == {"resealed": 1, "current": 1, "gone": 1}
    assert new.get_many(["a", "b", "c"]) == {"a": 2, "b": 2}
    assert kid(new, "a") == kid(new, "b")


def test_counts_go_on_while_keys_rotate(opened: Opened, location: Path, workers: Workers) -> None:
    turned = [*reversed(NEW)]
    opened(ENCRYPTION_KEYS=NEW).set_many({"n": 0, **{f"k{at}": at for at in range(50)}}, None)
    counting = [
        workers.start("count", location, "n", 150, ENCRYPTION_KEYS=keys) for keys in (NEW, turned)
    ]
    resealed = 0
    for keys in (turned, NEW, turned, NEW):
        turns = rotate(driver_of(opened(ENCRYPTION_KEYS=keys)))
        resealed += sum(n for turn, n in turns.items() if turn.outcome == "resealed")
    workers.results(counting)
    assert resealed >= 200
    assert opened(ENCRYPTION_KEYS=NEW).get("n") == 300


def test_a_killed_rotation_is_taken_up_again(
    opened: Opened, location: Path, workers: Workers
) -> None:
    values = {f"k{at}": {"number": at} for at in range(400)}
    opened(ENCRYPTION_KEYS=OLD).set_many(values, None)
    new = opened(ENCRYPTION_KEYS=NEW)
    for number in range(4):
        pid = workers.start("reseal", location, ENCRYPTION_KEYS=NEW)
        time.sleep(0.01 * (number + 1))
        workers.kill(pid)
        assert new.get_many(list(values)) == values
    done = Counter(turn.outcome for turn in rotate(driver_of(new), dry_run=True).elements())
    assert done["due"], "the rotation was over before it was killed"
    rest = rotate(driver_of(new))
    assert sum(n for turn, n in rest.items() if turn.outcome == "resealed") == done["due"]
    assert opened(ENCRYPTION_KEYS=[key(2)]).get_many(list(values)) == values
