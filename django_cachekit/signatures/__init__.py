"""What a type checker and an editor see of the verbs whose types inference cannot tell.

A verb is a line of the table in ``repository``, and its types follow from its flow. These cannot:
what they return depends on whether a callback takes the entry, is a coroutine function, or whether
there is a default. Nothing here is used when the program runs; ``tests/typing`` holds the
parameters and first sentences to those of the flows.
"""

from typing import Any

from .computing import Computing
from .reading import Reading


class Signatures(Reading, Computing):
    """Be all of them, and what the backend answers that every backend of Django has."""

    key_prefix: str
    version: int
    default_timeout: float | None

    def make_key(self, key: Any, version: int | None = None) -> str:
        """Return the key as the backend makes it: with the prefix and the version before it."""
        raise NotImplementedError

    def make_and_validate_key(self, key: Any, version: int | None = None) -> str:
        """Return the key as the backend makes it, and warn of one that memcached would refuse."""
        raise NotImplementedError

    def validate_key(self, key: str) -> None:
        """Warn of a key that memcached would refuse."""


__all__ = ["Signatures"]
