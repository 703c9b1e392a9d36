"""Which extra serves what, and the settings of a site on it."""

import re
from dataclasses import dataclass
from typing import Any

from tests.stores import INDEX_KEY, KEY

from .building import ROOT

BACKENDS = "django_cachekit.backends"
TABLE = {"BACKEND": f"{BACKENDS}.database.DatabaseCache", "LOCATION": "entries"}
NOBODY = "127.0.0.1:1"  # listens there: what is kept is not, and what is read is the default


@dataclass(frozen=True)
class Extra:
    """Say what an extra brings.

    ``modules`` can be imported with it; ``cache`` is a store on it, and ``found`` what a site reads
    there that has just written 1.
    """

    name: str
    modules: tuple[str, ...]
    cache: dict[str, Any] | None = None
    found: str = "1"


EXTRAS = (
    Extra(
        "redis",
        (f"{BACKENDS}.redis", "hiredis"),
        {"BACKEND": f"{BACKENDS}.redis.RedisCache", "LOCATION": f"redis://{NOBODY}/0"},
        found="nothing",
    ),
    Extra(
        "memcached",
        (f"{BACKENDS}.memcached",),
        {"BACKEND": f"{BACKENDS}.memcached.MemcachedCache", "LOCATION": NOBODY},
        found="nothing",
    ),
    Extra(
        "dynamodb",
        (f"{BACKENDS}.dynamodb", "boto3"),
        {
            "BACKEND": f"{BACKENDS}.dynamodb.DynamoDBCache",
            "LOCATION": "entries",
            "OPTIONS": {
                "ENDPOINT_URL": f"http://{NOBODY}",
                "REGION_NAME": "eu-central-1",
            },
        },
        found="nothing",
    ),
    Extra(
        "encryption",
        ("django_cachekit.codecs.ciphers", "cryptography"),
        {**TABLE, "OPTIONS": {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}},
    ),
    Extra(
        "msgpack",
        ("msgspec",),
        {**TABLE, "OPTIONS": {"SERIALIZER": "msgpack"}},
    ),
    Extra(
        "zstd",
        ("django_cachekit.codecs.compressors",),
        {**TABLE, "OPTIONS": {"COMPRESSION": "zstd"}},
    ),
    Extra("testing", ("django_cachekit.testing.conformance",)),
    # What they will serve is not there yet; that they can be installed is.
    Extra("drf", ("rest_framework",)),
    Extra("prometheus", ("prometheus_client",)),
    Extra("opentelemetry", ("opentelemetry.trace",)),
    Extra("cli", ("rich",)),
)


def declared() -> list[str]:
    """Return the extras that pyproject.toml has."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = text.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    return re.findall(r"^([a-z]+) = \[", table, re.MULTILINE)
