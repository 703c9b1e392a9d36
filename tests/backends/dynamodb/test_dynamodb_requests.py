"""How many requests each verb takes, and of which kind."""

from collections.abc import Callable
from typing import Any

import pytest

from django_cachekit import cache as facade
from tests.conftest import Clock

from .helping import Look
from .rewriting import Endpoint, error

ONE = {
    "get": (lambda: facade.get("a"), "BatchGetItem"),
    "has": (lambda: facade.has("a"), "BatchGetItem"),
    "many": (lambda: facade.many(["a", "b", "missing"]), "BatchGetItem"),
    "ttl": (lambda: facade.ttl("a"), "BatchGetItem"),
    "put": (lambda: facade.put("a", 2, 60), "PutItem"),
    "put_many": (lambda: facade.put_many({"a": 2, "b": 3}, 60), "BatchWriteItem"),
    "add": (lambda: facade.add("new", 1, 60), "PutItem"),
    "increment": (lambda: facade.increment("count"), "UpdateItem"),
    "forget": (lambda: facade.forget("a"), "DeleteItem"),
    "pull": (lambda: facade.pull("a"), "DeleteItem"),
    "pull of nothing": (lambda: facade.pull("missing"), "DeleteItem"),
    "get of a tagged one": (lambda: facade.get("tagged"), "BatchGetItem"),
    "get within tags": (lambda: facade.tags("t").get("tagged"), "BatchGetItem"),
}


@pytest.fixture
def filled(watched: Any) -> None:
    facade.put_many({"a": 1, "b": 2}, 60)
    facade.increment("count")
    facade.tags("t", "u").put("tagged", 1, 60)


@pytest.mark.parametrize("verb", ONE)
def test_verbs_of_one_request(filled: None, endpoint: Endpoint, verb: str) -> None:
    work, kind = ONE[verb]
    with endpoint.noting() as seen:
        work()
    assert seen == [kind]


MORE: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "add where something is": (
        lambda: facade.add("a", 1, 60),
        ["PutItem", "BatchGetItem"],
    ),
    "first increment": (
        lambda: facade.increment("new"),
        ["UpdateItem", "BatchGetItem", "PutItem"],
    ),
    "touch": (lambda: facade.touch("a", 60), ["BatchGetItem", "PutItem"]),
    "pull of what was computed": (
        lambda: facade.pull("computed"),
        ["DeleteItem", "BatchGetItem"],
    ),
    "forget_many": (lambda: facade.forget_many(["a", "b"]), ["BatchGetItem", "BatchWriteItem"]),
    "250 keys": (lambda: facade.many([f"k{n}" for n in range(250)]), ["BatchGetItem"] * 3),
    # The epoch first: what is being computed is dead from then on.
    "flush": (lambda: facade.flush(), ["PutItem", "Scan", "BatchWriteItem"]),
    # Each item changes by itself, so the number of the flush goes before the tags' records.
    "flush of tags": (lambda: facade.tags("t", "u").flush(), ["PutItem", "BatchWriteItem"]),
    "60 puts": (
        lambda: facade.put_many({f"k{n}": n for n in range(60)}, 60),
        ["BatchWriteItem"] * 3,
    ),
}


@pytest.mark.parametrize("verb", MORE)
def test_verbs_of_more(filled: None, endpoint: Endpoint, verb: str) -> None:
    facade.remember("computed", 60, lambda: 1)
    work, kinds = MORE[verb]
    with endpoint.noting() as seen:
        work()
    assert seen == kinds


def test_an_add_is_one_request_where_dynamodb_tells_what_is_there(
    filled: None, endpoint: Endpoint, look_behind: Look
) -> None:
    # As Amazon's does for ReturnValuesOnConditionCheckFailure, which the engines here do not know.
    there = look_behind.item("a")

    def telling(operation: str, body: Any, forward: Any) -> Any:
        status, reply = forward(body)
        if status == 400 and body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            item = {**there, "v": {"B": endpoint.wire(there["v"]["B"])}}
            return error("ConditionalCheckFailedException", Item=item)
        return status, reply

    with endpoint.ruled(telling), endpoint.noting() as seen:
        assert facade.add("a", 2, 60) is False
    assert seen == ["PutItem"]


def test_an_add_over_what_has_expired_is_one_request(
    filled: None, endpoint: Endpoint, clock: Clock
) -> None:
    clock.advance(62)
    with endpoint.noting() as seen:
        assert facade.add("a", 2, 60) is True
    assert seen == ["PutItem"]


def test_the_first_read_of_a_space_begins_its_epoch(watched: Any, endpoint: Endpoint) -> None:
    with endpoint.noting() as seen:
        facade.get("a")
        facade.get("a")
    assert seen == ["BatchGetItem", "PutItem", "BatchGetItem"]
