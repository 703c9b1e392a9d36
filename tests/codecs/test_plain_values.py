"""A plain value comes back as exactly what it was, or is refused when it is stored."""

import math
import struct
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from django_cachekit.codecs import NotPlain
from django_cachekit.codecs.families import family
from django_cachekit.codecs.serializers import Json, MessagePack

JSON, MSGPACK = Json(), MessagePack()
BOTH = pytest.mark.parametrize("codec", [JSON, MSGPACK], ids=["json", "msgpack"])


def facts(value: Any) -> Any:
    """Return everything about a value that must survive, so that == compares it all."""
    kind = type(value)
    if kind is float:
        return kind, struct.pack(">d", value)
    if kind is Decimal:
        return kind, value.as_tuple()
    if kind in (datetime, time):
        return kind, value.replace(tzinfo=None), value.fold, zone_facts(value.tzinfo)
    if kind in (list, tuple):
        return kind, [facts(one) for one in value]
    if kind in (set, frozenset):
        return kind, sorted((facts(one) for one in value), key=repr)
    if kind is dict:
        return kind, [(facts(key), facts(one)) for key, one in value.items()]
    return kind, value


def zone_facts(zone: tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is ZoneInfo:
        return ZoneInfo, zone.key
    return type(zone), zone.utcoffset(None), zone.tzname(None), zone is timezone.utc


OFFSETS = st.timedeltas(timedelta(hours=-23), timedelta(hours=23))
ZONES = st.one_of(
    st.none(),
    st.just(timezone.utc),
    st.builds(timezone, OFFSETS),
    st.builds(timezone, OFFSETS, st.text(st.characters(codec="utf-8"), max_size=5)),
    st.sampled_from(["Europe/Paris", "Asia/Kathmandu", "America/Lima"]).map(ZoneInfo),
)
FOLDS = st.sampled_from([0, 1])
UNICODE = st.text(st.characters(codec="utf-8"), max_size=8)
ANY_TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(["$", "\ud83d\ude00", "\ud800"])


def leaves(words: st.SearchStrategy[str], ints: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    return st.one_of(
        *(st.none(), st.booleans(), ints, words, st.binary(max_size=12)),
        st.floats(allow_nan=False, allow_infinity=False),
        st.dates(),
        st.timedeltas(),
        st.uuids(),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.builds(lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
                  st.datetimes(), ZONES, FOLDS),
        st.builds(lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
                  st.times(), ZONES, FOLDS),
    )  # fmt: skip


def nested(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    hashable = st.recursive(
        leaf,
        lambda one: st.lists(one, max_size=3).map(tuple) | st.frozensets(one, max_size=3),
        max_leaves=4,
    )
    return st.recursive(
        hashable,
        lambda one: st.one_of(
            st.lists(one, max_size=4),
            st.lists(one, max_size=3).map(tuple),
            st.sets(hashable, max_size=3),
            st.dictionaries(hashable, one, max_size=4),
            st.dictionaries(st.sampled_from(["$", "a", "b"]), one, max_size=3),
        ),
        max_leaves=12,
    )


@settings(max_examples=400, deadline=None)
@given(nested(leaves(ANY_TEXT, st.integers())))
def test_json_brings_back_exactly_what_was_stored(value: Any) -> None:
    assert facts(JSON.loads(JSON.dumps(value))) == facts(value)


@settings(max_examples=400, deadline=None)
@given(nested(leaves(UNICODE, st.integers(-(2**63), 2**64 - 1))))
def test_msgpack_brings_back_exactly_what_was_stored(value: Any) -> None:
    assert facts(MSGPACK.loads(MSGPACK.dumps(value))) == facts(value)


@settings(max_examples=200, deadline=None)
@given(nested(leaves(ANY_TEXT, st.integers())))
def test_auto_never_pickles_a_plain_value(value: Any) -> None:
    auto = family("auto")
    code, data = auto.write(value)
    assert code in {1, 3, 4, 5}
    assert facts(auto.read(code, data)) == facts(value)


@BOTH
@pytest.mark.parametrize(
    "value",
    [
        *(-0.0, 0.1, 1e308, 5e-324, 2**53 + 1, -(2**63), 2**64 - 1, True, "", "\x00\x7f\u2028"),
        *((), (1, (2,)), set(), frozenset({(1, 2)}), b"", b"\xff\x00", {}, [], [[[]]]),
        *({1: "a", "1": "b"}, {None: 0}, {True: 1}, {(1, 2): 3}, {"": 1}, {b"k": 1}),
        *({"$": 1}, {"$": ["d", "2030-01-31"]}, {"$": {"$": []}, "a": 1}),
        *(Decimal("-0.00"), Decimal("1E+400"), Decimal(7), timedelta.min, timedelta.max),
        *(date.min, datetime.max, time(1, 2, 3, 4), UUID(int=0)),
        datetime(2030, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris")),
        datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1), "+0100")),
        datetime(2030, 1, 1, tzinfo=timezone(timedelta(0), "Z")),
        datetime(2030, 1, 1, tzinfo=timezone(timedelta(seconds=-1, microseconds=7))),
        time(1, tzinfo=ZoneInfo("Asia/Tokyo")),
    ],
    ids=repr,
)
def test_x5_exactly(codec: Json | MessagePack, value: Any) -> None:
    assert facts(codec.loads(codec.dumps(value))) == facts(value)
    assert facts(codec.loads(codec.dumps({"in": [value]}))) == facts({"in": [value]})


def test_json_holds_ints_of_any_size_that_can_be_read_back() -> None:
    for value in (2**70, -(10**4_299)):
        assert JSON.loads(JSON.dumps({"n": value})) == {"n": value}
        assert family("auto").write(value)[0] == 5
    for refused in (10**4_300, {"n": 10**4_300}):
        with pytest.raises(NotPlain):
            JSON.dumps(refused)
        code, data = family("auto").write(refused)
        assert (code, family("auto").read(code, data)) == (6, refused)


def test_json_is_what_json_is_for_plain_json() -> None:
    assert JSON.dumps({"a": 1}) == b'{"a":1}'
    assert JSON.dumps(["é", None, True, 1.5]) == '["é",null,true,1.5]'.encode()
    assert JSON.dumps(date(2030, 1, 31)) == b'{"$":["d","2030-01-31"]}'
    assert JSON.dumps((1,)) == b'{"$":["tu",[1]]}'


def test_a_flat_value_is_not_copied() -> None:
    for value in ({"a": 1, "b": date(2030, 1, 1)}, [1, "two", 3.0]):
        assert JSON._walk(value) is value


class Grade(IntEnum):
    GOOD = 1


class Sub(dict[str, int]):
    """A dict of a kind of its own."""


Pair = namedtuple("Pair", "a b")


class Elsewhere(tzinfo):
    """A zone nobody can spell."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        return "nowhere"


REFUSED: list[tuple[Any, str]] = [
    (SafeString("<b>"), "django.utils.safestring.SafeString"),
    (Grade.GOOD, "tests.codecs.test_plain_values.Grade"),
    (OrderedDict(a=1), "collections.OrderedDict"),
    (Sub(a=1), "Sub"),
    (Pair(1, 2), "Pair"),
    (bytearray(b"x"), "bytearray"),
    (1j, "complex"),
    (object(), "object"),
    (Decimal("NaN"), "Decimal"),
    (Decimal("-Infinity"), "Decimal"),
    (datetime(2030, 1, 1, tzinfo=Elsewhere()), "Elsewhere"),
]


@BOTH
@pytest.mark.parametrize(("value", "named"), REFUSED, ids=lambda one: type(one).__name__)
def test_what_is_not_plain_is_refused_at_any_depth(
    codec: Json | MessagePack, value: Any, named: str
) -> None:
    wrappings: list[Callable[[Any], Any]] = [
        lambda one: one,
        lambda one: [1, one],
        lambda one: {"a": {"b": one}},
        lambda one: (one,),
    ]
    if value.__hash__:
        wrappings += [lambda one: {one: 1}, lambda one: {one}, lambda one: frozenset({one})]
    for wrap in wrappings:
        with pytest.raises(TypeError, match="SERIALIZER") as caught:
            codec.dumps(wrap(value))
        assert named in str(caught.value)
        assert '"auto"' in str(caught.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_refuses_what_is_no_number_and_others_keep_it(value: float) -> None:
    for refused in (value, [value], {"a": (value,)}, {value: 1}):
        with pytest.raises(NotPlain):
            JSON.dumps(refused)
    auto = family("auto")
    for found in (auto.read(*auto.write(value)), MSGPACK.loads(MSGPACK.dumps(value))):
        assert repr(found) == repr(value)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800", {"\udfff": 1}], ids=repr)
def test_msgpack_refuses_what_its_format_lacks(value: Any) -> None:
    for refused in (value, [value], (value,)):
        with pytest.raises(NotPlain):
            MSGPACK.dumps(refused)


@BOTH
def test_nesting_without_end_is_refused(codec: Json | MessagePack) -> None:
    around: list[Any] = []
    around.append(around)
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for value in (around, deep):
        with pytest.raises(NotPlain):
            codec.dumps(value)


def test_a_value_within_itself_is_pickled_by_auto() -> None:
    around: list[Any] = []
    around.append(around)
    auto = family("auto")
    found = auto.read(*auto.write(around))
    assert found[0] is found
