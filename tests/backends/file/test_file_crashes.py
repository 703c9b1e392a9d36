"""What a kill, a full disk or a half-done clear leaves behind: the old value, or a miss."""

import contextlib
import errno
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.backends.filetree import EpochFile, disk
from django_cachekit.core import clock
from django_cachekit.errors import StoreUnavailable

from .stores import driver_of, entries, path_of, temporary, tree_of, walk
from .workers import Workers, wait_for

KILLS = int(os.environ.get("CACHEKIT_KILLS", "40"))
SIZE = 200_000


def whole(value: object) -> bool:
    return value is None or (
        isinstance(value, bytes) and len(value) == SIZE and value.count(value[:1]) == SIZE
    )


def test_a_kill_leaves_whole_values_and_no_lock(
    cache: EncryptedFileCache, location: Path, workers: Workers, tmp_path: Path
) -> None:
    for number in range(KILLS):
        told = tmp_path / f"told-{number}"
        pid = workers.start("set_for_ever", location, 20, SIZE, str(told))
        wait_for(told)
        # Real time: the point is to die anywhere at all.
        time.sleep(random.Random(number).uniform(0, 0.02))
        workers.kill(pid)
        values = [cache.get(f"key-{at}") for at in range(20)]
        assert all(whole(value) for value in values)
        assert any(values)
    assert all(cache.add(f"free-{at}", 1) for at in range(256))
    tree_of(cache).prune()
    assert temporary(location) == []


def orphan(cache: EncryptedFileCache, key: str) -> Path:
    path = path_of(cache, key).parent / ".t0123456789abcdef"
    path.write_bytes(b"half an entry")
    return path


def test_a_sweep_removes_what_a_dead_writer_began(cache: EncryptedFileCache) -> None:
    cache.set("k", 1)
    left = orphan(cache, "k")
    assert tree_of(cache).prune() == 0
    assert not left.exists()
    assert cache.get("k") == 1


def test_clear_removes_what_a_dead_writer_began(cache: EncryptedFileCache, location: Path) -> None:
    cache.set("k", 1)
    orphan(cache, "k")
    cache.clear()
    assert temporary(location) == []


def fail(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    def broken(*args: object, **named: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, broken)


@pytest.mark.parametrize("step", ["write", "replace", "fsync", "fchmod", "utime", "pwrite"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_failed_write_keeps_the_old_value(
    opened: Callable[..., EncryptedFileCache],
    location: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    code: int,
) -> None:
    cache = opened(FSYNC=True, RAISE=True)
    cache.set("k", "old")
    with monkeypatch.context() as patch:
        fail(patch, step, code)
        with pytest.raises(StoreUnavailable, match=os.strerror(code)):
            cache.set("k", "new")
        with pytest.raises(StoreUnavailable):
            cache.add("other", "new")
    assert temporary(location) == []
    assert cache.get("k") == "old"
    assert cache.get("other") is None
    cache.set("k", "new")
    assert cache.get("k") == "new"


def test_a_full_disk_fails_a_set_quietly_and_a_count_loudly(
    cache: EncryptedFileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("n", 1)
    fail(monkeypatch, "write", errno.ENOSPC)
    cache.set("n", 2)
    assert cache.set_many({"n": 3, "m": 4}) == ["n", "m"]
    with pytest.raises(StoreUnavailable):
        cache.incr("n")
    assert cache.get("n") == 1


def test_a_write_in_many_pieces_is_whole(
    cache: EncryptedFileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    cache.set("k", "x" * 1000)
    assert cache.get("k") == "x" * 1000


def test_a_write_of_nothing_is_an_error_and_no_endless_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(OSError, match="nothing was written"):
        disk.create(str(tmp_path / "file"), b"data")
    assert not (tmp_path / "file").exists()


def test_a_read_in_many_pieces_is_whole(
    cache: EncryptedFileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("k", "x" * 1000)
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 7)))
    assert cache.get("k") == "x" * 1000


def test_a_limit_on_file_size_keeps_the_old_value(
    cache: EncryptedFileCache, location: Path
) -> None:
    cache.set("k", "old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        cache.set("k", os.urandom(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert cache.get("k") == "old"
    assert temporary(location) == []


def test_clear_makes_room_on_a_full_disk(
    cache: EncryptedFileCache, location: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch cannot be written until the entries are gone."""
    cache.set_many({"a": 1, "b": 2})
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if entries(location):
            raise OSError(errno.ENOSPC, "no room")
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    cache.clear()
    assert tree_of(cache).place.epoch.current() > 0
    assert entries(location) == []


def test_a_clear_that_failed_is_told(
    cache: EncryptedFileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("k", 1)
    with monkeypatch.context() as patch:
        fail(patch, "fsync", errno.EIO)
        with pytest.raises(StoreUnavailable):
            cache.clear()
    assert cache.get("k") == 1


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("step", ["rename", "rmtree"])
def test_a_clear_killed_half_way_stays_cleared(
    cache: EncryptedFileCache, location: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    cache.set("old", 1)
    with monkeypatch.context() as patch:

        def killed(*args: object, **named: object) -> None:
            raise _Killed

        patch.setattr(shutil if step == "rmtree" else os, step, killed)
        with pytest.raises(_Killed):
            cache.clear()
    assert cache.get("old") is None
    assert entries(location), "nothing was left to test with"
    cache.set("new", 2)
    tree_of(cache).prune()
    assert entries(location) == [path_of(cache, "new")]
    assert [path for path in walk(location) if ".gone." in path.name] == []
    assert cache.get("old") is None
    assert cache.get("new") == 2


def test_a_write_tidies_up_after_a_killed_clear(cache: EncryptedFileCache, location: Path) -> None:
    cache.set("old", 1)
    tree_of(cache).place.epoch.advance()
    cache.set("new", 2)
    assert path_of(cache, "new").exists()
    assert not path_of(cache, "old").exists()


def test_a_prune_tidies_up_after_a_killed_clear(cache: EncryptedFileCache, location: Path) -> None:
    cache.set("old", 1, None)
    tree_of(cache).place.epoch.advance()
    assert entries(location)
    tree_of(cache).prune()
    assert entries(location) == []


def test_a_restored_backup_stays_cleared(
    cache: EncryptedFileCache, location: Path, tmp_path: Path
) -> None:
    cache.set_many({"a": 1, "b": 2})
    backup = tmp_path / "backup"
    shutil.copytree(location, backup)
    cache.clear()
    cache.set("a", "after")
    shutil.rmtree(location)
    shutil.copytree(backup, location)
    assert cache.get_many(["a", "b"]) == {}
    cache.set("a", "again")
    assert cache.get("a") == "again"


def test_without_its_ledger_a_tree_is_counted_anew(
    opened: Callable[..., EncryptedFileCache], location: Path
) -> None:
    cache = opened(MAX_ENTRIES=1000)
    cache.set_many({str(at): at for at in range(300)})
    ledger = next(path for path in walk(location) if path.name == ".ledger")
    for harm in (ledger.unlink, lambda: ledger.write_bytes(b"short")):
        harm()
        cache.set("0", 0)
        assert len(cache.get_many([str(at) for at in range(300)])) == 300
        tree_of(cache).prune()
        with tree_of(cache).place.begun() as found:
            assert found.totals()[0] == 300


def test_an_epoch_that_cannot_be_read_is_no_epoch_of_nought(
    cache: EncryptedFileCache, tmp_path: Path
) -> None:
    cache.set("old", 1)
    cache.clear()
    (epoch,) = tmp_path.glob("cache.epoch-*")
    before = int(epoch.read_bytes())
    epoch.write_bytes(b"nonsense")
    assert cache.get("old") is None
    with pytest.raises(StoreUnavailable, match="holds no epoch"):
        cache.add("k", 1)
    cache.clear()
    assert int(epoch.read_bytes()) > before
    assert cache.add("k", 1)


def test_epochs_only_grow_when_the_clock_steps_back(
    cache: EncryptedFileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = tree_of(cache).place.epoch
    cache.clear()
    first = epoch.current()
    monkeypatch.setattr(clock, "now", lambda: 1000.0)
    cache.clear()
    assert epoch.current() == first + 1


def test_each_of_many_clears_is_seen(tmp_path: Path) -> None:
    """Faster than a disk's times can tell, and with the numbers of files used again."""
    path = str(tmp_path / "epoch")
    mine, other = EpochFile(path), EpochFile(path)
    for _ in range(200):
        for _ in range(2):
            latest = other.advance()
        assert mine.current() == latest
        assert os.stat(path).st_mtime_ns == latest * 10**6, "two clears may look alike"


def test_no_descriptor_is_left_open(
    opened: Callable[..., EncryptedFileCache], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(cache: EncryptedFileCache) -> None:
        cache.set_many({"a": 1, "b": 2})
        cache.get_many(["a", "b", "c"])
        cache.delete("a")
        cache.touch("b")
        with contextlib.suppress(StoreUnavailable, ValueError):
            cache.incr("b")
        with contextlib.suppress(StoreUnavailable):
            cache.clear()

    cache = opened(MAX_ENTRIES=5)
    work(cache)
    before = len(os.listdir("/proc/self/fd"))
    for step in ("pread", "pwrite", "write", "replace", "fstat", "unlink", "rename", "scandir"):
        with monkeypatch.context() as patch:
            fail(patch, step, errno.EIO)
            work(cache)
        work(cache)
    (epoch,) = tmp_path.glob("cache.epoch-*")
    epoch.write_bytes(b"nonsense")
    for _ in range(3):
        cache.set("k", 1)
        with contextlib.suppress(StoreUnavailable):
            cache.add("k", 1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_second_process_sees_a_clear_at_once(
    opened: Callable[..., EncryptedFileCache],
) -> None:
    first, second = opened(), opened(MAX_ENTRIES=99_999)
    assert driver_of(first) is not driver_of(second)
    for number in range(20):
        first.set("k", number)
        assert second.get("k") == number
        second.clear()
        assert first.get("k") is None


FULL_DISK = """
import os, sys, errno, pathlib, logging
import django
django.setup()
from tests.backends.file.stores import entries, open_store, temporary, tree_of
home = sys.argv[1]
logging.disable(logging.CRITICAL)
cache = open_store(home + "/cache")

def fill(size):
    number = 0
    while True:
        number += 1
        failed = cache.set_many({f"{size}-{number}": os.urandom(size)}, None)
        if failed:
            return number
        assert number < 10_000

cache.set_many({"k": "old", "n": 5}, None)
stored = [fill(size) - 1 for size in (20_000, 2_000, 1)]
assert stored[0] > 5
assert temporary(home) == []
assert cache.set_many({"k": os.urandom(40_000)}) == ["k"]
assert cache.get_many(["k", "n"]) == {"k": "old", "n": 5}
assert stored[0] == sum(cache.get(f"20000-{at + 1}") is not None for at in range(stored[0]))
assert cache.delete("20000-1"), "nothing can be removed from a full disk"
pathlib.Path(home, "more").write_bytes(b"")
try:
    while True:
        with open(home + "/more", "ab") as file:
            file.write(bytes(4096))
except OSError as error:
    assert error.errno == errno.ENOSPC
cache.clear()
assert tree_of(cache).place.epoch.current() > 0 and entries(home) == []
assert cache.get("k") is None
assert cache.set_many({"k": "new"}) == [] and cache.get("k") == "new"
print("all of it")
"""


def can_mount(home: Path) -> bool:
    """Tell whether this process may mount a small disk of its own, seen by nobody else."""
    try:
        command = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(home)]
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("limits", ["size=800k", "size=8m,nr_inodes=100"])
def test_a_disk_that_is_full(tmp_path: Path, limits: str) -> None:
    """Really full: of bytes, then of files."""
    if not can_mount(tmp_path):
        pytest.skip("only root, where it may mount, can make a small disk")
    mount = f'mount -t tmpfs -o {limits} tmpfs {tmp_path} && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", sys.executable, "-c", FULL_DISK, str(tmp_path)],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "all of it\n", done.stderr
