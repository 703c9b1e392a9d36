"""What somebody with access to the directory can do: no more than make misses."""

import base64
import os
import random
import shutil
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from django_cachekit import cache as facade
from django_cachekit.backends.file import EncryptedFileCache

from .stores import KEYS, driver_of, entries, path_of, tree_of, walk

SECRET = "a-value-nobody-may-read"
HIDDEN_KEY = "a-key-nobody-may-read"
HIDDEN_TAG = "a-tag-nobody-may-read"


def spellings(text: str) -> Iterator[bytes]:
    """Return the forms in which text might lie in a file."""
    for raw in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        # Base64 of text in the middle of other text, at each of its three places.
        for place in range(3):
            coded = base64.b64encode(b"\0" * place + raw)
            yield coded[4:-4]
            yield coded[4:-4].translate(bytes.maketrans(b"+/", b"-_"))


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_nothing_can_be_read_from_the_disk(
    location: Path, settings: Settings, compression: str | None
) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django_cachekit.backends.file.EncryptedFileCache",
            "LOCATION": str(location),
            "KEY_PREFIX": "a-prefix-nobody-may-read",
            "OPTIONS": {**KEYS, "COMPRESSION": compression},
        }
    }
    facade.tags(HIDDEN_TAG).put(HIDDEN_KEY, SECRET * 20, 600)
    facade.put(HIDDEN_KEY + ":object", {HIDDEN_TAG: [SECRET] * 20}, 600)
    facade.remember(HIDDEN_KEY + ":made", 600, lambda: SECRET)
    assert facade.get(HIDDEN_KEY) == SECRET * 20
    found = b"\0".join(
        str(path).encode() + (path.read_bytes() if path.is_file() else b"")
        for path in walk(location.parent)
    )
    assert len(found) > 1000
    for text in (SECRET, HIDDEN_KEY, HIDDEN_TAG, "a-prefix-nobody-may-read"):
        assert [form for form in spellings(text) if form in found] == []


def test_the_search_for_leaks_would_find_one() -> None:
    for leak in (SECRET.encode(), base64.b64encode(b"xy" + SECRET.encode() + b"xy")):
        assert any(form in leak for form in spellings(SECRET))


Harm = Callable[[bytes], bytes]
HARMS: dict[str, Harm] = {
    "emptied": lambda data: b"",
    "cut in the header": lambda data: data[:50],
    "cut by one byte": lambda data: data[:-1],
    "longer by one byte": lambda data: data + b"\0",
    "zeroed": lambda data: bytes(len(data)),
    "never expiring": lambda data: data[:24] + b"\xff" * 8 + data[32:],
    "of the first version": lambda data: data[:4] + b"\0" + data[5:],
    "a pickle": lambda data: b"\x80\x04N.",
}


@pytest.mark.parametrize("name", HARMS)
def test_an_edited_entry_is_a_miss(cache: EncryptedFileCache, name: str) -> None:
    cache.set("k", SECRET)
    path = path_of(cache, "k")
    path.write_bytes(HARMS[name](path.read_bytes()))
    assert cache.get("k") is None
    assert cache.get_many(["k"]) == {}
    assert driver_of(cache).unreadable.total() == 2
    assert cache.add("k", "new")
    assert cache.get("k") == "new"


def test_a_flipped_bit_is_a_miss(cache: EncryptedFileCache) -> None:
    cache.set("k", SECRET)
    path = path_of(cache, "k")
    good = path.read_bytes()
    for bit in random.Random(1).sample(range(len(good) * 8), 200):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(bad))
        assert cache.get("k") is None
    path.write_bytes(good)
    assert cache.get("k") == SECRET


def test_an_entry_copied_onto_another_key_is_a_miss(cache: EncryptedFileCache) -> None:
    cache.set_many({"alice": SECRET, "mallory": "mine"})
    shutil.copy(path_of(cache, "alice"), path_of(cache, "mallory"))
    assert cache.get("mallory") is None
    assert cache.get("alice") == SECRET


def test_an_entry_of_another_store_is_a_miss(
    cache: EncryptedFileCache, opened: Callable[..., EncryptedFileCache]
) -> None:
    other = opened(STORE_ID="another")
    cache.set("k", SECRET)
    other.set("k", "other")
    shutil.copy(path_of(cache, "k"), path_of(other, "k"))
    assert other.get("k") is None


def test_an_entry_of_before_a_clear_is_a_miss(cache: EncryptedFileCache) -> None:
    cache.set("k", SECRET)
    old = path_of(cache, "k").read_bytes()
    cache.clear()
    cache.set("k", "new")
    path_of(cache, "k").write_bytes(old)
    assert cache.get("k") is None


def test_an_older_entry_of_the_same_key_is_what_cannot_be_told(cache: EncryptedFileCache) -> None:
    """The documented limit: rollback of an unexpired entry, within one epoch."""
    cache.set("k", "old")
    old = path_of(cache, "k").read_bytes()
    cache.set("k", "new")
    path_of(cache, "k").write_bytes(old)
    assert cache.get("k") == "old"


def make_socket(path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as found:
        # The path of an entry is too long for a socket's address.
        home = os.open(path.parent, os.O_RDONLY)
        try:
            found.bind(f"/proc/self/fd/{home}/s")
        finally:
            os.close(home)
    os.rename(path.parent / "s", path)


def make_link(path: Path) -> None:
    target = path.with_name("target")
    os.rename(path, target)
    path.symlink_to(target)


def make_directory(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("x")


THINGS: dict[str, Callable[[Path], Any]] = {
    "pipe": os.mkfifo,
    "directory": make_directory,
    "socket": make_socket,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@contextmanager
def in_time(seconds: float = 5) -> Iterator[None]:
    """Fail where the code would hang."""

    def late(*_: object) -> None:
        pytest.fail("it hangs")  # and no OSError, which the store would make a miss of

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("thing", THINGS)
def test_something_else_in_an_entrys_place_is_a_miss(
    cache: EncryptedFileCache, thing: str, location: Path
) -> None:
    cache.set("k", SECRET)
    path = path_of(cache, "k")
    for verb in ("set", "delete", "add", "incr", "touch"):
        path.unlink(missing_ok=True)
        THINGS[thing](path)
        with in_time():
            assert cache.get("k") is None
            assert cache.get_many(["k"]) == {}
            assert "k" not in cache
            assert list(tree_of(cache).scan()) == []
            if verb == "set":
                cache.set("k", 1)
                assert cache.get("k") == 1
            elif verb == "add":
                assert cache.add("k", 1)
            elif verb == "delete":
                assert cache.delete("k") is False
                assert not os.path.lexists(path)
            elif verb == "touch":
                assert cache.touch("k") is False
            else:
                with pytest.raises(ValueError, match="not found"):
                    cache.incr("k")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
    tree_of(cache).prune()
    assert [found for found in walk(location) if found.name == "inside"] == []


def test_a_link_to_the_entry_itself_is_not_followed(cache: EncryptedFileCache) -> None:
    cache.set("k", SECRET)
    make_link(path_of(cache, "k"))
    assert cache.get("k") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_users_file_is_a_miss(cache: EncryptedFileCache) -> None:
    cache.set("k", SECRET)
    os.chown(path_of(cache, "k"), 65534, 65534)
    assert cache.get("k") is None
    cache.set("k", "mine")
    assert cache.get("k") == "mine"


def test_a_file_that_is_too_large_is_not_read(
    opened: Callable[..., EncryptedFileCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = opened(MAX_VALUE_BYTES=1000)
    cache.set("k", SECRET)
    os.truncate(path_of(cache, "k"), 2**40)
    monkeypatch.setattr(os, "read", lambda *args: pytest.fail("it was read"))
    assert cache.get("k") is None


def test_foreign_files_are_left_alone(cache: EncryptedFileCache) -> None:
    cache.set("k", SECRET)
    note = path_of(cache, "k").parent / "NOTES"
    note.write_text("x")
    odd = note.with_name("Z" * 64)
    odd.write_text("x")
    assert len(list(tree_of(cache).scan())) == 1
    tree_of(cache).prune()
    assert note.exists()
    assert odd.exists()


def test_prune_removes_what_is_no_entry_any_more(cache: EncryptedFileCache) -> None:
    cache.set_many({"good": 1, "short": 2, "bad": 3}, None)
    path_of(cache, "short").write_bytes(b"\xc1CKE")
    path_of(cache, "bad").write_bytes(b"x" * 500)
    assert tree_of(cache).prune() == 2
    assert cache.get("good") == 1


KEYS_OF_ALL_KINDS = [
    "../../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    "CON",
    "con",
    "Con",
    "a/b",
    "a\\b",
    "nul\0byte",
    "nul",
    "\0",
    "\0tag\0name",
    "x" * 10_000,
    "x" * 9_999,
    "😀",
    "é",
    "e\u0301",
    "\ud800",
    "new\nline",
    ".ledger",
    "\u202egnp",
]


@pytest.mark.filterwarnings("ignore::django.core.cache.CacheKeyWarning")
def test_keys_of_all_kinds_are_distinct_and_stay_inside(
    cache: EncryptedFileCache, tmp_path: Path
) -> None:
    for number, key in enumerate(KEYS_OF_ALL_KINDS):
        cache.set(key, number)
    assert [cache.get(key) for key in KEYS_OF_ALL_KINDS] == list(range(len(KEYS_OF_ALL_KINDS)))
    assert {path.name for path in tmp_path.iterdir()} == {"cache"}
    assert len(entries(tmp_path)) == len(KEYS_OF_ALL_KINDS)
    for path in entries(tmp_path):
        assert path.parent.name == path.name[:2]


@pytest.mark.parametrize("umask", [0o000, 0o777, 0o077, 0o022])
def test_modes_do_not_depend_on_the_umask(
    opened: Callable[..., EncryptedFileCache], tmp_path: Path, umask: int
) -> None:
    before = os.umask(umask)
    try:
        cache = opened()
        cache.set("k", SECRET)
        cache.clear()
        cache.set("k", SECRET)
        tree_of(cache).prune()
        assert os.umask(umask) == umask, "the umask of the process was changed"
    finally:
        os.umask(before)
    assert cache.get("k") == SECRET
    modes = {
        (path.is_dir(), stat.S_IMODE(path.stat().st_mode))
        for path in walk(tmp_path)
        if path != tmp_path
    }
    assert modes == {(True, 0o700), (False, 0o600)}
