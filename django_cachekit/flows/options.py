"""How a value is computed and kept: what the verbs take beside key, ttl and ``make``.

They are read once, checked, and handed on as one frozen object.
"""

import math
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypedDict

from ..core import clock
from ..core.entry import Entry
from ..core.operation import MISSING
from ..core.ttl import FOREVER, over, seconds

SHARE, RETRY = "share", "retry"


class Given(TypedDict, total=False):
    """Name the options, as people give them; None is as good as not given."""

    early: float | None
    jitter: float | None
    stale_if_error: int | float | timedelta | datetime | None
    soft_timeout: int | float | timedelta | None
    negative_ttl: int | float | timedelta | datetime | None
    on_error: Literal["share", "retry"] | None


class Life(NamedTuple):
    """Say for how many seconds a value lies, until when it is fresh, when it ends, what it cost."""

    ttl: Any
    fresh: float | None
    ends: float | None
    cost: float | None = None


class Options(NamedTuple):
    """Hold the options of one call, checked; times are in seconds.

    ``early``: by how much an early refresh is made likelier (XFetch's beta). ``jitter``: the part
    of its ttl by which a value may be shortened. ``stale_if_error``: how long after its end a value
    is served where computing fails. ``soft_timeout``: how long one who could have an old value
    waits for a new one. ``negative_ttl``: how long None lives, in any form of a ttl. ``on_error``:
    whether those who wait share an error, or try themselves.
    """

    early: float | None = None
    jitter: float = 0.0
    stale_if_error: float | None = None
    soft_timeout: float | None = None
    negative_ttl: Any = None
    on_error: str = SHARE

    @property
    def spare(self) -> bool:
        """Tell whether a value that has ended is of use."""
        return self.stale_if_error is not None or self.soft_timeout is not None

    @property
    def looks(self) -> bool:
        """Tell whether a reader has to see more than the value."""
        return self.early is not None or self.spare

    def life(self, ttl: Any, fresh: float | None) -> Life:
        """Return how long a value lives that was to live for ``ttl``, as ``seconds`` gives it."""
        part = 1 - self.jitter * random.random()  # noqa: S311 - no secret
        fresh = None if fresh is None else fresh * part
        if not isinstance(ttl, (int, float)) or over(ttl):
            return Life(ttl, fresh, None)
        ttl = ttl * part if self.jitter else ttl
        if self.stale_if_error is None:
            return Life(ttl, fresh, None)
        return Life(seconds(ttl + self.stale_if_error), fresh, ttl)

    def due(self, found: Any) -> bool:
        """Draw whether this reader is the one to have a value computed anew before its time.

        It is likelier the nearer the end, and the longer the computation: XFetch, of "Optimal
        Probabilistic Cache Stampede Prevention" (Vattani, Chierichetti, Lowenstein, 2015).
        """
        if self.early is None or type(found) is not Entry or not found.cost or found.end is None:
            return False
        drawn = -math.log(1 - random.random())  # noqa: S311 - no secret
        return clock.now() + found.cost * self.early * drawn >= found.end

    def usable(self, found: Any) -> bool:
        """Tell whether what was found may be served in place of what could not be computed."""
        if found is MISSING or type(found) is not Entry:
            return found is not MISSING
        # A spare that another keeps is none for who did not ask for one.
        return found.ends is None or found.ends + (self.stale_if_error or 0) > clock.now()


NONE = Options()


def read(verb: str, given: Mapping[str, Any]) -> Options:
    """Return the options that were given to a verb; one that means nothing is an error."""
    for name in given:
        if name not in _READ:
            raise TypeError(f"{verb}() got an unexpected keyword argument {name!r}")
    return Options(**{n: _READ[n](n, value) for n, value in given.items() if value is not None})


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} is a number, not {type(value).__name__}.")
    return value


def _early(name: str, value: Any) -> float:
    if not 0 < _number(name, value) < math.inf:
        raise ValueError(f"{name} is a number above 0, as a rule 1.0, not {value!r}.")
    return float(value)


def _part(name: str, value: Any) -> float:
    if not 0 <= _number(name, value) < 1:
        raise ValueError(f"{name} is the part of a ttl that may be cut, from 0 to below 1.")
    return float(value)


def _time(name: str, value: Any) -> float:
    try:
        found = seconds(value)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if found is None:
        return FOREVER
    if not isinstance(found, (int, float)):
        raise TypeError(f"{name} is a time, which Django's default timeout is not.")
    if found < 0:
        raise ValueError(f"{name} is a time from 0 on, not {value!r}.")
    return float(found)


def _ttl(name: str, value: Any) -> Any:
    if not isinstance(value, datetime):  # which may be past, as any ttl may
        _time(name, value)
    return value


def _word(name: str, value: Any) -> str:
    if value not in (SHARE, RETRY):
        raise ValueError(f'{name} is "{SHARE}" or "{RETRY}", not {value!r}.')
    return str(value)


_READ = {
    "early": _early,
    "jitter": _part,
    "stale_if_error": _time,
    "soft_timeout": _time,
    "negative_ttl": _ttl,
    "on_error": _word,
}
