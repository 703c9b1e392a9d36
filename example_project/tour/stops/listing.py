"""What bears a tag."""

from django_cachekit import cache
from tour.stop import Action, Stop

shelf = cache.tags("tour:shelf")


def fill() -> dict[str, object]:
    shelf.put_many(
        {f"tour:book:{name}": name for name in ("atlas", "almanac", "bible")}, 600
    )
    cache.tags("tour:shelf", "tour:lent").put("tour:book:cookbook", "cookbook", 600)
    return {"stored": 4}


def list_it() -> dict[str, object]:
    return {
        "keys": sorted(shelf.keys()),
        "keys that begin with a": sorted(shelf.keys("tour:book:a*")),
        "on the shelf and lent": list(cache.tags("tour:shelf", "tour:lent").keys()),
        "count": shelf.count(),
        "stats": shelf.stats()["tour:shelf"],
    }


def forget_those_with_a() -> dict[str, object]:
    return {
        "forgotten": shelf.forget_pattern("tour:book:a*"),
        "left": sorted(shelf.keys()),
    }


# The page:
STOP = Stop(
    slug="listing",
    title="What bears a tag",
    line="With `TAG_INDEX` an alias can tell which live entries bear a tag.",
    text=(
        "Flushing needs no list of what bears a tag. To see it, an alias keeps one: "
        '`OPTIONS: {"TAG_INDEX": True}`. Only live entries are listed. A store that cannot list, '
        "such as memcached, says so."
    ),
    module=__name__,
    actions=(
        Action("Fill", fill),
        Action("List", list_it),
        Action("Forget those with a", forget_those_with_a),
    ),
    docs="tag-index.md",
)
