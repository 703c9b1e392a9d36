"""From OPTIONS to a chain."""

import pickle
import sys
from pathlib import Path

import pytest

from django_cachekit.codecs import MAX_VALUE_BYTES, keys, problems
from django_cachekit.core.entry import Entry
from django_cachekit.errors import Misconfigured

from .samples import FULL_KEY, INDEX, NOW, OLD_SECRET, OTHER, RAW, SECRET, made, options, reads


def test_the_defaults() -> None:
    chain = made({})
    assert not chain.sealed
    assert chain.max_bytes == MAX_VALUE_BYTES == 8_388_608
    assert chain._compressor is None
    assert made(options()).sealed
    assert reads(chain, made({"SERIALIZER": "auto", "COMPRESSION": None, "STORE_ID": "default"}))


def test_the_first_key_writes_and_all_read() -> None:
    old, both = made(options()), made(options(ENCRYPTION_KEYS=[OTHER, RAW]))
    new = made(options(ENCRYPTION_KEYS=[OTHER]))
    assert reads(both, old)
    assert reads(new, both)
    assert not reads(old, both)
    assert not reads(new, old)


def test_stores_do_not_read_each_other() -> None:
    for given in (options(), {}):
        one, other = made(given, alias="one"), made(given, alias="other")
        assert one.name(FULL_KEY) != other.name(FULL_KEY)
        assert not reads(one, other)
        assert reads(one, made({**given, "STORE_ID": "one"}, alias="other"))


def test_signing_honours_fallbacks() -> None:
    old, both, new = made({}, [OLD_SECRET]), made({}, [SECRET, OLD_SECRET]), made({})
    assert reads(both, old)
    assert reads(new, both)
    assert not reads(new, old)
    assert old.name(FULL_KEY) == new.name(FULL_KEY)


def test_keys_from_the_secret_key_honour_fallbacks() -> None:
    given = {"KEYS_FROM_SECRET_KEY": True}
    old, both = made(given, [OLD_SECRET]), made(given, [SECRET, OLD_SECRET])
    assert old.sealed
    assert reads(both, old)
    assert not reads(old, both)
    assert not reads(made(given), both)  # the names come from the oldest
    indexed = {**given, "INDEX_KEY": INDEX}
    assert reads(made(indexed), made(indexed, [SECRET, OLD_SECRET, SECRET]))
    assert made({"KEYS_FROM_SECRET_KEY": False}).sealed is False


def test_each_use_of_the_secret_key_has_a_key_of_its_own() -> None:
    derived = {bytes(keys.derive(SECRET, label)) for label in ("sign", "data", "index")}
    assert len(derived) == 3
    assert all(len(key) == 32 for key in derived)


def test_sealing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Misconfigured, match=r'pip install "django-cachekit\[encryption\]"'):
        made(options())
    assert [one.id for one in problems(options(), secret_keys=[SECRET])] == ["cipher"]
    assert not made({}).sealed  # signing needs nothing more


def test_the_options_reach_the_chain() -> None:
    chain = made(
        options(
            SERIALIZER="json",
            COMPRESSION="zlib",
            MAX_VALUE_BYTES=1_000,
            CIPHER="chacha20-poly1305",
        )
    )
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry("a" * 900, NOW))
    assert data[5] == 2
    assert len(data) < 300
    assert chain.max_bytes == 1_000
    with pytest.raises(TypeError):
        chain.dumps(name, Entry(1j, NOW))
    limited = made({"PICKLE_CLASSES": ["builtins.complex"]})
    with pytest.raises(pickle.PicklingError):
        limited.dumps(name, Entry({Path()}, NOW))
    assert limited.dumps(name, Entry(1j, NOW))
