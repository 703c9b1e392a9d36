"""The last good value while the source is down."""

from django.utils.timezone import now

from django_cachekit import cache
from tour.stop import Action, Stop

quotes = cache.tags("tour:quotes")


def fetch() -> str:
    return f"fetched at {now():%H:%M:%S}"


def fetch_in_vain() -> str:
    raise ConnectionError("the source does not answer")


def read() -> dict[str, object]:
    served = quotes.remember("tour:quote", 60, fetch, stale_if_error=3600)
    return {"served": served}


def read_after_its_end_while_the_source_is_down() -> dict[str, object]:
    quotes.remember("tour:quote", 60, fetch, stale_if_error=3600)
    quotes.expire()  # as if the minute were over
    served = quotes.remember("tour:quote", 60, fetch_in_vain, stale_if_error=3600)
    try:
        without: object = quotes.remember("tour:quote", 60, fetch_in_vain)
    except ConnectionError as error:
        without = f"ConnectionError: {error}"
    return {
        "with stale_if_error": served,
        "without": without,
        "plain get": cache.get("tour:quote"),
    }


# The page:
STOP = Stop(
    slug="stale-if-error",
    title="While the source is down",
    line="`stale_if_error` keeps the last good value for when computing fails.",
    text=(
        "The quote is good for a minute, and a copy is kept an hour longer. Where fetching it "
        "fails, whoever asked with `stale_if_error` is served the copy; for everyone else it is gone."
    ),
    module=__name__,
    actions=(
        Action("Read", read),
        Action(
            "Read when it is over and the source is down",
            read_after_its_end_while_the_source_is_down,
        ),
    ),
    docs="computing.md",
)
