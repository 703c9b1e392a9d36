"""Read once in a request."""

from django_cachekit import cache
from tour.heard import hearing
from tour.stop import Action, Stop


def a_hundred_reads() -> dict[str, object]:
    cache.put("tour:menu", ["World", "Countries", "Records"], 600)
    with hearing() as plain:
        for _ in range(100):
            cache.get("tour:menu")
    memo = cache.memo()
    with hearing() as remembered:
        for _ in range(100):
            memo.get("tour:menu")
    return {
        "reads of the store by cache.get()": hits(plain),
        "reads of the store by cache.memo().get()": hits(remembered),
    }


def write_in_between() -> dict[str, object]:
    memo = cache.memo()
    memo.put("tour:menu", ["World"], 600)
    first = memo.get("tour:menu")
    cache.put(
        "tour:menu", ["World", "Countries"], 600
    )  # by another name, in the same request
    return {"first": first, "after the write": memo.get("tour:menu")}


def hits(events: list[dict[str, object]]) -> int:
    return sum(event["signal"] == "cache_hit" for event in events)


# The page:
STOP = Stop(
    slug="memo",
    title="Read once in a request",
    line="`memo()` remembers what this request has read.",
    text=(
        "A template asks for the same menu a hundred times. `cache.memo()` is the same cache with "
        "a memory that ends with the request: one read of the store, and writes are seen at once."
    ),
    module=__name__,
    actions=(
        Action("A hundred reads, twice", a_hundred_reads),
        Action("Write in between", write_in_between),
    ),
    docs="computing.md",
)
