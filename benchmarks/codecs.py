"""Codecs: what a value costs on its way to bytes and back, and how many bytes it becomes."""

import json
import pickle
import time
from collections.abc import Callable
from typing import Any

from .engine import Size, Subject, compare, once, table
from .setup import RECORD, RECORDS, TEXTS

VALUES = {
    "text, 1 KB": TEXTS["1 KB"],
    "text, 100 KB": TEXTS["100 KB"],
    "dict, 1 KB": RECORD,
    "list of 100 dicts": RECORDS,
}
Pair = tuple[Callable[[Any], bytes], Callable[[bytes], Any]]


def pairs() -> dict[str, Pair]:
    """Return what encodes and what decodes; the first is the measure."""
    import msgspec

    # Peers are there only where the group bench is installed.
    import orjson  # type: ignore[import-not-found,import-untyped,unused-ignore]

    from django_cachekit.codecs.serializers import Json, MessagePack, Pickle

    mine: dict[str, Any] = {
        "ours, json": Json(),
        "ours, msgpack": MessagePack(),
        "ours, pickle": Pickle(),
    }
    packs, jsons = msgspec.msgpack, msgspec.json
    return {
        "pickle": (lambda value: pickle.dumps(value, pickle.HIGHEST_PROTOCOL), pickle.loads),
        "json": (lambda value: json.dumps(value).encode(), json.loads),
        "orjson": (orjson.dumps, orjson.loads),
        "msgspec, json": (jsons.Encoder().encode, jsons.Decoder().decode),
        "msgspec, msgpack": (packs.Encoder().encode, packs.Decoder().decode),
        **{name: (one.dumps, one.loads) for name, one in mine.items()},
    }


def measure(size: Size) -> list[dict[str, Any]]:
    """Compare encoding, decoding, and bytes."""
    found = pairs()
    encoding, decoding, octets = [], [], {}
    for name, (dumps, loads) in found.items():
        data = {what: dumps(value) for what, value in VALUES.items()}
        for what, value in VALUES.items():
            assert loads(data[what]) == value
        encoding.append(
            Subject(name, {what: _calls(dumps, value) for what, value in VALUES.items()})
        )
        decoding.append(Subject(name, {what: _calls(loads, data[what]) for what in VALUES}))
        octets[name] = {what: once(len(data[what])) for what in VALUES}
    return [
        table("encode", compare(encoding, size, time.process_time)),
        table("decode", compare(decoding, size, time.process_time)),
        table("length of a value", octets, unit="bytes"),
    ]


def _calls(function: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: function(value)
