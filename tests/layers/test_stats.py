"""Counting: exact between threads, a child's own in a child, and not there where nobody asks."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache, signals
from django_cachekit.errors import Misconfigured
from django_cachekit.layers.stats import Stats, Tally
from tests.stores import BY_NAME, DJANGO, OURS

MEMORY = {"BACKEND": OURS + "array.ArrayCache", "LOCATION": "counting"}
LOCMEM = {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": "counting"}
ON = {"OPTIONS": {"STATS": True}}
OFF = {"OPTIONS": {"STATS": False}}


@pytest.fixture
def counting() -> Iterator[None]:
    """Count the calls of a memory."""
    with override_settings(CACHES={"default": {**MEMORY, **ON}}):
        cache.flush()
        yield


def _counted(alias: str) -> bool:
    return bool(cache.store(alias).stats()["counted"])


def test_what_is_not_asked_for_is_not_there() -> None:
    with override_settings(CACHES={"default": MEMORY}, CACHEKIT={}):
        stack = cache._home.stack()
        assert not any(isinstance(one, Stats) for one in stack.layers)
        assert stack.quick == stack.driver.quick  # type: ignore[attr-defined]  # the array has one
        assert stack.told == []


def test_an_alias_has_its_own_word() -> None:
    aliases = {
        "default": MEMORY,
        "on": {**MEMORY, "LOCATION": "on", **ON},
        "off": {**MEMORY, "LOCATION": "off", **OFF},
        "locmem": LOCMEM,
        "locmem-on": {**LOCMEM, "LOCATION": "on", **ON},
    }
    with override_settings(CACHES=aliases):
        said = {
            "nothing": {},
            "all": {"STATS": True},
            "some": {"STATS": ["locmem", "off"]},
        }
        found = {}
        for name, cachekit in said.items():
            with override_settings(CACHEKIT=cachekit):
                found[name] = [alias for alias in aliases if _counted(alias)]
    assert found == {
        "nothing": ["on", "locmem-on"],
        "all": ["default", "on", "locmem", "locmem-on"],
        "some": ["on", "locmem", "locmem-on"],
    }


@pytest.mark.parametrize("given", ["yes", 1, "default"])
def test_what_it_cannot_be_is_told(given: Any) -> None:
    wrong = {"default": {**MEMORY, "LOCATION": "wrong", "OPTIONS": {"STATS": given}}}
    with override_settings(CACHES=wrong), pytest.raises(Misconfigured, match="STATS"):
        cache.stats()
    with (
        override_settings(CACHES={"default": LOCMEM}, CACHEKIT={"STATS": given}),
        pytest.raises(Misconfigured, match="STATS"),
    ):
        cache.stats()


def test_no_step_is_lost_between_threads(counting: None) -> None:
    cache.put("a", 1)
    tally = Tally()

    def read() -> None:
        for _ in range(2_000):
            cache.get("a")
            cache.get("b")
            tally.add(7)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = cache.stats()
    assert (told["hits"], told["misses"], told["hit_ratio"]) == (16_000, 16_000, 0.5)
    assert tally.value == 8 * 2_000 * 7


def test_who_waits_for_what_another_computes_is_counted(counting: None) -> None:
    begun, go = threading.Event(), threading.Event()

    def make() -> int:
        begun.set()
        assert go.wait(10)
        return 1

    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(cache.remember("a", 60, make)))
    first.start()
    assert begun.wait(10)
    second = threading.Thread(target=lambda: found.append(cache.remember("a", 60, make)))
    second.start()
    while cache.stats()["waits"] == 0 and second.is_alive():
        pass
    go.set()
    first.join()
    second.join()
    told = cache.stats()
    assert found == [1, 1]
    assert (told["computations"], told["waits"]) == (1, 1)


def test_what_was_computed_in_vain_is_none(counting: None) -> None:
    with pytest.raises(ZeroDivisionError):
        cache.remember("a", 60, lambda: 1 // 0)
    assert cache.stats()["computations"] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_counts_its_own(counting: None) -> None:
    cache.put("a", 1)
    cache.get("a")
    pid = os.fork()
    if pid == 0:
        before = cache.stats()
        cache.get("a")
        cache.get("a")
        after = cache.stats()
        right = (before["hits"], before["flushes"], before["last_flush"], after["hits"])
        os._exit(0 if right == (0, 0, None, 2) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert cache.stats()["hits"] == 1


def test_what_cannot_be_read_is_counted_unasked(tmp_path: Path) -> None:
    with override_settings(CACHES=BY_NAME["file"].caches(tmp_path)):
        cache.put("a", 1, 600)
        (entry,) = [path for path in tmp_path.rglob("*") if len(path.name) == 64]
        entry.write_bytes(entry.read_bytes()[:-1] + b"?")
        assert cache.get("a") is None
        told = cache.stats()
    assert (told["unreadable"], told["hits"]) == (1, None)


def test_what_is_refreshed_and_flexible_is_computed(counting: None) -> None:
    cache.flexible("a", (60, 120), lambda: 1)
    cache.flexible("a", (60, 120), lambda: 1)
    cache.refresh("a", 60, lambda: 2)
    told = cache.stats()
    assert (told["computations"], told["hits"], told["misses"]) == (2, 1, 1)


def test_a_hit_that_is_told_of_is_counted_once(counting: None) -> None:
    heard: list[str] = []

    def hear(key: str, **_: Any) -> None:
        heard.append(key)

    cache.put("a", 1)
    signals.cache_hit.connect(hear)
    cache.get("a")
    cache.get("nothing")
    signals.cache_hit.disconnect(hear)
    told = cache.stats()
    assert heard == ["a"]
    assert (told["hits"], told["misses"]) == (1, 1)


def test_a_shell_is_told_in_a_line() -> None:
    stats = Stats()
    assert repr(stats) == "<stats of nothing yet>"
    stats.hits.add(3)
    assert repr(stats) == "<stats 3 hits>"
    assert stats.numbers()["misses"] == 0
