"""The options of computing: what a store has to keep for them, and what none may bring back."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ... import cache
from ...flows import behind
from ...flows.options import Given
from ..clock import Clock
from ..faced import Faced


def settled() -> None:
    """Wait until nothing is computed behind anybody's back."""
    for _ in range(2000):
        if not behind.REFRESHES._under_way and not behind.WAITS._futures:
            return
        time.sleep(0.005)
    raise AssertionError("what was begun behind a caller never ended")


def fail() -> Any:
    """Be a computation that fails."""
    raise LookupError("no such row")


def never() -> Any:
    """Be a computation that is not to be made."""
    raise AssertionError("this was not to be computed")


REMOVALS: dict[str, Callable[[], object]] = {
    "the alias": lambda: cache.flush(),
    "a declared tag": lambda: cache.tags("declared").flush(),
    "a found tag": lambda: cache.tags("found").flush(),
    "both together": lambda: cache.tags("declared", "found").flush(match="all"),
    "the key": lambda: cache.forget("key"),
}
"""Every way in which a value is taken away."""

removals = pytest.mark.parametrize("way", REMOVALS)


def tagged(entry: Any) -> str:
    """Be a computation that finds a tag."""
    entry.tags.add("found")
    return "old"


# Served where computing fails


def test_a_value_that_has_ended_is_served_where_computing_fails(store: Faced, clock: Clock) -> None:
    failing = store.callback(fail)
    assert store.remember("key", 60, lambda: "old", stale_if_error=600) == "old"
    assert store.remember("key", 60, never, stale_if_error=600) == "old"
    clock.advance(61)
    assert store.remember("key", 60, failing, stale_if_error=600) == "old"
    clock.advance(500)
    assert store.remember("key", 60, failing, stale_if_error=600) == "old"
    clock.advance(200)
    with pytest.raises(LookupError):
        store.remember("key", 60, failing, stale_if_error=600)


def test_who_does_not_ask_for_it_has_the_error(store: Faced, clock: Clock) -> None:
    store.remember("key", 60, lambda: "old", stale_if_error=600)
    clock.advance(61)
    with pytest.raises(LookupError):
        store.remember("key", 60, store.callback(fail))
    with pytest.raises(LookupError):
        store.flexible("key", (10, 60), store.callback(fail))
    with pytest.raises(LookupError):
        store.remember("key", 60, store.callback(fail), stale_if_error=0.5)
    assert store.remember("key", 60, store.callback(fail), stale_if_error=600) == "old"


def test_for_all_others_it_has_ended(store: Faced, clock: Clock) -> None:
    def ended(key: str) -> str:
        store.remember(key, 60, lambda: 5, stale_if_error=600)
        clock.advance(61)
        return key

    assert store.get(ended("a"), "gone") == "gone"
    assert store.has("a") is False
    assert store.many(["a"]) == {"a": None}
    assert store.pull("a", "gone") == "gone"
    assert store.add(ended("b"), 2, 60) is True
    assert store.get("b") == 2
    assert store.touch(ended("c"), 60) is False
    assert store.get("c") is None
    assert store.forget(ended("d")) is False
    assert store.get_or_set(ended("e"), 6, 60) == 6


def test_it_is_neither_counted_on_nor_listed(store: Faced, able: Any, clock: Clock) -> None:
    able("count", "list", "ttl")
    for key in ("a", "b"):
        store.remember(key, 60, lambda: 5, stale_if_error=600)
    assert 0 < store.ttl("a") <= 60
    assert store.increment("a") == 6
    assert 0 < store.ttl("a") <= 60
    clock.advance(61)
    assert list(store.keys()) == []
    with pytest.raises(KeyError):
        store.ttl("b")
    assert store.increment("b") == 1


def test_its_end_can_be_moved(store: Faced, able: Any, clock: Clock) -> None:
    able("ttl")
    store.remember("key", 60, lambda: 5, stale_if_error=600)
    assert store.touch("key", 500) is True
    assert 60 < store.ttl("key") <= 500
    clock.advance(400)
    assert store.get("key") == 5
    clock.advance(101)
    assert store.get("key") is None


@removals
def test_what_was_taken_away_is_not_served(store: Faced, clock: Clock, way: str) -> None:
    scope = store.tags("declared")
    assert scope.remember("key", 60, store.callback(tagged), stale_if_error=600) == "old"
    clock.advance(61)
    REMOVALS[way]()
    with pytest.raises(LookupError):
        scope.remember("key", 60, store.callback(fail), stale_if_error=600)


@removals
def test_nor_what_is_taken_away_while_it_is_computed(store: Faced, clock: Clock, way: str) -> None:
    def overtaken() -> Any:
        REMOVALS[way]()
        fail()

    scope = store.tags("declared")
    assert scope.remember("key", 60, store.callback(tagged), stale_if_error=600) == "old"
    clock.advance(61)
    with pytest.raises(LookupError):
        scope.remember("key", 60, store.callback(overtaken), stale_if_error=600)


def test_what_failed_is_left_alone_for_longer_and_longer(store: Faced, clock: Clock) -> None:
    calls: list[int] = []

    def failing() -> Any:
        calls.append(1)
        fail()

    def ask() -> int:
        found = store.remember("key", 60, store.callback(failing), stale_if_error=6000)
        assert found == "old"
        return len(calls)

    store.remember("key", 60, lambda: "old", stale_if_error=6000)
    clock.advance(61)
    asked = [ask()]
    for pause in (1, 2, 4, 8):
        clock.advance(pause + 0.1)
        asked.append(ask())
    assert asked == [1, 2, 3, 4, 5]
    assert ask() == 5
    clock.advance(8)  # half of it, so that a slow machine is no failure
    assert ask() == 5
    clock.advance(8.1)
    assert ask() == 6
    with pytest.raises(LookupError):
        store.remember("key", 60, store.callback(failing))
    assert store.remember("key", 60, lambda: "new") == "new"
    assert store.remember("key", 60, never, stale_if_error=6000) == "new"


def test_what_could_be_computed_again_begins_anew(store: Faced, clock: Clock) -> None:
    def ask(make: Any) -> Any:
        return store.remember("key", 10, store.callback(make), stale_if_error=6000)

    ask(lambda: 1)
    clock.advance(11)
    assert ask(fail) == 1
    clock.advance(1.1)
    assert ask(lambda: 2) == 2
    clock.advance(11)
    assert ask(fail) == 2
    clock.advance(1.1)
    assert ask(lambda: 3) == 3


def test_flexible_serves_it_when_it_is_no_longer_stale_but_gone(store: Faced, clock: Clock) -> None:
    pair, failing = (10, 60), store.callback(fail)
    store.flexible("key", pair, lambda: "old", stale_if_error=600)
    clock.advance(61)
    assert store.get("key") is None
    assert store.flexible("key", pair, failing, stale_if_error=600) == "old"
    clock.advance(2)
    assert store.flexible("key", pair, lambda: "new", stale_if_error=600) == "new"


def test_a_refresh_that_fails_leaves_what_is_there(store: Faced) -> None:
    store.put("key", "old", 60)
    with pytest.raises(LookupError):
        store.refresh("key", 60, store.callback(fail))
    assert store.refresh("key", 60, store.callback(fail), stale_if_error=60) == "old"
    assert store.refresh("key", 60, lambda: "new", stale_if_error=60) == "new"
    assert store.get("key") == "new"


def test_what_an_expired_tag_made_stale_is_served_too(store: Faced) -> None:
    scope = store.tags("t")
    scope.remember("key", 60, lambda: "old", stale_if_error=60)
    scope.expire()
    assert scope.remember("key", 60, store.callback(fail), stale_if_error=60) == "old"
    scope.flush()
    with pytest.raises(LookupError):
        scope.remember("key", 60, store.callback(fail), stale_if_error=60)


# Served where computing takes long


def test_who_has_waited_long_enough_is_served_the_old_value(
    store: Faced, able: Any, clock: Clock
) -> None:
    able("threads")
    go, kept = threading.Event(), Given(stale_if_error=600, soft_timeout=0.05)

    def slow() -> str:
        go.wait(10)
        return "new"

    c = store.repository  # blocking: an awaited one is begun again when its loop ends
    c.remember("key", 60, lambda: "old", **kept)
    clock.advance(61)
    assert c.remember("key", 60, slow, **kept) == "old"
    assert c.remember("key", 60, never, **kept) == "old"
    go.set()
    settled()
    assert c.get("key") == "new"


@removals
def test_what_is_taken_away_while_he_waits_is_not(
    store: Faced, able: Any, clock: Clock, way: str
) -> None:
    able("threads")
    begun, kept = threading.Event(), Given(stale_if_error=600, soft_timeout=1)

    def overtaken(entry: Any) -> str:
        entry.tags.add("found")
        if not begun.is_set():
            begun.set()
            REMOVALS[way]()
            time.sleep(1.2)
            return "overtaken"
        return "new"

    scope = cache.tags("declared")
    scope.remember("key", 60, tagged, **kept)
    clock.advance(61)
    assert scope.remember("key", 60, overtaken, **kept) != "old"
    settled()
    assert cache.get("key") in (None, "new")


def test_nor_is_he_given_what_was_begun_before_a_flush(
    store: Faced, able: Any, clock: Clock
) -> None:
    able("threads")
    begun, go, scope = threading.Event(), threading.Event(), cache.tags("t")

    def slow() -> str:
        begun.set()
        go.wait(10)
        return "overtaken"

    scope.remember("key", 60, lambda: "old", stale_if_error=600)
    clock.advance(61)
    assert scope.remember("key", 60, slow, stale_if_error=600, soft_timeout=0.05) == "old"
    assert begun.wait(10)
    scope.flush()
    scope.refresh("key", 60, lambda: "newer", stale_if_error=600)
    clock.advance(61)
    with ThreadPoolExecutor(1) as pool:
        kept = Given(stale_if_error=600, soft_timeout=10)
        asked = pool.submit(lambda: scope.remember("key", 60, lambda: "newest", **kept))
        time.sleep(0.1)
        go.set()
        assert asked.result(20) in ("newer", "newest")
    settled()
    assert cache.get("key") in (None, "newest")


# Kept as it is


def test_what_was_not_modified_lives_anew(store: Faced, clock: Clock) -> None:
    def same(entry: Any) -> Any:
        assert entry.stale == "old"
        return entry.not_modified()

    scope = store.tags("declared")
    scope.remember("key", 60, store.callback(tagged), stale_if_error=600)
    clock.advance(61)
    assert scope.remember("key", 60, store.callback(same), stale_if_error=600) == "old"
    clock.advance(50)
    assert store.tags("declared", "found").get("key") == "old"
    assert scope.refresh("key", 60, store.callback(same)) == "old"
    clock.advance(50)
    assert store.tags("declared", "found").get("key") == "old"
    clock.advance(20)
    assert store.get("key") is None


@removals
def test_and_can_be_taken_away(store: Faced, clock: Clock, way: str) -> None:
    def same(entry: Any) -> Any:
        return entry.not_modified()

    scope = store.tags("declared")
    scope.remember("key", 60, store.callback(tagged), stale_if_error=600)
    clock.advance(61)
    scope.remember("key", 60, store.callback(same), stale_if_error=600)
    REMOVALS[way]()
    assert store.get("key") is None
    with pytest.raises(LookupError):
        scope.remember("key", 60, store.callback(fail), stale_if_error=600)


@removals
@pytest.mark.parametrize("verb", ["remember", "refresh"])
def test_it_is_not_brought_back(store: Faced, clock: Clock, way: str, verb: str) -> None:
    def overtaken(entry: Any) -> Any:
        REMOVALS[way]()
        return entry.not_modified()

    scope = store.tags("declared")
    scope.remember("key", 60, store.callback(tagged), stale_if_error=600)
    clock.advance(61 if verb == "remember" else 1)
    getattr(scope, verb)("key", 60, store.callback(overtaken), stale_if_error=600)
    assert store.get("key") is None
    with pytest.raises(LookupError):
        scope.remember("key", 60, store.callback(fail), stale_if_error=600)


def test_what_is_not_there_cannot_be_kept(store: Faced) -> None:
    def same(entry: Any) -> Any:
        assert entry.stale is None
        return entry.not_modified()

    with pytest.raises(LookupError, match="no old value"):
        store.remember("key", 60, store.callback(same))
    with pytest.raises(LookupError, match="no old value"):
        store.refresh("key", 60, store.callback(same))


# Times


def test_none_may_live_for_another_time(store: Faced, clock: Clock) -> None:
    def ttl(value: Any) -> Any:
        return value["ttl"]

    assert store.remember("a", 600, lambda: None, negative_ttl=10) is None
    assert store.remember("b", 600, lambda: "some", negative_ttl=10) == "some"
    assert store.remember("c", ttl, lambda: None, negative_ttl=10) is None
    assert store.remember_forever("d", lambda: None, negative_ttl=0) is None
    assert store.flexible("e", (60, 600), lambda: None, negative_ttl=10) is None
    assert [store.has(key) for key in "abcde"] == [True, True, True, False, True]
    clock.advance(11)
    assert [store.has(key) for key in "abce"] == [False, True, False, False]


def test_times_are_shortened_at_random(store: Faced, able: Any) -> None:
    able("ttl")
    for n in range(20):
        store.remember(f"key{n}", 1000, lambda: 1, jitter=0.5)
    left = [store.ttl(f"key{n}") for n in range(20)]
    assert all(490 < seconds <= 1001 for seconds in left)
    assert max(left) - min(left) > 50


def test_never_by_more_than_was_said(store: Faced, clock: Clock) -> None:
    for n in range(20):
        store.remember(f"key{n}", 1000, lambda: 1, jitter=0.1)
    clock.advance(890)
    assert all(store.has(f"key{n}") for n in range(20))
    clock.advance(112)
    assert not any(store.has(f"key{n}") for n in range(20))


# Early


def test_what_took_long_is_computed_before_its_end(
    store: Faced, able: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    able("threads")
    made: list[int] = []

    def make() -> int:
        clock.advance(5)
        made.append(1)
        return len(made)

    def ask() -> Any:
        found = store.repository.remember("key", 600, make, early=1.0)
        settled()
        return found

    drawn = 0.0
    monkeypatch.setattr("random.random", lambda: drawn)
    assert [ask(), ask()] == [1, 1]
    drawn = 1 - 1e-9  # which is about 21 times its cost before its end
    assert ask() == 1
    clock.advance(480)
    assert ask() == 1
    clock.advance(20)
    assert [ask(), ask()] == [1, 2]
    assert len(made) == 2


@removals
def test_early_or_not_a_flush_is_a_flush(
    store: Faced, able: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    able("threads")
    made: list[int] = []

    def make(entry: Any) -> int:
        entry.tags.add("found")
        made.append(1)
        if len(made) > 1:
            REMOVALS[way]()
        clock.advance(5)
        return len(made)

    monkeypatch.setattr("random.random", lambda: 1 - 1e-9)
    scope = store.repository.tags("declared")
    assert scope.remember("key", 60, make, early=1.0) == 1
    assert scope.remember("key", 60, make, early=1.0) == 1
    settled()
    assert len(made) == 2
    assert store.get("key") is None


def test_a_number_can_still_be_counted_on(store: Faced, able: Any) -> None:
    able("count")
    assert store.remember("n", 60, lambda: 5, early=1.0) == 5
    assert store.increment("n") == 6
    assert store.get("n") == 6


# What goes wrong


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"early": 0}, ValueError),
        ({"early": "1"}, TypeError),
        ({"jitter": 1}, ValueError),
        ({"jitter": -0.1}, ValueError),
        ({"stale_if_error": -1}, ValueError),
        ({"stale_if_error": "long"}, TypeError),
        ({"soft_timeout": True}, TypeError),
        ({"negative_ttl": "1"}, TypeError),
        ({"on_error": "ignore"}, ValueError),
        ({"later": 1}, TypeError),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    store: Faced, given: dict[str, Any], error: type[Exception]
) -> None:
    name = next(iter(given))
    with pytest.raises(error, match=name):
        store.remember("key", 60, lambda: 1, **given)
    with pytest.raises(error, match=name):
        store.refresh("key", 60, lambda: 1, **given)
    with pytest.raises(error, match=name):
        store.flexible("key", (60, 600), lambda: 1, **given)
    with pytest.raises(error, match=name):
        store.repository.cached(60, **given)
    assert store.has("key") is False
