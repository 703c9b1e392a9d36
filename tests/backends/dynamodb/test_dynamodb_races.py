"""Two who want the same item, with the other one let in at the very moment that matters."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit import cache as facade
from tests.conftest import Clock

from .helping import Look, config, configured, driver_of
from .rewriting import Endpoint


@pytest.fixture
def both(dynamodb: Any, endpoint: Endpoint, table: str) -> Iterator[Any]:
    """Give one cache twice: the default one behind the endpoint, and its rival."""
    mine = config(endpoint.url, table, STORE_ID="one")
    rival = config(dynamodb.url, table, STORE_ID="one")
    with configured(default=mine, rival=rival):
        facade.put("warm", 1, 60)
        facade.get("warm")
        yield caches["rival"]


def once(endpoint: Endpoint, after: str, work: Any) -> Any:
    """Return a rule that lets the rival in after the first answer to an operation."""

    def rule(operation: str, body: Any, forward: Any) -> Any:
        reply = forward(body)
        if operation == after:
            endpoint.rule = lambda operation, body, forward: forward(body)
            work()
        return reply

    return rule


def test_a_touch_loses_no_count(both: Any, endpoint: Endpoint) -> None:
    facade.increment("n", ttl=60)
    with endpoint.ruled(once(endpoint, "BatchGetItem", lambda: both.incr("n", 10))):
        assert facade.touch("n", 90) is True
    assert facade.get("n") == 11


def test_an_increment_loses_no_value(both: Any, endpoint: Endpoint) -> None:
    facade.put("n", 1, 60)  # put, and not yet counted
    with endpoint.ruled(once(endpoint, "BatchGetItem", lambda: both.set("n", 100, 60))):
        assert facade.increment("n") == 101


def test_a_touch_brings_nothing_back(both: Any, endpoint: Endpoint) -> None:
    facade.put("a", 1, 60)
    with endpoint.ruled(once(endpoint, "BatchGetItem", lambda: both.delete("a"))):
        assert facade.touch("a", 90) is False
    assert facade.get("a") is None


def test_a_first_increment_replaces_no_other(both: Any, endpoint: Endpoint) -> None:
    with endpoint.ruled(once(endpoint, "BatchGetItem", lambda: both.add("n", 5))):
        assert facade.increment("n") == 6


def test_pruning_spares_what_was_put_meanwhile(both: Any, endpoint: Endpoint, clock: Clock) -> None:
    facade.put_many({"a": 1, "b": 1}, 10)
    clock.advance(12)
    with endpoint.ruled(once(endpoint, "Scan", lambda: both.set("a", 2, 60))):
        assert driver_of().table.prune() == 1
    assert facade.get("a") == 2


def test_a_counter_of_a_past_epoch_is_begun_anew(both: Any, look_behind: Look) -> None:
    facade.remember("n", 60, lambda: 5)
    assert [facade.increment("n"), facade.increment("n")] == [6, 7]
    late = look_behind.item("n")
    facade.flush()
    look_behind.put(late)  # as one does that computed it and was held up
    assert facade.get("n") is None
    assert [facade.increment("n"), facade.increment("n")] == [1, 2]


def test_a_flush_between_a_read_and_the_epoch(both: Any, endpoint: Endpoint) -> None:
    facade.remember("a", 60, lambda: 1)
    with endpoint.ruled(once(endpoint, "DeleteItem", lambda: both.clear())):
        assert facade.pull("a") is None


def test_two_begin_an_epoch_at_once(dynamodb: Any, endpoint: Endpoint, table: str) -> None:
    mine = config(endpoint.url, table, STORE_ID="one")
    with configured(default=mine, rival=config(dynamodb.url, table, STORE_ID="one")):
        rival = caches["rival"]
        with endpoint.ruled(
            once(endpoint, "BatchGetItem", lambda: rival.get_or_set("a", lambda: "a", 60))
        ):
            assert facade.remember("b", 60, lambda: "b") == "b"
        assert rival.get_many(["a", "b"]) == facade.many(["a", "b"]) == {"a": "a", "b": "b"}
