"""What is not carried out, not answered or answered with nonsense: bounded, and with a verdict."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_cachekit import cache as facade
from django_cachekit.backends.dynamo import batches, failures
from django_cachekit.backends.dynamo.options import DEFAULTS
from django_cachekit.errors import Misconfigured, OutcomeUnknown, StoreUnavailable
from tests.faultproxy import FaultProxy
from tests.servers.dynamodb import DynamoDB

from .helping import config, configured, driver_of
from .rewriting import Endpoint, error

KEYS = [f"k{n}" for n in range(250)]
BUSY = "ProvisionedThroughputExceededException"


class Timed:
    """Measure what is done inside the ``with``."""

    def __enter__(self) -> "Timed":
        self.began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self.began


def half(body: Any, forward: Any) -> Any:
    """Read some of the keys that are asked for, and leave the rest unprocessed."""
    ((table, asked),) = body["RequestItems"].items()
    keys = asked["Keys"]
    now, later = keys[: (len(keys) + 1) // 2], keys[(len(keys) + 1) // 2 :]
    status, reply = forward({"RequestItems": {table: {**asked, "Keys": now}}})
    if later:
        reply["UnprocessedKeys"] = {table: {**asked, "Keys": later}}
    return status, reply


@pytest.fixture
def filled(watched: Any) -> None:
    facade.put_many({key: key for key in KEYS}, 60)
    facade.increment("count")


def test_what_is_left_unprocessed_is_asked_for_again(filled: None, endpoint: Endpoint) -> None:
    turns = itertools.count()

    def twice(operation: str, body: Any, forward: Any) -> Any:
        return half(body, forward) if next(turns) < 2 else forward(body)

    with endpoint.ruled(twice), endpoint.noting() as seen:
        assert facade.many([*KEYS, *KEYS]) == {key: key for key in KEYS}
    assert len(seen) == 5
    for body in endpoint.bodies[-5:]:
        ((_, asked),) = body["RequestItems"].items()
        names = [key["k"]["S"] for key in asked["Keys"]]
        assert len(names) == len(set(names)) <= batches.READ
        assert asked["ConsistentRead"] is True


def test_what_stays_unprocessed_is_a_miss_and_said(
    filled: None, watched: Any, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    first = driver_of().table.space.key(driver_of().entries.name("k0", None))

    def all_but_one(operation: str, body: Any, forward: Any) -> Any:
        if operation != "BatchGetItem":
            return forward(body)
        ((table, asked),) = body["RequestItems"].items()
        later = [key for key in asked["Keys"] if key["k"]["S"] == first]
        now = [key for key in asked["Keys"] if key["k"]["S"] != first]
        status, reply = 200, {"Responses": {table: []}}
        if now:
            status, reply = forward({"RequestItems": {table: {**asked, "Keys": now}}})
        reply["UnprocessedKeys"] = {table: {**asked, "Keys": later}} if later else {}
        return status, reply

    with endpoint.ruled(all_but_one), endpoint.noting() as seen, Timed() as took:
        assert facade.many(KEYS) == {**{key: key for key in KEYS}, "k0": None}
    assert took.seconds < 3
    assert len(seen) <= 3 + failures.ATTEMPTS
    assert "left 1 keys unread" in caplog.text
    with endpoint.ruled(all_but_one):
        assert facade.get("k1") == "k1"
        # An atomic verb does not take for missing what was only not read.
        with pytest.raises(StoreUnavailable, match="UnprocessedKeys"):
            facade.increment("k0")
        with pytest.raises(StoreUnavailable, match="UnprocessedKeys"):
            facade.add("k0", 1)
        with pytest.raises(StoreUnavailable):
            watched.incr("k0")  # no ValueError, which says that it is not there


def test_nothing_at_all_is_processed(filled: None, endpoint: Endpoint) -> None:
    def nothing(operation: str, body: Any, forward: Any) -> Any:
        ((table, asked),) = body["RequestItems"].items()
        if operation == "BatchGetItem":
            return 200, {"Responses": {table: []}, "UnprocessedKeys": {table: asked}}
        return 200, {"UnprocessedItems": {table: asked}}

    with endpoint.ruled(nothing), endpoint.noting() as seen, Timed() as took:
        assert set(facade.many(KEYS).values()) == {None}
        assert facade.get("k0", "nothing") == "nothing"
        assert facade.put_many({"a": 1, "b": 2}, 60) is False
        assert facade.forget_many(["k0", "k1"]) == 0
    assert took.seconds < 4 * 2.5
    assert len(seen) <= 4 * failures.ATTEMPTS


def test_writes_left_unprocessed_are_sent_again(filled: None, endpoint: Endpoint) -> None:
    turns = itertools.count()

    def some(operation: str, body: Any, forward: Any) -> Any:
        ((table, asked),) = body["RequestItems"].items()
        if next(turns) >= 2:
            return forward(body)
        _, reply = forward({"RequestItems": {table: asked[:10]}})
        return 200, {**reply, "UnprocessedItems": {table: asked[10:]}}

    with endpoint.ruled(some), endpoint.noting() as seen:
        assert facade.put_many(dict.fromkeys(KEYS[:60], "new"), 60) is True
    assert len(seen) == 5
    assert set(facade.many(KEYS[:60]).values()) == {"new"}


VERDICTS: dict[str, tuple[Callable[[], Any], Any]] = {
    "get": (lambda: facade.get("a", "nothing"), "nothing"),
    "many": (lambda: facade.many(["a", "b"]), {"a": None, "b": None}),
    "pull": (lambda: facade.pull("a", "nothing"), "nothing"),
    "has": (lambda: facade.has("a"), False),
    "put": (lambda: facade.put("a", 1, 60), False),
    "put_many": (lambda: facade.put_many({"a": 1, "b": 2}, 60), False),
    "forget": (lambda: facade.forget("a"), False),
    "forget_many": (lambda: facade.forget_many(["a", "b"]), 0),
    "touch": (lambda: facade.touch("a", 60), False),
    "remember": (lambda: facade.remember("a", 60, lambda: "made"), "made"),
    "add": (lambda: facade.add("a", 1, 60), StoreUnavailable),
    "increment": (lambda: facade.increment("count"), StoreUnavailable),
    "cas": (lambda: facade.cas("a", str), StoreUnavailable),
    "flush": (lambda: facade.flush(), StoreUnavailable),
    "flush of tags": (lambda: facade.tags("t").flush(), StoreUnavailable),
    "keys": (lambda: list(facade.keys()), StoreUnavailable),
    "ttl": (lambda: facade.ttl("a"), StoreUnavailable),
}
UNKNOWN = {"add", "increment"}
"""The verbs of which it is not known whether they were done, where the reply is lost."""


def judge(verb: str, *kinds: type[Exception]) -> None:
    work, verdict = VERDICTS[verb]
    if isinstance(verdict, type):
        with pytest.raises(verdict) as caught:
            work()
        assert caught.type in (kinds or (StoreUnavailable,))
    else:
        assert work() == verdict


@pytest.mark.parametrize("verb", [verb for verb in VERDICTS if verb not in ("flush", "keys")])
def test_no_capacity_ever(filled: None, endpoint: Endpoint, verb: str) -> None:
    with endpoint.ruled(lambda *_: error(BUSY)), endpoint.noting() as seen, Timed() as took:
        judge(verb)
    # remember asks again before it computes: a read, a lease, a read.
    calls = 3 if verb == "remember" else 2 if verb == "flush of tags" else 1
    assert took.seconds < 2.5 * calls
    assert calls <= len(seen) <= failures.ATTEMPTS * calls


def test_flushes_are_more_patient(
    filled: None, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = itertools.count()

    def busy_for_a_while(operation: str, body: Any, forward: Any) -> Any:
        return error(BUSY) if operation == "Scan" and next(turns) < 8 else forward(body)

    with endpoint.ruled(busy_for_a_while):
        assert facade.flush() is True
    assert list(facade.keys()) == []


def test_capacity_that_comes_back(filled: None, endpoint: Endpoint) -> None:
    turns = itertools.count()

    def busy_twice(operation: str, body: Any, forward: Any) -> Any:
        return error(BUSY) if next(turns) < 2 else forward(body)

    with endpoint.ruled(busy_twice), endpoint.noting() as seen:
        assert facade.increment("count") == 2
    assert seen == ["UpdateItem"] * 3


def test_pauses_are_not_in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def note(self: Any, seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("django_cachekit.core.faces.Blocking.sleep", note)
    random.seed(1)
    patience = failures.Patience(10, 6)
    busy = failures.Failed(BUSY, brief=True)
    assert [patience.allows(busy, False) for _ in range(6)] == [True] * 5 + [False]
    assert len(set(slept)) == 5
    assert all(
        low <= seconds <= 2 * low
        for low, seconds in zip([0.0125, 0.025, 0.05, 0.1, 0.1], slept, strict=True)
    )


def test_a_flush_that_fails_half_way_is_known(filled: None, endpoint: Endpoint) -> None:
    turns = itertools.count()

    def stops(operation: str, body: Any, forward: Any) -> Any:
        if operation == "BatchWriteItem" and next(turns) >= 3:
            return error("InternalServerError", 500)
        return forward(body)

    with endpoint.ruled(stops), pytest.raises(StoreUnavailable):
        facade.flush()
    assert 0 < len(list(facade.keys())) < 250
    assert facade.flush() is True
    assert list(facade.keys()) == []


def test_what_dynamodb_refuses_is_said_by_its_code(filled: None, endpoint: Endpoint) -> None:
    def denied(*_: Any) -> Any:
        return error("AccessDeniedException")

    with endpoint.ruled(denied), pytest.raises(StoreUnavailable, match="AccessDeniedException"):
        facade.increment("count")


def test_no_table(watched: Any, look_behind: Any) -> None:
    look_behind.client.delete_table(TableName=look_behind.table)
    for work in (lambda: facade.get("a"), lambda: facade.put("a", 1, 60)):
        with pytest.raises(Misconfigured, match=r"make it by: manage.py cache_table default"):
            work()


@pytest.fixture
def proxy(
    dynamodb: DynamoDB, table: str, faulty: Callable[[DynamoDB], FaultProxy]
) -> Iterator[FaultProxy]:
    made = faulty(dynamodb)
    usual = {name: DEFAULTS[name] for name in ("CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE")}
    with configured(default=config(made.url, table, **usual)):
        facade.put("a", 1, 60)
        facade.increment("count")
        yield made


FAULTS = {
    "refuse": (StoreUnavailable,),
    "reset": (StoreUnavailable, OutcomeUnknown),  # as it comes before or after the request
    "blackhole": (OutcomeUnknown,),
    "blackhole_down": (OutcomeUnknown,),
}
"""The faults, and what a verb raises that decides something."""
REQUESTS = {"remember": 3, "flush of tags": 2, "put": 2}


@pytest.mark.parametrize("verb", VERDICTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_no_answer(proxy: FaultProxy, fault: str, verb: str) -> None:
    getattr(proxy, fault)()
    with Timed() as took:
        judge(verb, *(FAULTS[fault] if verb in UNKNOWN else ()))
    assert took.seconds < 2.5 * REQUESTS.get(verb, 1)
    proxy.healthy()
    facade.put("a", 2, 60)
    assert facade.get("a") == 2


def test_the_reply_to_a_count_is_lost(proxy: FaultProxy) -> None:
    proxy.lose_one_reply()
    with pytest.raises(OutcomeUnknown):
        facade.increment("count")
    assert facade.get("count") == 2  # it was counted, once


def test_the_reply_to_an_add_is_lost(proxy: FaultProxy) -> None:
    proxy.lose_one_reply()
    with pytest.raises(OutcomeUnknown):
        facade.add("new", 1, 60)
    assert facade.add("new", 2, 60) is False
    assert facade.get("new") == 1


@pytest.mark.parametrize("key", ["a", "new"])
def test_the_reply_to_a_cas_is_lost(proxy: FaultProxy, key: str) -> None:
    given: list[int] = []

    def change(number: int) -> int:
        given.append(number)
        proxy.lose_one_reply(after=1)  # behind that of the look before the swap
        return number + 10

    with pytest.raises(OutcomeUnknown):
        facade.cas(key, change, default=1)
    assert given == [1]
    assert facade.get(key) == 11


def test_the_reply_to_a_read_or_a_put_is_lost(proxy: FaultProxy) -> None:
    proxy.lose_one_reply()
    assert facade.get("a") == 1
    proxy.lose_one_reply()
    assert facade.put("a", 2, 60) is True
    assert facade.get("a") == 2


@pytest.mark.parametrize("part", [(0, 12), (0, None), (-20, None), (-3, None)])
def test_garbled_replies_give_no_wrong_value(proxy: FaultProxy, part: tuple[int, Any]) -> None:
    proxy.garble(*part)
    assert facade.get("a") in (None, 1)
    assert facade.many(["a", "b"]) in ({"a": None, "b": None}, {"a": 1, "b": None})
    with pytest.raises(StoreUnavailable):
        facade.increment("count")
    proxy.healthy()
    assert facade.get("a") == 1
