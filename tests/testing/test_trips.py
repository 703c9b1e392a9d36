"""How often a store was gone to, held against what its server saw."""

import asyncio
import re
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.testing import assert_round_trips, override_cache, record_round_trips
from tests.conformance.test_example import source
from tests.placing import placed
from tests.stores import BY_NAME
from tests.trips.counting import CLUSTER, SERVERS, Counting, counted

from .failing import failure

WORK: dict[str, Callable[[], Any]] = {
    "get": lambda: cache.get("key"),
    "plain get": lambda: caches["default"].get("key"),
    "tagged get": lambda: cache.get("tagged"),
    "many": lambda: cache.many(["key", "tagged", "nothing"]),
    "put": lambda: cache.put("key", 1, 60),
    "remember": lambda: (cache.forget("new"), cache.remember("new", 60, dict)),
    "remember_many": lambda: (
        cache.forget_many(["m", "n"]),
        cache.remember_many(["m", "n"], 60, lambda keys: dict.fromkeys(keys, 1)),
    ),
    "flush of tags": lambda: cache.tags("a", "b").flush(),
    "increment": lambda: cache.increment("number"),
    "awaited": lambda: asyncio.run(awaited()),
}


async def awaited() -> None:
    await cache.aput("key", 1, 60)
    await cache.aget("key")


@pytest.mark.parametrize("name", [*SERVERS, CLUSTER])
def test_as_many_as_the_server_saw(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with counted(name, request, tmp_path) as asked:
        cache.put("key", 1)
        cache.put("number", 1)
        cache.tags("t").put("tagged", 1)
        works = {what: work for what, work in WORK.items() if _fits(name, what)}
        for work in works.values():
            work()  # scripts are known then, connections open, and guesses made
        for work in works.values():
            work()
        found = {what: _both(asked, work) for what, work in works.items()}
    assert {what: ours for what, (ours, _) in found.items()} == {
        what: theirs for what, (_, theirs) in found.items()
    }
    assert all(ours > 0 for ours, _ in found.values())


def _fits(name: str, what: str) -> bool:
    # An awaited call makes a connection, which the proxy counts, or has one that is not looked at.
    return what != "awaited" or name in ("memcached", "memcached-sealed", "dynamodb", CLUSTER)


def _both(asked: Counting, work: Callable[[], Any]) -> tuple[int, int]:
    with record_round_trips() as trips:
        theirs = asked(work).trips
    return len(trips), theirs


@pytest.mark.parametrize("stored", ["redis", "postgresql"], indirect=True)
def test_awaited(stored: str) -> None:
    cache.put("key", 1)
    with assert_round_trips(2):
        asyncio.run(awaited())


IN_PLACE = ["array", "locmem", "file", "django-file", "tagged-array", "tagged-locmem"]


@pytest.mark.parametrize("stored", IN_PLACE, indirect=True)
def test_stores_without_a_wire(stored: str) -> None:
    """One call of theirs counts as one, whoever makes it, on the straight line or not."""
    cache.put("key", 1, 60)
    cache.get("key")
    for work in (WORK["get"], WORK["plain get"], lambda: cache.get("none"), WORK["many"]):
        with assert_round_trips(1):
            work()
    with assert_round_trips(0):
        cache.memo()
    assert cache.get("key") == 1


def test_a_store_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "drawer.py").write_text(source("example.py"))
    monkeypatch.syspath_prepend(tmp_path)
    drawer: Any = import_module("drawer")

    def take(self: Any, names: Any) -> Any:
        found = self.read(names)
        self.remove(names)
        return found

    monkeypatch.setattr(drawer.Drawer, "take", take, raising=False)
    config = {"BACKEND": "drawer.DrawerCache", "LOCATION": tmp_path / "drawer.db"}
    with override_settings(CACHES={"default": config}):
        cache.put("key", 1)
        with assert_round_trips(1) as trips:
            cache.get("key")
        assert trips.commands == ["read"]
        with assert_round_trips(1) as trips:
            assert cache.pull("key") == 1
        assert trips.commands == ["take"], "and not what it is made of"


def test_of_one_alias_and_of_those_under_it(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    for name in ("tagged-locmem", "tagged-array"):
        with placed(BY_NAME[name], request, tmp_path), record_round_trips("default") as over:
            with record_round_trips("beside") as under:
                cache.get("a")
                cache.store("beside").get("a")
            assert (len(over), len(under)) == (2, 2)


def test_a_memory_of_the_request_saves_trips(stored: str) -> None:
    cache.put("key", 1, 60)
    memo = cache.memo()
    with assert_round_trips(1):
        for _ in range(3):
            memo.get("key")


def test_threads(array: None) -> None:
    with record_round_trips() as trips:
        thread = threading.Thread(target=lambda: cache.get("key"))
        thread.start()
        thread.join()
    assert trips.commands == ["read key"]


def test_all_is_as_it_was(stored: str) -> None:
    before = cache.get("key")
    with record_round_trips() as trips:
        cache.get("key")
    assert len(trips) == 1
    cache.get("key")
    assert (cache.get("key"), len(trips)) == (before, 1)


# What is asserted

TOLD = {
    "array": ["write key", "read key"],
    "locmem": ["set key", "get key"],
    "file": ["read", "write", "read"],
    "redis": ["SET", "GET", "MGET"],
    "postgresql": ["INSERT", "SELECT"],
    "memcached": ["ms", "mg", "mg", "mg"],
    "dynamodb": ["put_item", "batch_get_item", "put_item"],  # the first read begins an epoch
}


@pytest.mark.parametrize("stored", TOLD, indirect=True)
def test_a_failure_tells_every_trip(stored: str) -> None:
    cache.put("key", 1)

    def work() -> None:
        cache.put("key", 1)
        cache.get("key")

    with record_round_trips() as trips:
        said = failure(assert_round_trips(7), work)
    assert said.startswith(f"7 round trips expected, {len(trips)} made; in order:\n  1. ")
    first = [
        command if stored in ("array", "locmem") else command.split()[0]
        for command in trips.commands
    ]
    assert first == TOLD[stored]
    assert all(command in said for command in trips.commands)
    if stored == "redis":
        assert re.fullmatch(r"SET …\S+:1:key <\d\d bytes>", trips.commands[0])
        assert re.fullmatch(r"GET …\S+\.epoch", trips.commands[1])


def test_too_few_and_too_many(array: None) -> None:
    with assert_round_trips(at_most=2):
        cache.get("a")
    said = failure(assert_round_trips(at_most=1), lambda: (cache.get("a"), cache.get("b")))
    assert said == ("at most 1 round trips expected, 2 made; in order:\n  1. read a\n  2. read b")
    said = failure(assert_round_trips(1, store="other"), lambda: cache.get("a"))
    assert said == "1 round trips expected, 0 made; in order:\n  nothing"


def test_a_number_has_to_be_said() -> None:
    with pytest.raises(TypeError, match=r"Say how many"):
        assert_round_trips()
    with pytest.raises(TypeError, match=r"Say how many"):
        assert_round_trips(1, at_most=1)


def test_an_error_inside_is_told_before(array: None) -> None:
    with pytest.raises(ZeroDivisionError), assert_round_trips(1):
        raise ZeroDivisionError


@override_cache()
@assert_round_trips(1)
def test_functions() -> None:
    cache.get("a")


def test_trips_can_be_forgotten(array: None) -> None:
    with record_round_trips() as trips:
        cache.get("a")
        trips.clear()
        assert (len(trips), list(trips), str(trips)) == (0, [], "  nothing")
