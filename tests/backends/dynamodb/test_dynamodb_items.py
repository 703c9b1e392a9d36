"""What lies in the table: hidden, bound to its place, and of the size that DynamoDB takes."""

import base64
import json
import os
import time
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit import cache as facade
from django_cachekit.backends.dynamo import items, pieces
from django_cachekit.backends.rotation import rotate
from django_cachekit.codecs import generate_key
from django_cachekit.errors import ValueTooLarge
from tests.conftest import Clock

from .helping import SEALED, Look, config, configured, driver_of
from .rewriting import Endpoint

SECRETS = ["user:4711:address", "Baker Street 221b", "tag-of-customers", "prefix-x"]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_sealed_table_tells_nothing(dynamodb: Any, table: str, sealed: bool) -> None:
    key, value, tag, prefix = SECRETS
    more = SEALED if sealed else {}
    with configured(default=config(dynamodb.url, table, KEY_PREFIX=prefix, **more)):
        facade.tags(tag).put(key, value, 60)
        facade.increment(key + ":count", 987654321)
        facade.increment(key + ":count")
        facade.remember(key + ":computed", 60, lambda: value)
        dump = json.dumps(Look(dynamodb.url, table).all(), default=lambda data: data.hex())
    found = [
        secret for secret in [*SECRETS, "987654322"] if any(form in dump for form in forms(secret))
    ]
    assert found == ([] if sealed else [*SECRETS[:3], "987654322"])


def forms(secret: str) -> list[str]:
    data = secret.encode()
    return [
        secret,
        data.hex(),
        secret.encode("utf-16-le").hex(),
        base64.b64encode(data)[:-4].decode(),
    ]


@pytest.fixture(params=[{}, SEALED], ids=["signed", "sealed"])
def options(request: pytest.FixtureRequest) -> Any:
    return request.param


def edited(item: dict[str, Any], **changes: Any) -> dict[str, Any]:
    made = {**item, **changes}
    return {name: value for name, value in made.items() if value is not None}


FAR = {"N": str(2**40)}
EDITS: dict[str, Any] = {
    "a bit": lambda i: edited(i, v={"B": i["v"]["B"][:-1] + bytes([i["v"]["B"][-1] ^ 1])}),
    "cut": lambda i: edited(i, v={"B": i["v"]["B"][:-1]}),
    "cut to nothing": lambda i: edited(i, v={"B": b""}),
    "longer": lambda i: edited(i, v={"B": i["v"]["B"] + b"\0"}),
    "text for bytes": lambda i: edited(i, v={"S": "text"}),
    "no value": lambda i: edited(i, v=None),
    "no epoch": lambda i: edited(i, p=None),
    "an epoch of its own": lambda i: edited(i, p={"N": "12345"}),
    "an epoch too large": lambda i: edited(i, p={"N": str(2**64)}),
    "an epoch below zero": lambda i: edited(i, p={"N": "-1"}),
    "half an epoch": lambda i: edited(i, p={"N": "0.5"}),
    "made a number": lambda i: edited(i, n={"N": "7"}),
    "pieces that are not there": lambda i: edited(
        i, v=None, g={"S": "00000000-0000000000000000"}, c={"N": "2"}
    ),
    "pieces without number": lambda i: edited(i, g={"S": "x"}, c={"N": "1e9"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_item_is_a_miss(cache: Any, look: Look, edit: str) -> None:
    facade.put("a", "value", 60)
    look.put(EDITS[edit](look.item("a")))
    assert cache.get("a") is None
    assert "a" not in cache
    assert "a" not in list(facade.keys())
    assert cache.touch("a", 60) is False
    assert cache.add("a", 2) is True
    assert cache.get("a") == 2
    look.put(EDITS[edit](look.item("a")))
    assert facade.increment("a") == 1
    assert facade.pull("a") == 1


def test_an_item_is_of_its_key_its_expiry_and_its_epoch(
    cache: Any, look: Look, clock: Clock
) -> None:
    facade.put_many({"a": "a", "b": "b"}, 60)
    facade.put("later", 1, 600)
    a, b = look.item("a"), look.item("b")
    look.put({**a, "k": b["k"]})
    assert cache.get("b") is None

    facade.remember("computed", 600, lambda: 1)
    computed = look.item("computed")
    facade.flush()
    look.put(computed)
    assert cache.get("computed") is None
    stands = next(item for item in look.all() if item["k"]["S"].endswith(":epoch"))
    now = {"N": str(int.from_bytes(stands["v"]["B"], "big"))}
    for epoch in (now, {"N": "0"}):
        look.put({**computed, "p": epoch})
        assert cache.get("computed") is None

    clock.advance(61)
    look.put({**a, "e": FAR})
    assert cache.get("a") is None
    assert cache.add("a", 2) is True


def test_a_number_can_be_changed_and_nothing_else(cache: Any, look: Look) -> None:
    if driver_of().chain.sealed:
        pytest.skip("a sealed alias has no numbers in its table")
    facade.increment("n", 5)
    facade.put("v", 5)
    n, v = look.item("n"), look.item("v")
    look.put({**n, "n": {"N": "7"}})
    assert cache.get("n") == 7
    for number in ("1.5", str(2**63), "1e40"):
        look.put({**n, "n": {"N": number}})
        assert cache.get("n") is None
        assert facade.increment("n") == 1
        facade.forget("n")
    look.put({**v, "n": {"N": "7"}})
    assert cache.get("v") is None
    look.put(edited(n, n=None))
    assert cache.get("n") is None


@pytest.mark.parametrize("damage", [{"B": b"short"}, {"S": "text"}, {"B": bytes(8)}])
def test_a_damaged_epoch_is_begun_anew(cache: Any, look: Look, damage: Any) -> None:
    facade.put("plain", 1, 60)
    facade.remember("computed", 60, lambda: 1)
    stands = next(item for item in look.all() if item["k"]["S"].endswith(":epoch"))
    look.put({**stands, "v": damage})
    assert cache.get("computed") is None
    assert cache.get("plain") == 1
    assert facade.remember("computed", 60, lambda: 2) == 2
    assert cache.get("computed") == 2


def test_the_largest_item(cache: Any, look: Look) -> None:
    facade.put("a", b"", 60)
    room = items.LIMIT - items.size(look.item("a"))
    for less in range(200, -1, -1):  # to where the frame around the value grows no more
        value = os.urandom(room - less)
        try:
            facade.put("a", value, 60)
        except ValueTooLarge:
            break
        assert cache.get("a") == value
        largest = items.size(look.item("a"))
        if largest == items.LIMIT:
            break
    assert items.LIMIT - 20 <= items.size(look.item("a")) <= items.LIMIT
    before = cache.get("a")
    for verb in (
        lambda: facade.put("a", bytes(items.LIMIT), 60),
        lambda: facade.put_many({"b": 1, "a": bytes(items.LIMIT)}, 60),
        lambda: facade.add("new", bytes(items.LIMIT), 60),
    ):
        with pytest.raises(ValueTooLarge, match=r"as an item; DynamoDB's limit is 409,600"):
            verb()
    assert cache.get("a") == before
    assert cache.get_many(["b", "new"]) == {}


def test_our_count_is_the_engines(look: Look, cache: Any) -> None:
    item = {"k": {"S": "schlüssel"}, "p": {"N": "0"}, "n": {"N": str(-(2**63))}, "e": FAR}
    room = items.LIMIT - items.size({**item, "v": {"B": b""}})
    look.put({**item, "v": {"B": bytes(room)}})
    with pytest.raises(look.client.exceptions.ClientError, match="size"):
        look.put({**item, "v": {"B": bytes(room + 4)}})


class TestChunked:
    @pytest.fixture(params=[{}, SEALED], ids=["signed", "sealed"])
    def options(self, request: pytest.FixtureRequest) -> Any:
        return {**request.param, "CHUNKED": True}

    def test_large_values(self, cache: Any, look: Look) -> None:
        large, larger = os.urandom(1_000_000), os.urandom(1_500_000)
        facade.put_many({"a": large, "b": larger, "c": "small"}, 60)
        assert facade.many(["a", "b", "c"]) == {"a": large, "b": larger, "c": "small"}
        assert len(look.pieces()) == 3 + 4
        assert all(item["e"] == look.item("a")["e"] for item in look.pieces())
        assert cache.add("a", 1) is False
        assert facade.touch("a", 90) is True
        assert cache.get("a") == large
        assert len(look.pieces()) == 3 + 4
        assert set(facade.keys()) == {"a", "b", "c"}
        facade.put("a", "small", 60)
        assert len(look.pieces()) == 4
        assert facade.pull("b") == larger
        assert look.pieces() == []
        assert cache.add("new", large) is True
        assert facade.forget_many(["new", "a"]) == 2
        assert look.pieces() == []
        facade.put("a", large, 60)
        facade.flush()
        assert [item["k"]["S"][-6:] for item in look.all()] == [":epoch"]

    def test_a_missing_piece_is_a_miss(self, cache: Any, look: Look) -> None:
        facade.put("a", os.urandom(1_000_000), 60)
        look.client.delete_item(TableName=look.table, Key={"k": look.pieces()[1]["k"]})
        assert cache.get("a") is None
        assert cache.add("a", 1) is True
        assert cache.get("a") == 1
        assert look.pieces() == []

    def test_pieces_of_two_values_never_mix(self, cache: Any, look: Look) -> None:
        facade.put("a", bytes(1_000_000), 60)
        one = look.pieces()[0]
        facade.put("a", os.urandom(1_000_000), 60)
        mine = sorted(look.pieces(), key=lambda item: item["k"]["S"])[0]
        look.put({**mine, "v": one["v"]})
        assert cache.get("a") is None

    def test_a_lost_add_leaves_no_pieces(self, cache: Any, look: Look) -> None:
        facade.put("a", 1, 60)
        assert cache.add("a", os.urandom(1_000_000)) is False
        assert look.pieces() == []

    def test_what_was_left_behind_is_pruned(self, cache: Any, look: Look, clock: Clock) -> None:
        facade.put("a", os.urandom(1_000_000), None)
        orphan = {**look.pieces()[0]}
        facade.put("a", os.urandom(1_000_000), None)
        look.put(orphan)
        assert driver_of().table.prune() == 0
        assert len(look.pieces()) == 4  # they could be of one who is writing now
        clock.advance(pieces.GRACE + 1)
        assert driver_of().table.prune() == 0
        assert len(look.pieces()) == 3
        assert cache.get("a") is not None


def test_a_reader_meets_pieces_that_are_being_replaced(
    dynamodb: Any, endpoint: Endpoint, table: str
) -> None:
    old, new = os.urandom(1_000_000), os.urandom(1_000_000)
    writer = config(dynamodb.url, table, CHUNKED=True, STORE_ID="one")
    reader = config(endpoint.url, table, CHUNKED=True, STORE_ID="one")
    with configured(default=reader, writer=writer):
        caches["writer"].set("a", old, 60)

        assert facade.get("b") is None  # the epoch is begun

        def between(operation: str, body: Any, forward: Any) -> Any:
            endpoint.rule = lambda operation, body, forward: forward(body)
            reply = forward(body)
            caches["writer"].set("a", new, 60)
            return reply

        with endpoint.ruled(between), endpoint.noting() as seen:
            assert facade.get("a") == new
    assert seen == ["BatchGetItem"] * 4


def test_keys_are_turned_while_numbers_count_on(dynamodb: Any, table: str) -> None:
    old, new = generate_key(), generate_key()
    index = {"INDEX_KEY": generate_key()}
    with configured(default=config(dynamodb.url, table, ENCRYPTION_KEYS=[old], **index)):
        facade.put("a", 1, 60)
        facade.increment("n", 5)
        facade.remember("computed", 60, lambda: 3)
    with configured(default=config(dynamodb.url, table, ENCRYPTION_KEYS=[new, old], **index)):
        assert {turn.outcome for turn in rotate(driver_of())} == {"resealed"}
    with configured(default=config(dynamodb.url, table, ENCRYPTION_KEYS=[new], **index)):
        assert facade.many(["a", "n", "computed"]) == {"a": 1, "n": 5, "computed": 3}
        assert facade.increment("n") == 6


def test_a_scan_of_several_pages(dynalite: Any, table: str) -> None:
    with configured(default=config(dynalite.url, table)):
        facade.put_many({f"k{n}": os.urandom(100_000) for n in range(40)}, 60)
        began = time.monotonic()
        assert len(list(facade.keys())) == 40
        assert facade.flush() is True
        assert Look(dynalite.url, table).entries() == []
        assert time.monotonic() - began < 10
