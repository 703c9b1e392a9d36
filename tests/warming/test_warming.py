"""What a warmer's function means, on every store."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings

from django_cachekit import cache, cached, signals, warmer
from django_cachekit.errors import StoreUnavailable
from django_cachekit.flows.warm import NotStored
from django_cachekit.warming import Outcome, warm
from tests.conftest import Clock

NULL = {"BACKEND": "django_cachekit.backends.null.NullCache"}
TABLELESS = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "no_such"}


def only(outcomes: list[Outcome]) -> Outcome:
    (outcome,) = outcomes
    return outcome


def test_what_a_function_returns_is_kept_under_its_name(any_store: Any) -> None:
    warmer("overview", ttl=600)(lambda: {"cities": 3})

    outcome = only(warm())

    assert (outcome.name, outcome.status, outcome.entries) == ("overview", "warmed", 1)
    assert outcome.ok
    assert outcome.error is None
    assert any_store.get("overview") == {"cities": 3}


def test_a_generator_keeps_each_pair(any_store: Any) -> None:
    @warmer("cities", ttl=600)
    def cities() -> Iterator[tuple[str, int]]:
        for number in range(3):
            yield f"city:{number}", number

    assert only(warm()).entries == 3
    assert any_store.many(["city:0", "city:1", "city:2", "cities"]) == {
        "city:0": 0,
        "city:1": 1,
        "city:2": 2,
        "cities": None,
    }


def test_tags_reach_what_was_warmed(any_store: Any) -> None:
    warmer("a", tags=["people", "artists"])(lambda: 1)
    warmer("b", tags="cities")(lambda: iter_pair("c", 2))
    warm()
    assert any_store.many(["a", "c"]) == {"a": 1, "c": 2}

    any_store.tags("artists").flush()

    assert any_store.many(["a", "c"]) == {"a": None, "c": 2}


def iter_pair(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield key, value


def test_it_lives_as_long_as_was_said(store: Any, clock: Clock) -> None:
    warmer("short", ttl=60)(lambda: 1)
    warmer("long")(lambda: 1)
    warm()

    clock.advance(61)

    assert store.many(["short", "long"]) == {"short": None, "long": 1}


def test_a_function_that_returns_none_fills_the_cache_itself(store: Any) -> None:
    warmer("own")(lambda: store.put("mine", 1) and None)

    outcome = only(warm())

    assert (outcome.status, outcome.entries) == ("warmed", 0)
    assert store.missing("own")
    assert store.get("mine") == 1


def test_it_is_computed_anew_each_time(store: Any) -> None:
    values = iter([1, 2])
    warmer("fresh", ttl=600)(lambda: next(values))

    warm()
    warm()

    assert store.get("fresh") == 2


def test_a_coroutine_function_is_awaited(any_store: Any) -> None:
    @warmer("awaited", ttl=60)
    async def awaited() -> int:
        return await sync_to_async(lambda: 5)()

    assert only(warm()).status == "warmed"
    assert any_store.get("awaited") == 5


def test_an_asynchronous_generator_keeps_each_pair(store: Any) -> None:
    @warmer("awaited")
    async def pairs() -> AsyncIterator[tuple[str, int]]:
        for number in range(2):
            yield f"n:{number}", await sync_to_async(lambda: 7)()

    assert only(warm()).entries == 2
    assert store.get("n:1") == 7


@pytest.mark.django_db
def test_a_coroutine_reads_the_database_in_the_callers_transaction(store: Any) -> None:
    User.objects.create(username="ada")

    @warmer("users")
    async def users() -> list[str]:
        return [user.username async for user in User.objects.all()]

    assert only(warm()).error is None
    assert store.get("users") == ["ada"]
    assert connection.in_atomic_block


def test_a_cached_function_is_refreshed_under_its_own_key(store: Any) -> None:
    values = iter([1, 2])

    @warmer("sums")
    @cached(ttl=60)
    def sums() -> int:
        return next(values)

    assert sums() == 1

    assert only(warm()).status == "warmed"
    assert sums() == 2
    assert store.missing("sums")


def test_a_cached_coroutine_function_is_refreshed_too(store: Any) -> None:
    @warmer("sums")
    @cached(ttl=60, key="the-key")
    async def sums() -> int:
        return 4

    assert only(warm()).status == "warmed"
    assert store.get("the-key") == 4


def test_a_flush_while_it_computes_is_not_undone(any_store: Any) -> None:
    @warmer("slow", tags="people")
    def slow() -> str:
        any_store.tags("people").flush()
        return "of before"

    warm()

    assert any_store.missing("slow")


def test_a_clear_while_it_computes_is_not_undone(any_store: Any) -> None:
    @warmer("slow")
    def slow() -> str:
        any_store.flush()
        return "of before"

    warm()

    assert any_store.missing("slow")


def test_a_value_that_was_refused_is_a_failure(store: Any) -> None:
    warmer("bad")(lambda: (pair for pair in [("good", 1), ("bad", lambda: 0)]))

    outcome = only(warm())

    assert outcome.status == "failed"
    assert outcome.entries == 1
    assert store.get("good") == 1


def test_a_store_that_took_nothing_is_a_failure() -> None:
    array = {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "refusing"}

    @warmer("slow")
    def slow() -> int:
        cache.flush()
        return 1

    with override_settings(CACHES={"default": array}):
        outcome = only(warm())

    assert isinstance(outcome.exception, NotStored)
    assert "1 of 1 entries were not stored" in (outcome.error or "")


@pytest.mark.parametrize("pair", ["ab", 3, ("a",), ("a", 1, 2)])
def test_a_generator_must_yield_pairs(store: Any, pair: Any) -> None:
    warmer("odd")(lambda: (item for item in [pair]))

    outcome = only(warm())

    assert outcome.error == (
        f"TypeError: A generator warmer yields (key, value) pairs, not {type(pair).__name__}."
    )


def test_a_ttl_that_has_run_out_stores_nothing_and_says_so(store: Any) -> None:
    warmer("over", ttl=0)(lambda: 1)

    assert "has run out" in (only(warm()).error or "")
    assert store.missing("over")


def test_an_error_is_one_line_without_control_characters(store: Any) -> None:
    @warmer("bad")
    def bad() -> None:
        raise ValueError("one\ntwo\x1b[31m\u2028three\u202e")

    outcome = only(warm())

    assert outcome.error == r"ValueError: one\ntwo\x1b[31m\u2028three\u202e"
    assert isinstance(outcome.exception, ValueError)
    assert "exception" not in repr(outcome)


def test_a_long_error_is_cut(store: Any) -> None:
    @warmer("bad")
    def bad() -> None:
        raise ValueError("x" * 10_000)

    assert len(only(warm()).error or "") < 600


@pytest.mark.parametrize("leave", [SystemExit(3), GeneratorExit(), MemoryError()])
def test_whatever_one_raises_the_others_run(store: Any, leave: BaseException) -> None:
    @warmer("leaves")
    def leaves() -> None:
        raise leave

    warmer("stays")(lambda: 1)

    assert [outcome.status for outcome in warm()] == ["failed", "warmed"]


def test_ctrl_c_ends_it_all(store: Any) -> None:
    @warmer("first")
    def first() -> None:
        raise KeyboardInterrupt

    ran: list[int] = []
    warmer("second")(lambda: ran.append(1))

    with pytest.raises(KeyboardInterrupt):
        warm()
    assert ran == []


def test_an_alias_that_is_not_there_is_that_warmers_failure(store: Any) -> None:
    warmer("lost", store="nowhere")(lambda: 1)
    warmer("found")(lambda: 1)

    lost, found = warm()

    assert lost.status == "failed"
    assert "nowhere" in (lost.error or "")
    assert found.ok


@pytest.mark.django_db
def test_a_store_that_cannot_be_reached_is_a_failure_before_anything_is_computed() -> None:
    ran: list[int] = []
    warmer("vain")(lambda: ran.append(1))

    with override_settings(CACHES={"default": TABLELESS}):
        outcome = only(warm())

    assert isinstance(outcome.exception, StoreUnavailable)
    assert ran == []


def test_a_store_that_keeps_nothing_is_no_failure() -> None:
    warmer("vain")(lambda: 1)

    with override_settings(CACHES={"default": NULL}):
        assert only(warm()).status == "warmed"


def test_each_is_reported_when_it_ends_and_returned_in_order(store: Any) -> None:
    for name in "abc":
        warmer(name)(lambda: 1)
    reported: list[str] = []

    outcomes = warm(["c", "a", "b"], report=lambda outcome: reported.append(outcome.name))

    assert [outcome.name for outcome in outcomes] == reported == ["c", "a", "b"]


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"concurrency": 1.5}, {"timeout": 0}])
def test_what_cannot_be_is_refused(store: Any, wrong: dict[str, Any]) -> None:
    warmer("a")(lambda: 1)

    with pytest.raises(ValueError, match=next(iter(wrong))):
        warm(**wrong)


class Heard(list[dict[str, Any]]):
    """Collect what a signal carries."""

    def __call__(self, **named: Any) -> None:
        del named["signal"]
        self.append(named)


@pytest.fixture
def heard() -> Iterator[Heard]:
    collected = Heard()
    signals.cache_warmed.connect(collected, weak=False)
    yield collected
    signals.cache_warmed.disconnect(collected)


def test_a_signal_tells_of_each(store: Any, heard: Heard) -> None:
    warmer("good")(lambda: 1)

    @warmer("bad")
    def bad() -> None:
        raise ValueError("no")

    warm()

    good, failed = heard
    assert (good["name"], good["error"], good["store"]) == ("good", None, "default")
    assert good["duration"] >= 0
    assert good["sender"].__module__.startswith("django_cachekit.backends.")
    assert (failed["name"], failed["error"]) == ("bad", "ValueError: no")


def test_an_alias_without_signals_sends_none(heard: Heard) -> None:
    array = {
        "BACKEND": "django_cachekit.backends.array.ArrayCache",
        "OPTIONS": {"SIGNALS": False},
    }
    warmer("silent")(lambda: 1)

    with override_settings(CACHES={"default": array}):
        assert only(warm()).ok

    assert heard == []


def test_a_receiver_that_raises_breaks_nothing(store: Any) -> None:
    def receiver(**_: Any) -> None:
        raise ValueError("receiver")

    signals.cache_warmed.connect(receiver)
    warmer("good")(lambda: 1)
    try:
        assert only(warm()).ok
    finally:
        signals.cache_warmed.disconnect(receiver)
