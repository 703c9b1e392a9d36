"""Counts that lose nothing."""

from django_cachekit import cache
from tour.stop import Action, Stop
from tour.together import at_once


def count_together() -> dict[str, object]:
    cache.forget("tour:visits")

    def visit(number: int) -> None:
        for _ in range(25):
            cache.increment("tour:visits", ttl=600)

    at_once(8, visit)
    return {"8 threads count 25 each": cache.integer("tour:visits")}


def baskets() -> dict[str, object]:
    cache.put("tour:by hand", [], 600)
    cache.forget("tour:by cas")

    def add(number: int) -> None:
        teas = cache.get("tour:by hand")
        cache.put("tour:by hand", [*teas, number], 600)  # loses what came in between
        cache.cas("tour:by cas", lambda teas: [*teas, number], default=list, ttl=600)

    at_once(12, add)
    return {
        "12 add to a basket, by get and put": len(cache.array("tour:by hand")),
        "by cas": len(cache.array("tour:by cas")),
    }


# The page:
STOP = Stop(
    slug="counters",
    title="Counters, and changing a value",
    line="`increment` is one step, and `cas` loses nobody's change.",
    text=(
        "Counting is one atomic step, between processes too. For other values, a `get` and a `put` "
        "lose what somebody wrote in between; `cas` stores the change only where the value is "
        "still the one it was made from, and else starts over."
    ),
    module=__name__,
    actions=(
        Action("Count together", count_together),
        Action("Fill two baskets", baskets),
    ),
    docs="writing.md",
)
