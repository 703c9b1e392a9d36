"""Compression: bounded, exact, and only where it helps."""

import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from django_cachekit.codecs import NEVER, Chain, Compressor, Unreadable, compressors
from django_cachekit.codecs.compressors import compressor
from django_cachekit.core.entry import Entry
from django_cachekit.errors import Misconfigured

from .samples import FULL_KEY, NOW

MEGA = 1024 * 1024
BOTH = pytest.mark.parametrize("name", ["zlib", "zstd"])


@BOTH
@pytest.mark.parametrize("size", [0, 1, 250, 100_000])
def test_what_is_compressed_comes_back(name: str, size: int) -> None:
    found = compressor(name)
    assert found is not None
    data = random.Random(1).randbytes(size // 2) + b"a" * (size - size // 2)
    assert found.decompress(found.compress(data), size) == data


@BOTH
def test_any_other_form_is_refused(name: str) -> None:
    found = compressor(name)
    assert found is not None
    small = found.compress(b"abc" * 100)
    odd = [(small + b"x", 300), (small + small, 300), (small[:-1], 300), (small, 299), (small, 301)]
    odd += [(small, 0), (b"", 300), (b"", 0), (b"junk" * 9, 300), (small[:4], 300)]
    for data, size in odd:
        with pytest.raises(ValueError):  # noqa: PT011 - the library's words, or ours
            found.decompress(data, size)


@BOTH
def test_x1_a_bomb_is_a_miss_and_takes_no_room(name: str, make_chain: Callable[..., Chain]) -> None:
    chain = make_chain("auto", name, max_bytes=MEGA)
    found = compressor(name)
    assert found is not None
    bomb = found.compress(bytes(256 * MEGA))
    at = chain.name(FULL_KEY)
    for size, why in ((256 * MEGA, "too_large"), (MEGA, "compression"), (1, "compression")):
        plain = bytes((3, found.code)) + size.to_bytes(4, "big") + bomb
        data = chain._guard.wrap(at, plain, 0, NEVER, 0)
        tracemalloc.start()
        try:
            with pytest.raises(Unreadable) as caught:
                chain.loads(at, data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert caught.value.reason == why
        assert peak < 2 * MEGA + 4 * len(bomb)


@BOTH
def test_x1_only_one_layer_is_ever_undone(name: str, make_chain: Callable[..., Chain]) -> None:
    found = compressor(name)
    assert found is not None
    chain = make_chain("auto", name)
    nested = found.compress(found.compress(bytes(MEGA)) + bytes(MEGA))
    at = chain.name(FULL_KEY)
    assert chain.loads(at, chain.dumps(at, Entry(nested, NOW))).value == nested


def chosen(chain: Chain, value: Any) -> int:
    """Return the compressor's code in what the chain writes."""
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(value, NOW))
    assert chain.loads(name, data).value == value
    return chain._guard.unwrap(name, data, 0, 0x7FFF << 40)[0][1]


@pytest.mark.parametrize(("name", "code"), [("zlib", 1), ("zstd", 2)])
def test_only_what_gets_smaller_is_compressed(
    name: str, code: int, make_chain: Callable[..., Chain]
) -> None:
    chain = make_chain("auto", name)
    assert chosen(chain, b"a" * 250) == code
    assert chosen(chain, b"a" * 249) == 0
    assert chosen(chain, random.Random(2).randbytes(5_000)) == 0
    assert chosen(make_chain(), b"a" * 5_000) == 0


@BOTH
def test_a_compressor_is_read_only_if_configured(
    name: str, make_chain: Callable[..., Chain]
) -> None:
    at, other = make_chain().name(FULL_KEY), {"zlib": "zstd", "zstd": "zlib"}[name]
    data = make_chain("auto", name).dumps(at, Entry(b"a" * 500, NOW))
    for chain in (make_chain(), make_chain("auto", other)):
        with pytest.raises(Unreadable) as caught:
            chain.loads(at, data)
        assert caught.value.reason == "compression"


@BOTH
@pytest.mark.parametrize("code", [1, 2, 3])
def test_a_stored_number_selects_no_other_compressor(
    name: str, code: int, make_chain: Callable[..., Chain]
) -> None:
    found = compressor(name)
    assert found is not None
    chain = make_chain("auto", name)
    at = chain.name(FULL_KEY)
    plain = bytes((3, code)) + (300).to_bytes(4, "big") + found.compress(b"a" * 300)
    data = chain._guard.wrap(at, plain, 0, NEVER, 0)
    if code == found.code:
        assert chain.loads(at, data).value == b"a" * 300
    else:
        with pytest.raises(Unreadable) as caught:
            chain.loads(at, data)
        assert caught.value.reason == "compression"


def test_an_unknown_one_is_told_so() -> None:
    for name in ("bz2", "lzma", "ZLIB", "", 1):
        with pytest.raises(Misconfigured, match="COMPRESSION"):
            compressor(name)  # type: ignore[arg-type]
    assert compressor(None) is None


class Fake:
    """Stand for Python 3.14's module, over zlib."""

    ZstdError = zlib.error
    compress = staticmethod(zlib.compress)
    ZstdDecompressor = staticmethod(zlib.decompressobj)


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        if name in names:
            monkeypatch.setitem(sys.modules, name, None)


def test_zstd_is_taken_from_wherever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "compression.zstd", "zstandard")
    monkeypatch.setitem(sys.modules, "backports", Fake)
    monkeypatch.setitem(sys.modules, "backports.zstd", Fake)
    found = compressor("zstd")
    assert isinstance(found, compressors.Zstd)
    check_fake(found)


def check_fake(found: Compressor) -> None:
    small = found.compress(b"a" * 300)
    assert found.decompress(small, 300) == b"a" * 300
    for data, size in ((small + b"x", 300), (small, 299), (b"junk", 4)):
        with pytest.raises(ValueError):  # noqa: PT011 - the library's words, or ours
            found.decompress(data, size)


def test_zstd_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "compression.zstd", "backports.zstd", "zstandard")
    with pytest.raises(Misconfigured, match=r'pip install "django-cachekit\[zstd\]"'):
        compressor("zstd")
