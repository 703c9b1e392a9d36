"""The directory is removed, renamed or closed while in use: errors as promised, then recovery."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.errors import StoreUnavailable

from .stores import path_of, tree_of
from .workers import Workers


def remove(location: Path) -> None:
    shutil.rmtree(location)


def rename(location: Path) -> None:
    location.rename(location.with_name("elsewhere"))


def remove_shards(location: Path) -> None:
    for path in (location / "v1").glob("*/[0-9a-f][0-9a-f]"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_version(location: Path) -> None:
    shutil.rmtree(location / "v1")


@pytest.mark.parametrize("harm", [remove, rename, remove_shards, remove_version])
def test_what_was_removed_is_made_again(
    cache: EncryptedFileCache, location: Path, harm: Callable[[Path], None]
) -> None:
    acts: list[Callable[[], object]] = [
        lambda: cache.set("k", 2),
        lambda: cache.add("k", 2),
        lambda: cache.set_many({"k": 2, "m": 3}),
        lambda: cache.get_or_set("k", 2),
    ]
    for act in acts:
        cache.set_many({"k": 1, "other": 1})
        harm(location)
        shutil.rmtree(location.with_name("elsewhere"), ignore_errors=True)
        assert cache.get("k") is None
        assert cache.get_many(["k", "other"]) == {}
        assert cache.delete("k") is False
        assert cache.touch("k") is False
        with pytest.raises(ValueError, match="not found"):
            cache.incr("k")
        act()
        assert cache.get("k") == 2
        assert cache.incr("k") == 3


def test_a_clear_and_a_prune_of_what_was_removed(cache: EncryptedFileCache, location: Path) -> None:
    cache.set("k", 1)
    remove(location)
    assert tree_of(cache).prune() == 0
    cache.clear()
    cache.set("k", 2)
    assert cache.get("k") == 2


def test_removal_while_others_write(location: Path, workers: Workers) -> None:
    jobs = [workers.start("churn", location, 0.8, ["set", "get"], 1600) for _ in range(2)]
    end = time.monotonic() + 0.6
    removed = 0
    while time.monotonic() < end:
        if location.exists():
            shutil.rmtree(location, ignore_errors=True)
            removed += 1
        time.sleep(0.01)
    assert removed > 5
    assert min(workers.results(jobs)) > 20


READ_ONLY = """
import os, sys
import django
django.setup()
from django_cachekit.errors import StoreUnavailable
from tests.backends.file.stores import open_store, tree_of
location = sys.argv[1]
open_store(location + ".root")  # imports what another user may not be able to reach
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
cache = open_store(location)
cache.set_many({"k": 1, "n": 1})
top = tree_of(cache).place.tree
modes = {path: os.stat(path).st_mode & 0o777 for path, _, _ in os.walk(location)}

def refused(*acts):
    for act in acts:
        try:
            act()
        except StoreUnavailable as error:
            assert "ermission" in str(error), error
        else:
            raise AssertionError(act)

def restore():
    for path, mode in sorted(modes.items()):
        os.chmod(path, mode)

# Closed altogether: nothing is found, nothing is written, atomic verbs and clear say so.
os.chmod(location, 0)
assert cache.get("k") is None and cache.get_many(["k"]) == {}
assert cache.set_many({"k": 2}) == ["k"] and not cache.delete("k") and not cache.touch("k")
refused(lambda: cache.incr("n"), lambda: cache.add("new", 1), cache.clear)
restore()
assert cache.get("k") == 1 and cache.incr("n") == 2

# Read-only: reads go on.
for path in modes:
    os.chmod(path, 0o500)
assert cache.get("k") == 1 and cache.get_many(["k", "n"]) == {"k": 1, "n": 2}
assert cache.set_many({"k": 2}) == ["k"] and not cache.touch("k")
refused(lambda: cache.incr("n"), lambda: cache.add("new", 1))
assert cache.get("k") == 1
restore()
assert cache.set_many({"k": 2}) == [] and cache.get("k") == 2 and cache.add("new", 1)
print("all of it")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_closed_and_read_only_directories() -> None:
    """As a user whom modes bind, which root is not."""
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, 65534, 65534)
        done = subprocess.run(
            [sys.executable, "-c", READ_ONLY, f"{home}/cache"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
            cwd=Path(__file__).resolve().parents[3],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.stdout == "all of it\n", done.stderr


def test_an_unreadable_store_fails_as_the_policy_says(
    opened: Callable[..., EncryptedFileCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, strict = opened(), opened(RAISE=True)
    quiet.set("k", 1)
    path = str(path_of(quiet, "k"))
    real = os.open

    def broken(name: str, flags: int, *more: int) -> int:
        if name == path:
            raise OSError(5, "Input/output error")
        return real(name, flags, *more)

    monkeypatch.setattr(os, "open", broken)
    assert quiet.get("k", "default") == "default"
    with pytest.raises(StoreUnavailable, match="Input/output"):
        strict.get("k")
