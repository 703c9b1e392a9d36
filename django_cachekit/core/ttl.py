"""Times to live: every form a caller may give, as seconds from now."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.utils import timezone

from . import clock

FOREVER = 10**10
"""Seconds (317 years) from which a ttl is as good as none; stores overflow later than this."""


class Kept(Enum):
    """Hold the ttl that is none: what is there keeps its own."""

    KEEP = "keep"


KEEP: Final = Kept.KEEP

TTL = int | float | timedelta | datetime | None
"""How long something lives, as people give it."""

TTLOrFunction = TTL | Callable[[Any], TTL]
"""The same, or a function of the fresh value that returns it."""


def seconds(ttl: Any) -> Any:
    """Return ``ttl`` in seconds from now, None for ever, or Django's DEFAULT_TIMEOUT as it is.

    A naive datetime is in Django's current time zone. What is no ttl is a TypeError.
    """
    if ttl is None or ttl is DEFAULT_TIMEOUT:
        return ttl
    if isinstance(ttl, (int, float)) and not isinstance(ttl, bool):
        found: float = ttl
    elif isinstance(ttl, timedelta):
        found = ttl.total_seconds()
    elif isinstance(ttl, datetime):
        found = _until(ttl)
    else:
        raise TypeError(
            f"A ttl is None, seconds (int or float), a timedelta or a datetime, "
            f"not {type(ttl).__name__}."
        )
    if math.isnan(found):
        raise TypeError("A ttl is a number of seconds, not NaN.")
    return None if found >= FOREVER else found


def _until(moment: datetime) -> float:
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return moment.timestamp() - clock.now()


def over(ttl: Any) -> bool:
    """Tell whether ``ttl`` (as ``seconds`` returns it) has already run out."""
    return ttl is not None and ttl is not DEFAULT_TIMEOUT and ttl <= 0
