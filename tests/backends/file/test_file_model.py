"""A file store against a dict: whatever happens to the files, no value is ever wrong.

The documented limit is in the model too: an older, unexpired entry of the same key that was put
back within one epoch is served.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from django_cachekit.backends.rotation import rotate
from django_cachekit.core import clock

from .stores import KEYS, driver_of, entries, key, open_store, path_of, temporary, tree_of

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.integers(-5, 5), st.text(max_size=3), st.none(), st.binary(max_size=40))
TTLS = st.sampled_from([None, 5, 60])
START = 1_800_000_000.0


class Held(NamedTuple):
    """What the model thinks is stored."""

    value: Any
    expires: float | None


class Copy(NamedTuple):
    """A file as it once was."""

    name: str
    data: bytes


class Store(RuleBasedStateMachine):
    """Do to a store and to a dict the same."""

    copies = Bundle("copies")

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.now = START
        self.patch.setattr(clock, "now", lambda: self.now)
        self.home = tempfile.mkdtemp()
        self.model: dict[str, Held] = {}
        # All that the store ever wrote, with the key and the epoch it was written for.
        self.written: dict[bytes, tuple[str, int, Held]] = {}
        self.epoch = 0
        self.keys = [1, 2]
        self.open()

    def teardown(self) -> None:
        self.patch.undo()
        shutil.rmtree(self.home)

    def open(self) -> None:
        options = {**KEYS, "ENCRYPTION_KEYS": [key(byte) for byte in self.keys]}
        self.cache = open_store(Path(self.home, "cache"), **options)

    def holds(self, name: str, held: Held) -> None:
        """Note that the store has written an entry."""
        self.model[name] = held
        self.written[path_of(self.cache, name).read_bytes()] = name, self.epoch, held

    def look(self, name: str) -> None:
        """Expect of a file put there what the store once wrote for just this key, or nothing."""
        path = path_of(self.cache, name)
        data = path.read_bytes() if path.exists() else b""
        owner, epoch, held = self.written.get(data, ("", 0, None))
        self.model.pop(name, None)
        if held is not None and (owner, epoch) == (name, self.epoch):
            self.model[name] = held

    def live(self, name: str) -> Held | None:
        held = self.model.get(name)
        if held is None or (held.expires is not None and held.expires <= self.now):
            return None
        return held

    def expires(self, ttl: float | None) -> float | None:
        return None if ttl is None else self.now + ttl

    @rule(name=NAMES, value=VALUES, ttl=TTLS)
    def set(self, name: str, value: Any, ttl: float | None) -> None:
        self.cache.set(name, value, ttl)
        self.holds(name, Held(value, self.expires(ttl)))

    @rule(values=st.dictionaries(NAMES, VALUES), ttl=TTLS)
    def set_many(self, values: dict[str, Any], ttl: float | None) -> None:
        assert self.cache.set_many(values, ttl) == []
        for name, value in values.items():
            self.holds(name, Held(value, self.expires(ttl)))

    @rule(name=NAMES, value=VALUES, ttl=TTLS)
    def add(self, name: str, value: Any, ttl: float | None) -> None:
        free = self.live(name) is None
        assert self.cache.add(name, value, ttl) is free
        if free:
            self.holds(name, Held(value, self.expires(ttl)))

    @rule(name=NAMES, by=st.integers(-3, 3))
    def incr(self, name: str, by: int) -> None:
        held = self.live(name)
        if held is None:
            with pytest.raises(ValueError, match="not found"):
                self.cache.incr(name, by)
        elif type(held.value) is not int:
            with pytest.raises(TypeError, match="counted"):
                self.cache.incr(name, by)
        else:
            assert self.cache.incr(name, by) == held.value + by
            self.holds(name, held._replace(value=held.value + by))

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        assert self.cache.delete(name) is (self.live(name) is not None)
        self.model.pop(name, None)

    @rule(name=NAMES, ttl=TTLS)
    def touch(self, name: str, ttl: float | None) -> None:
        held = self.live(name)
        assert self.cache.touch(name, ttl) is (held is not None)
        if held is not None:
            self.holds(name, held._replace(expires=self.expires(ttl)))

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()
        self.epoch += 1

    @rule(seconds=st.sampled_from([1, 6, 61, 4000]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def prune(self) -> None:
        tree_of(self.cache).prune()
        home = Path(self.home, "cache")
        assert {path_of(self.cache, name) for name in "abc" if self.live(name)} <= {*entries(home)}
        assert temporary(home) == []

    @rule()
    def open_again(self) -> None:
        self.open()

    @rule(turned=st.booleans())
    def rotate(self, turned: bool) -> None:
        self.keys = [2, 1] if turned else [1, 2]
        self.open()
        rotate(driver_of(self.cache))
        for name in "abc":
            held = self.live(name)
            if held is not None:
                self.holds(name, held)

    # What befalls the files

    @rule(name=NAMES, target=copies)
    def copy(self, name: str) -> Copy:
        path = path_of(self.cache, name)
        return Copy(name, path.read_bytes() if path.exists() else b"")

    @rule(copy=copies)
    def roll_back(self, copy: Copy) -> None:
        self.put(copy.name, copy.data)

    @rule(copy=copies, name=NAMES)
    def move(self, copy: Copy, name: str) -> None:
        self.put(name, copy.data)

    def put(self, name: str, data: bytes) -> None:
        path = path_of(self.cache, name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(data)
        self.look(name)

    @rule(name=NAMES, place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
    def corrupt(self, name: str, place: float, bit: int) -> None:
        path = path_of(self.cache, name)
        data = bytearray(path.read_bytes() if path.exists() else b"")
        if data:
            data[int(place * len(data))] ^= 1 << bit
            self.put(name, bytes(data))

    @rule(name=NAMES, part=st.floats(0, 1, exclude_max=True))
    def truncate(self, name: str, part: float) -> None:
        path = path_of(self.cache, name)
        if path.exists():
            os.truncate(path, int(path.stat().st_size * part))
            self.look(name)

    @rule(one=NAMES, other=NAMES)
    def swap(self, one: str, other: str) -> None:
        paths = [path_of(self.cache, name) for name in (one, other)]
        if all(path.exists() for path in paths):
            first, second = (path.read_bytes() for path in paths)
            self.put(one, second)
            self.put(other, first)

    @rule(name=NAMES)
    def crash(self, name: str) -> None:
        home = path_of(self.cache, name).parent
        if home.exists():
            (home / f".t{os.urandom(8).hex()}").write_bytes(b"half an entry")

    @rule()
    def crash_while_clearing(self) -> None:
        tree_of(self.cache).place.epoch.advance()
        self.model.clear()
        self.epoch += 1

    @rule()
    def remove(self) -> None:
        shutil.rmtree(Path(self.home, "cache"), ignore_errors=True)
        self.model.clear()

    @rule()
    def back_up(self) -> None:
        shutil.rmtree(Path(self.home, "backup"), ignore_errors=True)
        if Path(self.home, "cache").exists():
            shutil.copytree(Path(self.home, "cache"), Path(self.home, "backup"))

    @rule()
    def restore(self) -> None:
        if Path(self.home, "backup").exists():
            shutil.rmtree(Path(self.home, "cache"), ignore_errors=True)
            shutil.copytree(Path(self.home, "backup"), Path(self.home, "cache"))
            for name in "abc":
                self.look(name)

    @invariant()
    def agree(self) -> None:
        expected = {name: held.value for name in "abc" if (held := self.live(name))}
        assert self.cache.get_many("abc") == expected
        for name in "abc":
            assert self.cache.get(name, "nothing") == expected.get(name, "nothing")


TestStore = Store.TestCase
TestStore.settings = settings(
    max_examples=int(os.environ.get("CACHEKIT_EXAMPLES", "40")),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
