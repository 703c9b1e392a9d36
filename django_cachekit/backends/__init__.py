"""Backends for ``CACHES``, each named by its dotted path; nothing here is imported until named."""

from typing import Any

_HOMES = {
    "ArrayCache": "array",
    "DatabaseCache": "database",
    "DynamoDBCache": "dynamodb",
    "EncryptedFileCache": "file",
    "MemcachedCache": "memcached",
    "NullCache": "null",
    "RedisCache": "redis",
    "TaggedCache": "tagged",
}
"""The classes, and the modules they are in."""


def __getattr__(name: str) -> Any:
    """Tell where a class is that was looked for here: Django puts it into its own error."""
    if name in _HOMES:
        raise ImportError(f"it is {__name__}.{_HOMES[name]}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
