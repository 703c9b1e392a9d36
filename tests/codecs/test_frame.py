"""Times, and the plaintext inside the envelopes."""

import random
import struct
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_cachekit.codecs import NEVER, Chain, Guard, Unreadable, frame
from django_cachekit.codecs.families import family
from django_cachekit.core.entry import Entry
from django_cachekit.errors import ValueTooLarge

from .samples import FULL_KEY, NOW

NONCES = st.binary(min_size=24, max_size=24)
TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too


@given(st.integers(0, 2**43))
def test_whole_milliseconds_stay(ms: int) -> None:
    assert frame.to_ms(ms / 1000) == ms


@given(st.floats(0, 1e11))
def test_a_time_is_rounded_down_by_less_than_a_millisecond(seconds: float) -> None:
    ms = frame.to_ms(seconds)
    assert ms / 1000 <= seconds < (ms + 1) / 1000


def test_times_out_of_range_are_the_nearest() -> None:
    assert frame.to_ms(-5) == 0
    assert frame.to_ms(1e300) == frame.to_ms(float("inf")) == NEVER - 1


@given(st.one_of(st.none(), TEXT), st.binary(max_size=40), st.binary(max_size=40))
def test_a_frame_comes_apart_as_it_was_put_together(
    key: str | None, meta: bytes, payload: bytes
) -> None:
    plain = frame.pack(6, 2, 99, key, meta) + payload
    assert frame.unpack(plain) == (6, 2, 99, frame.octets(key or ""), meta, payload)


def test_a_bare_frame_has_six_bytes() -> None:
    assert frame.pack(1, 0, 7, None, b"") == b"\1\0\0\0\0\7"


def test_a_key_too_long_to_carry_is_left_out() -> None:
    assert frame.unpack(frame.pack(1, 0, 0, "k" * 65_535, b"")).key == b"k" * 65_535
    assert frame.unpack(frame.pack(1, 0, 0, "k" * 65_536, b"")).key == b""


TIMES = st.none() | st.integers(0, 2**42).map(lambda ms: ms / 1000)


@given(TIMES, st.dictionaries(TEXT, NONCES, max_size=5), TIMES, TIMES)
def test_metadata_comes_back(
    fresh: float | None, stamps: dict[str, bytes], ends: float | None, cost: float | None
) -> None:
    packed = frame.pack_meta(fresh, stamps, None, ends, cost)
    assert frame.unpack_meta(packed) == (fresh, stamps, None, ends, cost)
    assert bool(packed) == (bool(stamps) or not fresh is ends is cost is None)
    for cut in range(1, len(packed)):
        with pytest.raises(Unreadable):
            frame.unpack_meta(packed[:cut])
    if packed:
        with pytest.raises(Unreadable):
            frame.unpack_meta(packed + b"\0")


ONE = b"\0\1" + b"\0\1a" + b"n" * 24


@pytest.mark.parametrize(
    "meta",
    [
        b"\0\0\0",
        b"\4" + ONE,
        b"\x20" + ONE,
        b"\0\0\2" + ONE[2:] * 2,
        b"\0\0\1\0\1\xff" + b"n" * 24,
        b"\0\xff\xff" + ONE[2:],
        b"\1\0",
    ],
    ids=["says nothing", "hollow alone", "flag", "tag twice", "no text", "too few", "no time"],
)
def test_odd_metadata_is_refused(meta: bytes) -> None:
    with pytest.raises(Unreadable) as caught:
        frame.unpack_meta(meta)
    assert caught.value.reason == "frame"


@pytest.mark.parametrize(
    ("stamps", "error"),
    [
        ({"a": b"short"}, ValueError),
        ({"a" * 65_536: b"n" * 24}, ValueTooLarge),
        ({str(n): b"n" * 24 for n in range(65_536)}, ValueTooLarge),
    ],
)
def test_stamps_that_do_not_fit_are_refused(
    stamps: Mapping[str, bytes], error: type[Exception]
) -> None:
    with pytest.raises(error):
        frame.pack_meta(None, stamps)


def test_metadata_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueTooLarge):
        frame.pack(1, 0, 0, None, b"m" * 65_536)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"", "frame"),
        (b"\1\0\0\0\0", "frame"),
        (b"\1\x04\0\0\0\1" + b"1", "frame"),
        (b"\1\x20\0\0\0\1" + b"1", "frame"),
        (b"\1\x80\0\0\0\1" + b"\0\0" + b"1", "frame"),
        (b"\1\x80\0\0\0\1" + b"\0\x09" + b"1", "frame"),
        (b"\4\x80\0\0\0\0" + b"\0\x09k", "frame"),
        (b"\1\xc0\0\0\0\1" + b"\0\1k", "frame"),
        (b"\1\x40\0\0\0\1" + b"\0\3\0\0\0" + b"1", "frame"),
        (b"\1\0\0\0\0\2" + b"1", "frame"),
        (b"\1\0\0\0\0\1" + b"12", "frame"),
        (b"\1\0\xff\xff\xff\xff" + b"1", "too_large"),
        (b"\1\1\0\0\0\1" + b"1", "compression"),
        (b"\1\3\0\0\0\1" + b"1", "compression"),
        (b"\0\0\0\0\0\1" + b"1", "codec"),
        (b"\2\0\0\0\0\1" + b"1", "codec"),
        (b"\2\0\xff\xff\xff\xff" + b"1", "codec"),
        (b"\7\0\0\0\0\1" + b"1", "codec"),
        (b"\xff\0\0\0\0\1" + b"1", "codec"),
        (b"\1\0\0\0\0\1" + b"{", "payload"),
    ],
)
def test_odd_frames_in_good_envelopes_are_misses(guard: Guard, plain: bytes, why: str) -> None:
    chain = Chain(guard, family("auto"))
    name = chain.name(FULL_KEY)
    data = guard.wrap(name, plain, 0, NEVER, 0)
    with pytest.raises(Unreadable) as caught:
        chain.loads(name, data)
    assert caught.value.reason == why


def test_a_key_that_is_no_text_is_none(guard: Guard) -> None:
    chain = Chain(guard, family("auto"))
    name = chain.name(FULL_KEY)
    data = guard.wrap(name, b"\1\x80\0\0\0\1\0\1\xff1", 0, NEVER, 0)
    assert chain.key(name, data) is None


def test_random_frames_are_values_or_misses(make_chain: Callable[..., Chain]) -> None:
    draw = random.Random(7)
    chain = make_chain("json", "zlib")
    name = chain.name(FULL_KEY)
    good = frame.pack(1, 0, 7, "key", frame.pack_meta(NOW, {"t": b"n" * 24})) + b'{"a":1}'
    outcomes = set()
    for _ in range(5_000):
        plain = bytearray(good)
        for _ in range(draw.randint(1, 3)):
            plain[draw.randrange(len(plain))] = draw.randrange(256)
        data = chain._guard.wrap(name, bytes(plain[: draw.randint(0, 60)]), 0, NEVER, 0)
        try:
            assert isinstance(chain.loads(name, data), Entry)
            outcomes.add("read")
        except Unreadable as error:
            outcomes.add(error.reason)
    assert {"read", "frame", "codec", "payload", "too_large"} <= outcomes


def test_numbers_are_big_endian() -> None:
    assert frame.pack(1, 0, 258, "k", b"") == b"\1\x80" + struct.pack(">IH", 258, 1) + b"k"
