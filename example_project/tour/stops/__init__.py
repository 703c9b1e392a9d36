"""The stops of the tour, in order."""

from typing import NamedTuple

from ..stop import Stop
from . import (
    async_view,
    counters,
    decorator,
    early,
    expire,
    flexible,
    found,
    fragments,
    funnel,
    health,
    listing,
    locks,
    memo,
    models,
    namespace,
    outbox,
    overlap,
    promise,
    remember,
    sealed,
    signals,
    stale_if_error,
    tags,
    transactions,
    typed,
    views,
    warmers,
)


class Part(NamedTuple):
    """Some stops under one title."""

    title: str
    stops: tuple[Stop, ...]


PARTS = (
    Part(
        "Computing",
        (
            remember.STOP,
            flexible.STOP,
            early.STOP,
            stale_if_error.STOP,
            decorator.STOP,
            memo.STOP,
            warmers.STOP,
        ),
    ),
    Part(
        "Tags",
        (
            tags.STOP,
            promise.STOP,
            found.STOP,
            expire.STOP,
            namespace.STOP,
            listing.STOP,
        ),
    ),
    Part(
        "Together", (locks.STOP, funnel.STOP, overlap.STOP, counters.STOP, typed.STOP)
    ),
    Part("Pages", (views.STOP, fragments.STOP, async_view.STOP)),
    Part("Changes", (models.STOP, transactions.STOP, outbox.STOP)),
    Part("Watching", (signals.STOP, sealed.STOP, health.STOP)),
)
STOPS = tuple(stop for part in PARTS for stop in part.stops)
