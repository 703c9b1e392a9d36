"""Old at once, new behind the reader."""

from time import perf_counter, sleep

from django_cachekit import cache
from tour.stop import Action, Stop


def fetch_rate() -> dict[str, int]:
    sleep(0.3)  # somebody else's server
    return {"fetched, time no.": cache.increment("tour:fetched")}


def read() -> dict[str, object]:
    started = perf_counter()
    rates = cache.tags("tour:rates")
    rate = rates.flexible("tour:rate", (60, 3600), fetch_rate)
    return {"served": rate, "waited": f"{(perf_counter() - started) * 1000:.1f} ms"}


def make_it_old() -> dict[str, object]:
    cache.tags("tour:rates").expire()
    return {"the rate": "is stale, as it would be after 60 seconds"}


def flush() -> dict[str, object]:
    cache.tags("tour:rates").flush()
    return {"the rate": "is gone: the next reader waits"}


# The page:
STOP = Stop(
    slug="flexible",
    title="Old at once, new behind",
    line="`flexible` serves a stale value, while one caller fetches the next.",
    text=(
        "The rate is fresh for 60 seconds and may be served for an hour. Make it old, then read: "
        "the old one comes at once, and is fetched anew behind the reader. Read again, and the "
        "new one is there. Nobody waited but the first."
    ),
    module=__name__,
    actions=(
        Action("Read", read),
        Action("Make it old", make_it_old),
        Action("Flush", flush),
    ),
    docs="computing.md",
)
