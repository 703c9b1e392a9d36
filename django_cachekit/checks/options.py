"""The checks of what ``CACHES`` says of our stores, but for keys and places."""

from typing import Any

from django.core import checks

from ..codecs.legacy import wanted
from ..errors import Misconfigured
from .common import (
    ARRAY,
    BYTES,
    DATABASE,
    DYNAMODB,
    FILE,
    OURS,
    TAGGED,
    Alias,
    Messages,
    error,
    meant,
    ours,
    problems_of,
)

BOUNDS = ("MAX_ENTRIES", "MAX_BYTES")
SHARED = {
    "CIPHER", "COMPRESSION", "ENCRYPTION_KEYS", "INDEX_KEY", "KEYS_FROM_SECRET_KEY",
    "MAX_VALUE_BYTES", "PICKLE_CLASSES", "RAISE", "SERIALIZER", "SIGNALS", "STATS", "STORE_ID",
    "TAG_INDEX", "TAG_STALENESS",
}  # fmt: skip
"""What every store of bytes takes; those on servers refuse whatever else is not their own."""

OPTIONS = {
    *SHARED, *BOUNDS, "ALLOW_SHARED_DIRECTORY", "CHUNKED", "CONNECT_TIMEOUT", "COPY",
    "CULL_FREQUENCY", "DATABASE", "DEADLINE", "ENDPOINT_URL", "EPOCH_FILE", "FSYNC",
    "MAX_POOL_CONNECTIONS", "READ_LEGACY", "READ_TIMEOUT", "REGION_NAME", "SESSION", "STORE",
    "STORES",
}  # fmt: skip

OWN_OPTIONS = {ARRAY, FILE, DATABASE, DYNAMODB, TAGGED, OURS + "null.NullCache"}
"""The backends none of whose options belong to a client library."""

PARTS = {
    "serializer": "Use auto, json, msgpack, pickle or a dotted path, and install its library.",
    "compression": "Use None, zlib or zstd: pip install django-cachekit[zstd].",
    "cipher": "Use aes-256-gcm, the default: pip install django-cachekit[encryption].",
    "store_id": "Give some text, or leave it out: it is the alias then.",
}
"""What to do about each problem that a codec chain has, but for those of its keys."""


_DEFAULT = "Give a whole number, or leave it out for the default."


def options_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check the OPTIONS of our stores: E008, E009, W014, W015."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        found += [*_bounds(alias), *_spelling(alias)]
        if alias.kinds & BYTES:
            found += [
                error("E009", alias.says(problem.text), PARTS[problem.id])
                for problem in problems_of(alias)
                if problem.id in PARTS
            ]
            found += _legacy(alias)
    return found


def _bounds(alias: Alias) -> Messages:
    for name in BOUNDS:
        value = alias.options.get(name, 1)
        unbounded = value is None and DATABASE in alias.kinds
        if not unbounded and (type(value) is not int or value < 1):
            text = f"{name} is a whole number from 1, not {value!r}."
            yield error("E008", alias.says(text), _DEFAULT)
    if alias.kinds & BYTES:
        for problem in problems_of(alias):
            if problem.id == "max_value_bytes":
                yield error("E008", alias.says(problem.text), _DEFAULT)


def _legacy(alias: Alias) -> Messages:
    try:
        names = wanted(alias.name, alias.options)
    except Misconfigured as wrong:
        yield error("E009", str(wrong), "Name what stood there before, or leave it out.")
        return
    if names:
        text = "READ_LEGACY is on: pickles that nobody vouches for are read from the server."
        hint = "Take it out when no more entries are taken over; see docs/migrating."
        yield checks.Warning(alias.says(text), hint=hint, id="cachekit.W015")


def _spelling(alias: Alias) -> Messages:
    """Find misspelt options: ENCRYPTION_KEY, which is none, would leave a table unsealed."""
    if alias.config["BACKEND"] in OWN_OPTIONS:
        for name in alias.options:
            hint = None if name in OPTIONS else meant(name, OPTIONS)
            if hint:
                text = alias.says(f"{name!r} is no option.")
                yield checks.Warning(text, hint=hint, id="cachekit.W014")
