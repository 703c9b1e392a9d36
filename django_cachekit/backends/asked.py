"""What an alias is asked for in its OPTIONS, whatever store it is."""

import math
from collections.abc import Mapping
from typing import Any

from ..errors import Misconfigured


def indexed(alias: str, options: Mapping[str, Any]) -> bool:
    """Tell whether an index of tags was asked for."""
    given = options.get("TAG_INDEX", False)
    if not isinstance(given, bool):
        raise Misconfigured(f"CACHES[{alias!r}]: TAG_INDEX is True or False, not {given!r}.")
    return given


def staleness(alias: str, options: Mapping[str, Any]) -> float:
    """Return for how many seconds copies of tags' records are good."""
    given = options.get("TAG_STALENESS", 0)
    number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not number or not 0 <= given < math.inf:
        raise Misconfigured(
            f"CACHES[{alias!r}]: TAG_STALENESS is a number of seconds from 0, not {given!r}."
        )
    return float(given)
