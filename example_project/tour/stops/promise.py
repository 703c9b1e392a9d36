"""A flush is never overtaken."""

from django_cachekit import cache
from tour.stop import Action, Stop

price = {"of tea": 7}


def slow_list() -> str:
    read = f"tea costs {price['of tea']}"  # read from the database, say
    # While this goes on computing, somebody changes the price, and flushes:
    price["of tea"] += 1
    cache.tags("tour:prices").flush()
    return read


def compute_and_be_overtaken() -> dict[str, object]:
    cache.forget("tour:list")
    returned = cache.tags("tour:prices").remember("tour:list", 600, slow_list)
    return {
        "the one who computed has": returned,
        "everybody after the flush has": cache.get("tour:list"),
        "the price is": price["of tea"],
    }


# The page:
STOP = Stop(
    slug="promise",
    title="The promise",
    line="A value computed from data read before a flush is never served after it.",
    text=(
        "The usual way to keep a stale list for an hour: read the data, be slow, and store the "
        "result after somebody has flushed. Here the entry carries what its tags' records held "
        "before the computing began. After the flush they hold something else, so it is a miss."
    ),
    module=__name__,
    actions=(Action("Compute, and be overtaken", compute_and_be_overtaken),),
    docs="tags.md",
)
