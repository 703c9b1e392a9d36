"""What other backends wrote, as their own serializers write it."""

import base64
import pickle
import zlib
from datetime import datetime, timezone
from typing import Any

import pytest
from django.core.cache.backends.redis import RedisSerializer
from django_redis.compressors.gzip import GzipCompressor
from django_redis.compressors.zlib import ZlibCompressor
from django_redis.serializers.json import JSONSerializer
from django_redis.serializers.pickle import PickleSerializer
from pymemcache.serde import compressed_serde, pickle_serde

from django_cachekit.codecs import Unreadable
from django_cachekit.codecs import legacy as module
from django_cachekit.codecs.legacy import Legacy

VALUES = [
    None,
    True,
    0,
    -7,
    2**70,
    "text",
    "12",
    b"\x00bytes",
    {"a": [1, (2,)]},
    datetime(2030, 1, 31, tzinfo=timezone.utc),
    "long " * 200,
]


@pytest.fixture
def legacy() -> Legacy:
    return Legacy()


def exact(found: Any, value: Any) -> bool:
    return bool(found == value and type(found) is type(value))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_djangos_redis_wrote(legacy: Legacy, value: Any) -> None:
    data = RedisSerializer().dumps(value)
    assert exact(legacy.redis(str(data).encode() if isinstance(data, int) else data), value)


@pytest.mark.parametrize("compressor", [ZlibCompressor, GzipCompressor])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_django_redis_compressed(legacy: Legacy, value: Any, compressor: Any) -> None:
    data = compressor({}).compress(PickleSerializer({}).dumps(value))
    assert exact(legacy.redis(data), value)


def test_what_django_redis_wrote_as_json(legacy: Legacy) -> None:
    assert legacy.redis(JSONSerializer({}).dumps({"a": [1, None]})) == {"a": [1, None]}


@pytest.mark.parametrize("serde", [pickle_serde, compressed_serde], ids=["plain", "compressed"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_djangos_memcached_wrote(legacy: Legacy, value: Any, serde: Any) -> None:
    data, flags = serde.serialize("key", value)
    data = data.encode() if isinstance(data, str) else data
    assert exact(legacy.memcached(data, flags), value)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_djangos_database_wrote(legacy: Legacy, value: Any) -> None:
    assert exact(legacy.database(base64.b64encode(pickle.dumps(value)).decode("latin1")), value)


class Trap:
    def __reduce__(self) -> Any:
        return _sprung, ()


SPRUNG: list[int] = []


def _sprung() -> None:
    SPRUNG.append(1)


def test_only_classes_that_are_allowed_are_unpickled() -> None:
    legacy = Legacy(["datetime.datetime", "datetime.timezone"])
    moment = datetime(2030, 1, 31)
    assert legacy.redis(pickle.dumps(moment)) == moment
    with pytest.raises(Unreadable, match="legacy"):
        legacy.redis(pickle.dumps(Trap()))
    assert SPRUNG == []


def test_what_is_none_of_theirs_is_unreadable(
    legacy: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = zlib.compress(pickle.dumps("x" * 5000))
    monkeypatch.setattr(module, "MAX_VALUE_BYTES", 1000)
    reads = [
        *(lambda data=data: legacy.redis(data) for data in (b"", b"\x80", b"{", b"\xff", whole)),
        *(lambda cut=cut: legacy.redis(whole[:cut]) for cut in (1, 20)),
        *(lambda flags=flags: legacy.memcached(b"\xff", flags) for flags in (1, 2, 8, 9, 16)),
        lambda: legacy.memcached(whole, 8 | 1),
        *(lambda text=text: legacy.database(text) for text in ("", "é", "!!", "gA==")),
    ]
    for read in reads:
        with pytest.raises(Unreadable, match="legacy"):
            read()
