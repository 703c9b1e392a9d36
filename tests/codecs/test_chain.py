"""The whole way: entries, times, names, limits and new keys."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_cachekit.codecs import Chain, Guard, Seal, Unreadable
from django_cachekit.codecs.families import family
from django_cachekit.core.entry import Entry
from django_cachekit.errors import ValueTooLarge

from .samples import FULL_KEY, INDEX_KEY, KEY, NOW, OLD_KEY

Move = Callable[[float], None]


def reason(chain: Chain, name: bytes, data: Any, epoch: int = 0) -> str:
    with pytest.raises(Unreadable) as caught:
        chain.loads(name, data, epoch)
    return caught.value.reason


@pytest.mark.parametrize(
    "entry",
    [
        Entry({"a": [1, None]}, NOW),
        Entry("text", NOW, NOW + 0.001),
        Entry(7, NOW - 100, NOW + 60, NOW - 50),
        Entry(b"\0", NOW, None, NOW + 5, {"people": b"12345678" * 3, "\ud800": b"87654321" * 3}),
        Entry(None, NOW, NOW + 1, None, {"": b"12345678" * 3}),
        Entry(None, NOW, NOW + 9, ends=NOW + 5, cost=0.25),
    ],
)
@pytest.mark.parametrize("key", [None, FULL_KEY, "\ud800é\n"])
def test_an_entry_comes_back(chain: Chain, entry: Entry, key: str | None) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, entry, 3, key)
    assert chain.loads(name, data, 3) == entry
    assert chain.key(name, data, 3) == key
    assert chain.key(name, data, 4) is None


def test_tag_and_key_names_lie_inside_the_seal(chain: Chain) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry("value", NOW, None, None, {"people": b"n" * 24}), 0, FULL_KEY)
    for hidden in (b"value", b"people", FULL_KEY.encode()):
        assert (hidden in data) is not chain.sealed


@given(st.floats(0.0005, 1e6))
def test_an_entry_expires_in_time(ttl: float) -> None:
    chain = Chain(Seal([KEY], INDEX_KEY, "s"), family("auto"))
    entry = Entry(1, NOW, NOW + ttl)
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, entry)
    try:
        found = chain.loads(name, data).expires
    except Unreadable:
        found = NOW
    assert found is not None
    assert entry.expires is not None
    assert entry.expires - 0.001 <= found <= entry.expires


def test_an_entry_is_live_for_the_chain_as_it_is_for_the_entry(chain: Chain, at: Move) -> None:
    for ms in (1, 57, 1001, 300_123):
        entry = Entry(1, NOW, NOW + ms / 1000)
        name = chain.name(FULL_KEY)
        at(NOW)
        data = chain.dumps(name, entry)
        assert entry.expires is not None
        at(entry.expires - 0.0005)
        assert chain.loads(name, data) == entry
        at(entry.expires)
        assert reason(chain, name, data) == "expired"


def test_an_entry_that_was_copied_on_expires_no_earlier(chain: Chain) -> None:
    name = chain.name(FULL_KEY)
    first = entry = chain.loads(name, chain.dumps(name, Entry(1, NOW, NOW + 1.0017)))
    for _ in range(5):
        entry = chain.loads(name, chain.dumps(name, entry))
    assert entry == first


def test_an_entry_that_never_expires_never_does(chain: Chain, at: Move) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(1, NOW))
    at(NOW * 1_000)
    assert chain.loads(name, data).expires is None


def test_an_expiry_beyond_all_times_is_still_no_never(chain: Chain) -> None:
    name = chain.name(FULL_KEY)
    assert chain.loads(name, chain.dumps(name, Entry(1, NOW, 1e300))).expires is not None
    assert reason(chain, name, chain.dumps(name, Entry(1, NOW, -1.0))) == "expired"


def test_an_entry_from_a_clock_ahead_is_a_miss(chain: Chain, at: Move) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(1, NOW))
    at(NOW - 300)
    assert chain.loads(name, data).value == 1
    at(NOW - 300.001)
    assert reason(chain, name, data) == "future"


@pytest.mark.parametrize("data", ["text", 7, None, bytearray(200), memoryview(bytes(200)), [1]])
def test_what_is_no_bytes_is_a_miss(chain: Chain, data: Any) -> None:
    name = chain.name(FULL_KEY)
    assert reason(chain, name, data) == "type"
    assert chain.key(name, data) is None


def test_a_name_is_32_bytes(chain: Chain) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(1, NOW))
    for odd in (b"", name[:31], name + b"\0"):
        with pytest.raises(ValueError, match="32 bytes"):
            chain.dumps(odd, Entry(1, NOW))
        assert reason(chain, odd, data) == "tag"


@pytest.mark.parametrize("value", [b"x" * 1_001, "é" * 501, [0] * 600, {"a": "b" * 1_000}])
def test_a_value_over_the_limit_is_refused_both_ways(
    make_chain: Callable[..., Chain], value: Any
) -> None:
    small, large = make_chain(max_bytes=1_000), make_chain()
    name = small.name(FULL_KEY)
    with pytest.raises(ValueTooLarge, match=r"limit is 1,000.*MAX_VALUE_BYTES"):
        small.dumps(name, Entry(value, NOW))
    assert reason(small, name, large.dumps(name, Entry(value, NOW))) == "too_large"


def test_the_limit_is_on_what_compression_would_hide(make_chain: Callable[..., Chain]) -> None:
    chain = make_chain("auto", "zlib", max_bytes=1_000)
    with pytest.raises(ValueTooLarge):
        chain.dumps(chain.name(FULL_KEY), Entry(b"x" * 1_001, NOW))


class Deep:
    """Fail to be pickled as deep values do."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def __reduce__(self) -> str:
        raise self.error


@pytest.mark.parametrize("error", [RecursionError, MemoryError, OverflowError])
def test_x2_no_error_of_size_escapes(chain: Chain, error: type[Exception]) -> None:
    with pytest.raises(ValueTooLarge, match="Deep"):
        chain.dumps(chain.name(FULL_KEY), Entry(Deep(error), NOW))


def test_x2_a_value_nested_too_deeply_is_refused(chain: Chain) -> None:
    deep: Any = Deep
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValueTooLarge):
        chain.dumps(chain.name(FULL_KEY), Entry(deep, NOW))


def rotated(make_guard: Callable[..., Guard], *keys: bytes) -> Chain:
    return Chain(make_guard(*keys), family("auto"))


def test_an_entry_is_sealed_anew_under_the_first_key(make_guard: Callable[..., Guard]) -> None:
    old, both, new = (rotated(make_guard, *keys) for keys in ([OLD_KEY], [KEY, OLD_KEY], [KEY]))
    name = both.name(FULL_KEY)
    entry = Entry({"a": 1}, NOW, NOW + 60, NOW + 30, {"t": b"n" * 24})
    before = old.dumps(name, entry, 5, FULL_KEY)
    assert old.kid(before) != new.kid(new.dumps(name, entry))
    assert old.reseal(name, before, 5) is None
    after = both.reseal(name, before, 5)
    assert after is not None
    assert both.reseal(name, after, 5) is None
    assert both.kid(after) == new.kid(new.dumps(name, entry))
    assert new.loads(name, after, 5) == entry
    assert new.key(name, after, 5) == FULL_KEY
    assert reason(new, name, before, 5) == "key"


def test_sealing_anew_decodes_no_value(make_guard: Callable[..., Guard]) -> None:
    old = rotated(make_guard, OLD_KEY)
    both = Chain(make_guard(KEY, OLD_KEY), family("json"))
    name = old.name(FULL_KEY)
    after = both.reseal(name, old.dumps(name, Entry({1j}, NOW)))
    assert after is not None
    assert rotated(make_guard, KEY).loads(name, after).value == {1j}


def test_only_what_can_be_read_is_sealed_anew(chain: Chain, at: Move) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(1, NOW, NOW + 1))
    for odd, epoch, why in ((b"", 0, "short"), (data[:-1] + b"?", 0, "tag"), (data, 1, "tag")):
        with pytest.raises(Unreadable) as caught:
            chain.reseal(name, odd, epoch)
        assert caught.value.reason == why
    at(NOW + 1)
    with pytest.raises(Unreadable) as caught:
        chain.reseal(name, data)
    assert caught.value.reason == "expired"


def test_a_new_cipher_is_sealed_anew_too() -> None:
    usual = Chain(Seal([KEY], INDEX_KEY, "s"), family("auto"))
    chacha = Chain(Seal([KEY], INDEX_KEY, "s", "chacha20-poly1305"), family("auto"))
    name = usual.name(FULL_KEY)
    after = chacha.reseal(name, usual.dumps(name, Entry(1, NOW)))
    assert after is not None
    assert after[5] == 2
