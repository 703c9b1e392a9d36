"""Locks in files: whose clock, what others may do to the records, and what becomes of old ones."""

import asyncio
import errno
import os
import random
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache as facade
from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.filetree import locks
from django_cachekit.backends.locking import LINGER
from django_cachekit.core import clock
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.errors import StoreUnavailable
from django_cachekit.testing.clock import Clock
from tests.backends.locked import (
    NAME,
    Holder,
    end_with_the_holder,
    heed_no_wall_clock,
    lose_nothing,
    outlive_a_stopped_holder,
)

from .stores import KEYS, driver_of, tree_of, walk

OWNER = bytes(range(1, 17))


@pytest.fixture
def store(location: Path, settings: Any) -> Any:
    """Give the facade over a store of this test."""
    backend = "django_cachekit.backends.file.EncryptedFileCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": str(location), "OPTIONS": KEYS}}
    return facade


@pytest.fixture
def held(cache: EncryptedFileCache) -> locks.HeldFiles:
    """Give the locks of a store of this test."""
    found = driver_of(cache).locks
    assert isinstance(found, locks.HeldFiles)
    return found


def name_of(number: int) -> bytes:
    return bytes([number]) * 32


def take(held: locks.HeldFiles, name: bytes, ttl: float = 30) -> int:
    """Take a lock; return its fence, or 0."""
    return run_now(held.take(BLOCKING, name, OWNER, ttl)).fence


def free(held: locks.HeldFiles, name: bytes) -> bool:
    return run_now(held.free(BLOCKING, name, OWNER))


def left(held: locks.HeldFiles, name: bytes) -> float:
    return run_now(held.look(BLOCKING, name)).left


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def records(root: Path) -> list[Path]:
    """Return the files in which locks are noted."""
    return [path for path in walk(root) if path.parent.parent.suffix == ".held"]


def test_processes_exclude_each_other(store: Any, tmp_path: Path) -> None:
    lose_nothing(store, tmp_path)


def test_a_killed_holder_keeps_nothing(store: Any) -> None:
    end_with_the_holder(store, 0.5, late=1)


def test_a_stopped_holder_harms_nobody(store: Any) -> None:
    outlive_a_stopped_holder(store, 0.5)


@pytest.mark.parametrize("off", [-3600, 3600])
def test_no_wall_clock_matters(store: Any, monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    heed_no_wall_clock(store, monkeypatch, off, late=0)


@pytest.mark.parametrize("other", [b"another start of it", locks.NOBODY])
def test_after_a_restart_the_wall_clock_counts(
    held: locks.HeldFiles, clock: Clock, monkeypatch: pytest.MonkeyPatch, other: bytes
) -> None:
    assert take(held, name_of(1))
    monkeypatch.setattr(locks, "boot", lambda: other)
    monkeypatch.setattr("django_cachekit.core.clock.monotonic", lambda: 5.0)  # it begins anew
    assert 29 < left(held, name_of(1)) <= 30
    assert not take(held, name_of(1))
    clock.advance(31)
    assert take(held, name_of(1))
    assert left(held, name_of(1)) == pytest.approx(30, abs=1)


def test_a_system_tells_which_start_it_is() -> None:
    assert locks.boot() == locks.boot() != locks.NOBODY
    assert len(locks.boot()) == len(locks.NOBODY)


def test_a_system_may_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    locks.boot.cache_clear()

    def absent(path: str) -> bytes:
        raise FileNotFoundError(path)

    monkeypatch.setattr(locks, "_told", absent)
    assert locks.boot() == locks.NOBODY
    locks.boot.cache_clear()


def test_where_a_system_does_not_tell_the_wall_clock_counts(
    held: locks.HeldFiles, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(locks, "boot", lambda: locks.NOBODY)
    assert take(held, name_of(1))
    monkeypatch.setattr("django_cachekit.core.clock.monotonic", lambda: 10.0**9)
    assert left(held, name_of(1)) > 29
    clock.advance(31)
    assert left(held, name_of(1)) == 0


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes() + b"x"),
        lambda path: path.write_bytes(b"CKH2" + path.read_bytes()[4:]),
        lambda path: path.write_bytes(
            path.read_bytes()[:20] + b"\xff" * 8 + path.read_bytes()[28:]
        ),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
        pipe,
        lambda path: path.unlink(),
    ],
    ids=["empty", "cut", "long", "mark", "fence", "link", "pipe", "gone"],
)
def test_what_is_no_record_is_free(held: locks.HeldFiles, location: Path, harm: Any) -> None:
    before = take(held, name_of(1))
    (path,) = records(location)
    harm(path)
    assert left(held, name_of(1)) == 0
    assert free(held, name_of(1)) is False
    assert take(held, name_of(1)) >= before
    assert 29 < left(held, name_of(1)) <= 30
    assert path.is_file()
    assert not path.is_symlink()


def test_a_directory_in_its_place_is_an_error(store: Any, location: Path) -> None:
    assert store.lock(NAME, 30).acquire()
    (path,) = records(location)
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable):
        store.lock(NAME, 30).acquire()
    assert not [path for path in walk(location) if path.name.startswith(".t")]


def test_all_is_private_whatever_the_umask(held: locks.HeldFiles, location: Path) -> None:
    before = os.umask(0)
    try:
        take(held, name_of(1))
    finally:
        os.umask(before)
    for path in walk(location):
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_clear_prune_or_scan_reaches_a_lock(
    cache: EncryptedFileCache, held: locks.HeldFiles
) -> None:
    cache.set("k", 1)
    fence = take(held, name_of(1))
    cache.clear()
    cache.set("k", 1)
    tree = tree_of(cache)
    tree.prune()
    assert len(list(tree.scan())) == 1
    assert left(held, name_of(1)) > 29
    assert free(held, name_of(1))
    cache.clear()
    assert take(held, name_of(1)) == fence + 1


def test_nothing_waits_for_the_entries_lock(
    cache: EncryptedFileCache, held: locks.HeldFiles
) -> None:
    with tree_of(cache).place.lock(1):
        assert take(held, name_of(1))
        assert free(held, name_of(1))


def test_what_is_over_is_not_the_owners_any_more(held: locks.HeldFiles, clock: Clock) -> None:
    take(held, name_of(1), ttl=5)
    clock.advance(5)
    assert run_now(held.renew(BLOCKING, name_of(1), OWNER, 30)) is False
    assert free(held, name_of(1)) is False
    assert left(held, name_of(1)) == 0


def test_a_look_waits_for_nobody(held: locks.HeldFiles) -> None:
    take(held, name_of(1))
    with held._lock(1):
        assert left(held, name_of(1)) > 0


def test_records_that_are_long_free_are_pruned(
    cache: EncryptedFileCache, held: locks.HeldFiles, location: Path, clock: Clock
) -> None:
    first = take(held, name_of(1))
    assert free(held, name_of(1))
    take(held, name_of(2), ttl=LINGER)
    litter = next(iter(records(location))).parent / ".tdead"
    litter.touch()
    clock.advance(LINGER - 10)
    tree_of(cache).prune()
    assert not litter.exists()
    assert len(records(location)) == 2
    clock.advance(20)
    tree_of(cache).prune()
    assert [path.name for path in records(location)] == [name_of(2).hex()]
    clock.advance(LINGER)
    tree_of(cache).prune()
    assert records(location) == []
    assert take(held, name_of(1)) > first


def test_new_records_prune_now_and_then(
    held: locks.HeldFiles, location: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "randrange", lambda most: 0)
    take(held, name_of(1), ttl=1)
    clock.advance(LINGER + 2)
    take(held, b"\1" + bytes(31))
    assert [path.name for path in records(location)] == [(b"\1" + bytes(31)).hex()]


def test_all_can_be_given_back(held: locks.HeldFiles) -> None:
    fences = [take(held, name_of(number)) for number in (1, 2, 3)]
    assert free(held, name_of(3))
    assert run_now(held.wipe(BLOCKING)) == 2
    assert run_now(held.wipe(BLOCKING)) == 0
    assert [take(held, name_of(number)) for number in (1, 2, 3)] == [each + 1 for each in fences]


def test_without_a_directory_all_are_free(held: locks.HeldFiles, location: Path) -> None:
    assert run_now(held.wipe(BLOCKING)) == 0
    held.prune()
    assert not location.exists()


def test_stores_in_one_directory_have_locks_of_their_own(opened: Any) -> None:
    one, other = opened().cachekit_driver.locks, opened(STORE_ID="other").cachekit_driver.locks
    assert take(one, name_of(1))
    assert take(other, name_of(1))
    assert run_now(one.wipe(BLOCKING)) == 1
    assert left(other, name_of(1)) > 0


@pytest.mark.parametrize("step", ["create", "replace"])
def test_a_disk_that_is_full_raises(
    store: Any, location: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    lock = store.lock(NAME, 30, owner="me")  # or it would be given back behind the caller
    assert lock.acquire()
    with monkeypatch.context() as patch:
        patch.setattr(*((locks, "create") if step == "create" else (os, "replace")), full)
        with pytest.raises(StoreUnavailable):
            lock.release()
    assert lock.is_owned_by_current_process()
    assert not [path for path in walk(location) if path.name.startswith(".t")]
    assert lock.release()


def test_it_lasts_through_a_power_cut(
    opened: Any, monkeypatch: pytest.MonkeyPatch, location: Path
) -> None:
    synced = list[str]()
    fsync = os.fsync

    def noted(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    held = opened(FSYNC=True).cachekit_driver.locks
    monkeypatch.setattr(os, "fsync", noted)
    assert take(held, name_of(1))
    home = records(location)[0].parent
    assert Path(synced[0]).parent == home
    assert synced[1:] == [str(home), str(home.parent), str(home.parent.parent)]


def test_a_child_does_not_give_its_parents_lock_back(store: Any) -> None:
    holder = Holder(store, 30)
    assert holder.ask("is_owned_by_current_process") is True
    assert store.lock(NAME, 30).is_locked() is True
    holder.end()
    assert store.lock(NAME, 30).is_locked() is True


def test_who_waits_holds_up_no_loop(store: Any) -> None:
    async def wait() -> int:
        lock = store.lock(NAME, 30)
        assert await lock.aacquire()
        waiting = asyncio.ensure_future(store.lock(NAME, 30).wait(20))
        ticks, until = 0, time.monotonic() + 0.3
        while time.monotonic() < until:
            await asyncio.sleep(0.005)
            ticks += 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await lock.arelease()
        assert await store.lock(NAME, 30).aacquire()
        return ticks

    assert asyncio.run(wait()) > 10


def test_threads_count_exactly_on_raw_steps(held: locks.HeldFiles) -> None:
    won = list[int]()

    def contend() -> None:
        for _ in range(50):
            fence = take(held, name_of(1))
            if fence:
                won.append(fence)
                assert free(held, name_of(1))

    threads = [threading.Thread(target=contend) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == sorted(set(won))
    assert won


def test_times_are_those_of_the_one_clock(held: locks.HeldFiles, clock_off: None) -> None:
    assert take(held, name_of(1))


@pytest.fixture
def clock_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the wall clock before the first of January 1970."""
    monkeypatch.setattr(clock, "now", lambda: -5.0)
