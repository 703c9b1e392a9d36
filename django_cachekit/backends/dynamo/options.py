"""What ``LOCATION`` and ``OPTIONS`` say of a DynamoDB table, read and checked."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from ...checks.options import BESIDE
from ...core.settings import defaults, names
from ...errors import Misconfigured

DEFAULTS: Mapping[str, Any] = defaults("dynamodb")
"""The options of this store alone, with what each is when left out."""

_TEXTS = ("ENDPOINT_URL", "REGION_NAME", "SESSION")
_SECONDS = ("CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE")


class Options(NamedTuple):
    """Hold the settings of one alias."""

    alias: str
    table: str
    endpoint_url: str | None
    region_name: str | None
    session: str | None
    connect_timeout: float
    read_timeout: float
    deadline: float
    max_pool_connections: int
    chunked: bool

    def wrong(self, text: str) -> Misconfigured:
        """Return the error that says what is wrong with this alias."""
        return Misconfigured(f"CACHES[{self.alias!r}]: {text}")


def read(alias: str, location: Any, options: Mapping[str, Any]) -> Options:
    """Return the settings, or raise Misconfigured naming what is wrong."""
    found = [*faults(location, options)]
    if found:
        raise Misconfigured(f"CACHES[{alias!r}]: {'; '.join(found)}")
    given = {name.lower(): options.get(name, usual) for name, usual in DEFAULTS.items()}
    return Options(alias, location, **given)


def faults(location: Any, options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the settings, in words."""
    found = []
    if not isinstance(location, str) or not location:
        found.append("DynamoDBCache needs a table's name in LOCATION")
    for name in sorted(set(options) - names("all", "codecs", "dynamodb")):
        found.append(f"DynamoDBCache has no option {name!r}{_instead(name)}")
    for name in _TEXTS:
        if not isinstance(options.get(name) or "", str):
            found.append(f"{name} is text")
    for name in _SECONDS:
        if not _positive(options.get(name, 1), (int, float)):
            found.append(f"{name} is a number of seconds over 0")
    if not _positive(options.get("MAX_POOL_CONNECTIONS", 1), (int,)):
        found.append("MAX_POOL_CONNECTIONS is a whole number from 1")
    if not isinstance(options.get("CHUNKED", False), bool):
        found.append("CHUNKED is True or False")
    return found


def _instead(name: str) -> str:
    if name in BESIDE:
        return f"; {name} stands beside OPTIONS"
    near = get_close_matches(name.upper(), sorted(names("all", "codecs", "dynamodb")), 1, 0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _positive(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds and bool(value > 0)
