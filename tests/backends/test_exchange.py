"""``cas`` in the narrow: what happens between the last look and the write, and in the end."""

import threading
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.faces import Blocking
from django_cachekit.core.flights import BOARD
from django_cachekit.errors import StoreUnavailable
from django_cachekit.flows import exchange
from django_cachekit.testing.clock import Clock
from tests.stores import BY_NAME, OURS


@pytest.fixture(params=["array", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with override_settings(CACHES=BY_NAME[request.param].caches(tmp_path)):
        yield cache


def driver() -> Any:
    return cache._home.stack().driver


def test_what_expires_before_the_write_is_not_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    with override_settings(CACHES=BY_NAME["file"].caches(tmp_path)):
        cache.put("n", 5, 30)
        io, given = driver().io, list[int]()
        update = io.update

        async def late(*args: Any) -> Any:
            clock.advance(31)
            io.update = update
            return await update(*args)

        io.update = late
        assert cache.cas("n", lambda n: given.append(n) or n + 1, default=100) == 101
        assert given == [5, 100]


@pytest.mark.parametrize("before", [None, "old"])
def test_the_claim_of_another_process_goes_with_a_cas(store: Any, before: Any) -> None:
    """This process is kept from telling its own computation, which then is as one elsewhere."""
    if before is not None:
        store.put("key", before)

    def make() -> str:
        with mock.patch.object(BOARD, "revoke"):
            store.cas("key", lambda _: "changed")
        return "computed"

    store.refresh("key", 60, make)
    assert store.get("key") == "changed"


def test_a_computation_of_this_process_is_told(store: Any) -> None:
    joined = list[bool]()

    def make() -> str:
        store.cas("key", lambda _: "changed")
        joined.append(store._now.flight("key", None) in BOARD._flights)
        return "computed"

    store.remember("key", 60, make)
    assert joined == [False], "who comes now begins anew"


def test_no_lock_is_held_while_the_change_runs(store: Any) -> None:
    """A thread that writes the very key meanwhile is not made to wait."""
    store.put("key", 0)

    def change(value: int) -> int:
        if value == 0:
            thread = threading.Thread(target=lambda: store.put("key", 10))
            thread.start()
            thread.join(10)
            assert not thread.is_alive()
        return value + 1

    assert store.cas("key", change) == 11


class Nosy:
    """Look, when it is pickled, whether another thread can write where it will lie."""

    seen: list[bool] = []

    def __reduce__(self) -> Any:
        thread = threading.Thread(target=lambda: cache.put("key", None))
        thread.start()
        thread.join(5)
        self.seen.append(not thread.is_alive())
        return str, ("pickled",)


def test_nor_while_the_value_is_pickled(store: Any) -> None:
    Nosy.seen.clear()
    made = iter([Nosy(), "plain"])
    assert store.cas("key", lambda _: next(made)) == "plain"
    assert Nosy.seen
    assert all(Nosy.seen)


def test_it_gives_up_in_the_end_and_says_so(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = list[float]()

    async def note(self: Any, seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(Blocking, "sleep", note)
    monkeypatch.setattr(exchange, "TRIES", 30)
    store.put("key", 0)

    def never_first(value: int) -> str:
        store.put("key", value + 1)
        return "mine"

    with pytest.raises(StoreUnavailable, match=r"cas\(\) gave up, others changed the key 30 times"):
        store.cas("key", never_first)
    assert store.get("key") == 30
    assert len(set(slept)) == 30
    assert max(slept) <= exchange.LONGEST_PAUSE


def test_a_store_that_keeps_nothing_begins_each_time() -> None:
    null = {"default": {"BACKEND": OURS + "null.NullCache"}}
    with override_settings(CACHES=null):
        for _ in range(2):
            assert cache.cas("key", lambda seen: [*seen, 1], default=list) == [1]
            assert cache.tags("t").cas("key", str, default=0, ttl=60) == "0"
