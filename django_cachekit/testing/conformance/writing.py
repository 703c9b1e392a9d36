"""Writing, times to live and removing."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest
from django.test import override_settings

from ...core import clock as ours
from ...errors import NotSupported, TypeMismatch
from ..faced import Faced


def soon(seconds: float) -> datetime:
    """Return the moment so many seconds from now, by the clock that tests move."""
    return datetime.fromtimestamp(ours.now() + seconds, tz=timezone.utc)


@pytest.mark.parametrize("form", ["int", "float", "timedelta", "aware", "naive"])
def test_every_form_of_a_ttl(store: Faced, clock: Any, form: str) -> None:
    forms = {
        "int": 30,
        "float": 30.0,
        "timedelta": timedelta(seconds=30),
        "aware": soon(30),
        "naive": soon(30).astimezone(timezone(timedelta(hours=2))).replace(tzinfo=None),
    }
    with override_settings(TIME_ZONE="Etc/GMT-2"):
        assert store.put("key", 1, forms[form]) is True
        clock.advance(15)  # far from its end, for real time passes too
        assert store.get("key") == 1
        clock.advance(17)
        assert store.get("key") is None


def test_without_a_ttl_it_stays(store: Faced, clock: Any) -> None:
    store.put("a", 1)
    store.forever("b", 2)
    store.put_many({"c": 3})
    clock.advance(10**8)
    assert store.many(["a", "b", "c"]) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize("ttl", [0, -1, -0.5, timedelta(seconds=-1)])
def test_a_ttl_that_is_over_removes(store: Faced, ttl: Any) -> None:
    store.put("key", 1, 60)
    assert store.put("key", 2, ttl) is True
    assert store.has("key") is False
    assert store.put("key", 2, ttl) is False


@pytest.mark.parametrize("ttl", ["60", True, [1], float("nan"), object()])
def test_what_is_no_ttl_is_refused_and_changes_nothing(store: Faced, ttl: Any) -> None:
    store.put("key", 1, 60)
    with pytest.raises(TypeError, match="ttl"):
        store.put("key", 2, ttl)
    assert store.get("key") == 1


def test_a_fraction_of_a_second_is_not_nothing(store: Faced) -> None:
    began = time.monotonic()
    store.put("key", 1, 0.9)
    assert store.has("key") is True or time.monotonic() - began > 0.9  # a machine may stand still


def test_put_many(store: Faced, clock: Any) -> None:
    assert store.put_many({"a": 1, "b": 2}, 60) is True
    assert store.put_many({}) is True
    assert store.many(["a", "b"]) == {"a": 1, "b": 2}
    assert store.put_many({"a": 1}, 0) is True
    assert store.has("a") is False
    clock.advance(61)
    assert store.has("b") is False


def test_add_creates_once(store: Faced) -> None:
    assert store.add("key", 1, 60) is True
    assert store.add("key", 2, 60) is False
    assert store.get("key") == 1
    assert store.add("other", None) is True
    assert store.add("other", 1) is False


def test_add_with_a_ttl_that_is_over_leaves_nothing(store: Faced) -> None:
    assert store.add("key", 1, 0) is True
    assert store.has("key") is False


def test_add_after_expiry(store: Faced, clock: Any) -> None:
    store.put("key", 1, 30)
    clock.advance(31)
    assert store.add("key", 2, 30) is True
    assert store.get("key") == 2


def test_touch(store: Faced, clock: Any) -> None:
    store.put("key", "v", 30)
    assert store.touch("key", 300) is True
    clock.advance(100)
    assert store.get("key") == "v"
    assert store.touch("key", None) is True
    clock.advance(10**6)
    assert store.get("key") == "v"
    assert store.touch("key", 0) is True
    assert store.has("key") is False
    assert store.touch("key", 60) is False


def test_touch_does_not_raise_the_dead(store: Faced, clock: Any) -> None:
    store.put("key", 1, 30)
    clock.advance(31)
    assert store.touch("key", 60) is False
    assert store.has("key") is False


def test_forget(store: Faced, clock: Any) -> None:
    store.put_many({"a": 1, "b": 2, "c": 3}, 60)
    assert store.forget("a") is True
    assert store.forget("a") is False
    assert store.forget_many(["b", "c", "d"]) == 2
    assert store.forget_many([]) == 0
    assert store.many(["a", "b", "c"]) == dict.fromkeys("abc")


def test_counting(store: Faced, able: Any, clock: Any) -> None:
    able("count")
    assert store.increment("n", ttl=60) == 1
    assert store.increment("n", 5) == 6
    assert store.decrement("n", 2) == 4
    assert store.increment("m", 2, initial=10) == 12
    assert store.decrement("k") == -1
    assert store.get("n") == 4
    clock.advance(61)
    assert store.get("n") is None
    assert store.get("m") == 12


def test_counting_keeps_the_ttl(store: Faced, able: Any, clock: Any) -> None:
    able("count")
    store.put("n", 1, 30)
    clock.advance(20)
    store.increment("n", ttl=1000)
    clock.advance(11)
    assert store.get("n") is None


@pytest.mark.parametrize("value", ["5", True, 1.5, None, [1]])
def test_only_an_int_counts(store: Faced, able: Any, value: Any) -> None:
    able("count")
    store.put("n", value, 60)
    with pytest.raises(TypeMismatch, match="n' is of type"):
        store.increment("n")
    assert store.get("n", "x") == value


def test_large_and_negative_numbers_count(store: Faced, able: Any) -> None:
    able("count")
    assert store.increment("n", 2**70) == 2**70
    assert store.decrement("n", 2**71) == -(2**70)


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_go_over_64_bits_and_come_back(
    store: Faced, able: Any, clock: Any, sign: int
) -> None:
    able("count")
    last = sign * (2**63 - 1)
    assert store.increment("n", sign, initial=last - 3 * sign, ttl=60) == last - 2 * sign
    counted = [store.increment("n", sign) for _ in range(4)]
    assert counted == [last - sign, last, last + sign, last + 2 * sign]
    assert store.decrement("n", 3 * sign) == last - sign
    assert store.get("n") == last - sign
    assert store.decrement("n", sign * 2**200) == last - sign - sign * 2**200
    assert store.increment("n", 0) == last - sign - sign * 2**200
    clock.advance(61)
    assert store.get("n") is None, "it kept its ttl"


def test_a_counter_that_is_over_begins_anew(store: Faced, able: Any, clock: Any) -> None:
    able("count")
    assert store.decrement("n", 3, initial=-5, ttl=30) == -8
    clock.advance(31)
    assert store.increment("n", 3, initial=-5, ttl=300) == -2
    clock.advance(100)
    assert store.get("n") == -2
    store.forget("n")
    assert store.increment("n", -1, initial=1) == 0
    clock.advance(10**6)
    assert store.get("n") == 0, "it has no end unless one is given"
    for ttl in (0, -1):
        with pytest.raises(ValueError, match="ttl"):
            store.increment("n", ttl=ttl)
    assert store.get("n") == 0


def test_counting_is_refused_where_it_would_not_be_exact(store: Faced, row: Any) -> None:
    if "count" in row.can:
        pytest.skip(f"{row.name} can count")
    with pytest.raises(NotSupported):
        store.increment("n")


def test_flush_empties_the_alias(store: Faced) -> None:
    store.put_many({"a": 1, "b": 2}, 60)
    store.tags("t").put("c", 3, 60)
    assert store.flush() is True
    assert store.many(["a", "b", "c"]) == dict.fromkeys("abc")
    assert store.clear() is None


def test_a_value_that_cannot_be_stored_is_an_error_and_loses_nothing(store: Faced) -> None:
    store.put("key", "old", 60)
    with pytest.raises(Exception, match=r"(?i)pickle|lambda|serial"):
        store.put("key", lambda: 1, 60)
    assert store.get("key") == "old"


def test_what_is_changed_after_it_was_stored_is_not_changed_in_the_store(store: Faced) -> None:
    for value in ([1], {"a": [1]}, {"a": 1}, {1, 2}):
        before = repr(value)
        store.put("key", value, 60)
        value.clear()
        found = store.get("key")
        assert repr(found) == before
        found.clear()
        assert repr(store.get("key")) == before


def test_one_add_and_one_pull_win(store: Faced, able: Any) -> None:
    able("threads", "exact")
    for turn in range(10):
        wins = _at_once(8, partial(store.repository.add, f"a{turn}", 1, 60))
        assert wins.count(True) == 1
        store.put(f"p{turn}", "prize", 60)
        prizes = _at_once(8, partial(store.repository.pull, f"p{turn}"))
        assert prizes.count("prize") == 1


def test_counts_of_many_threads_add_up(store: Faced, able: Any) -> None:
    able("threads", "count")
    _at_once(8, lambda: [store.repository.increment("n") for _ in range(25)])
    assert store.get("n") == 200


def _at_once(threads: int, work: Any) -> list[Any]:
    gate = threading.Barrier(threads, timeout=30)

    def run() -> Any:
        gate.wait()
        return work()

    with ThreadPoolExecutor(threads) as pool:
        return [future.result(30) for future in [pool.submit(run) for _ in range(threads)]]
