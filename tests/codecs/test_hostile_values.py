"""What no decoder of ours may take for a value, nor be hurt by."""

import decimal
import tracemalloc
from datetime import date

import pytest

from django_cachekit.codecs import UNREADABLE
from django_cachekit.codecs.serializers import Json, MessagePack

JSON, MSGPACK = Json(), MessagePack()

HOSTILE_JSON = [
    *('{"a":1,"a":2}', '[{"b":{"a":1,"a":1}}]', "NaN", "[Infinity]", "-Infinity", "1e999"),
    *(
        '{"$":["d","2030-01-31"],"a":1}',
        '{"$":1}',
        '{"$":[]}',
        '{"$":"n7"}',
        '{"$":["?"]}',
        '{"$":{}}',
    ),
    *('{"$":[["d"],"2030-01-31"]}', '{"$":["d"]}', '{"$":["d","x"]}', '{"$":["d",1]}'),
    *('{"$":["dt","2030-01-31T00:00:00",0,"No/Where"]}', '{"$":["dt","2030-01-31",0,"../etc"]}'),
    *('{"$":["dt","2030-01-31T00:00:00+00:00",0,"UTC"]}', '{"$":["dt","2030-01-31",2]}'),
    *('{"$":["dt","2030-01-31",0,[]]}', '{"$":["dt","2030-01-31",0,[90000000000]]}'),
    *('{"$":["n","NaN"]}', '{"$":["n","x"]}', '{"$":["n",1]}', '{"$":["u","x"]}', '{"$":["u",1]}'),
    *('{"$":["b","x"]}', '{"$":["b","YQ==!"]}', '{"$":["b",1]}', '{"$":["td","1"]}'),
    *(
        '{"$":["td",1.5]}',
        '{"$":["td"]}',
        '{"$":["td",99999999999]}',
        '{"$":["tu",1]}',
        '{"$":["tu","ab"]}',
    ),
    *('{"$":["tu",{"$":["tu",[1]]}]}', '{"$":["s",[1,1]]}', '{"$":["s",[[]]]}', '{"$":["s","ab"]}'),
    *('{"$":["fs",[1,true]]}', '{"$":["o",[["a",1],["a",2]]]}', '{"$":["o",["ab","cd"]]}'),
    *('{"$":["o",[["a"]]]}', '{"$":["o",[[[],1]]]}', '{"$":["o",1]}', '{"$":["o",{}]}'),
    *("[" * 100_000, '{"a":' * 100_000, "9" * 5_000, "", " ", "{", "[1]x", "'a'", '"\x01"'),
]


@pytest.mark.parametrize("text", HOSTILE_JSON, ids=lambda text: text[:40])
def test_x2_odd_json_is_a_miss(text: str) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is asked for below
        JSON.loads(text.encode())
    assert isinstance(caught.value, UNREADABLE)


@pytest.mark.parametrize("data", [b'"\xff"', b'"\xc0\x80"', b"\xef\xbb\xbf1"])
def test_x2_json_that_is_no_text_is_a_miss(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the decoder's own words
        JSON.loads(data)


def test_a_decimal_is_checked_where_the_context_sets_no_trap() -> None:
    with decimal.localcontext() as context:
        context.traps[decimal.InvalidOperation] = False
        with pytest.raises(ValueError, match="finite"):
            JSON.loads(b'{"$":["n","x"]}')


HOSTILE_MSGPACK = [
    *(b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xc1", b""),
    *(b"\x91" * 100_000 + b"\xc0", b"\x82\xa1a\x01\xa1a\x02", b"\x01\x01", b"\xd9\x02\xff\xff"),
    *(b"\xcc\x01", b"\xd4\x02\x00", b"\xd4\x01\x01"),
    *(b"\xc7\x03\x01\x92\xa1?", b"\xd6\xff\0\0\0\0"),
    b"\xc7\x0e\x02" + MSGPACK.dumps(["d", "2030-01-31"]),
    *(b"\xca\x00\x00\x00\x00", b"\x81\x90\x01", b"\xa2\xed\xa0"),
]  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE_MSGPACK, ids=lambda data: data[:6].hex())
def test_x2_odd_msgpack_is_a_miss(data: bytes) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is asked for below
        MSGPACK.loads(data)
    assert isinstance(caught.value, UNREADABLE)


def test_the_extension_above_is_sound_but_for_its_type() -> None:
    assert MSGPACK.loads(b"\xc7\x0e\x01" + MSGPACK.dumps(["d", "2030-01-31"])) == date(2030, 1, 31)


def test_msgpack_never_makes_room_for_what_a_header_claims() -> None:
    tracemalloc.start()
    try:
        for data in HOSTILE_MSGPACK[:3]:
            with pytest.raises(ValueError, match="truncated"):
                MSGPACK.loads(data)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
