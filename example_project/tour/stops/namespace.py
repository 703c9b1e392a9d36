"""Tags as drawers, as in Laravel."""

from django_cachekit import cache
from tour.stop import Action, Stop


def three_johns() -> dict[str, object]:
    people = cache.tags("tour:people", namespace=True)
    artists = cache.tags("tour:artists", namespace=True)
    people.put("john", "a person", 600)
    artists.put("john", "a painter", 600)
    cache.put("john", "a key", 600)
    before = [people.get("john"), artists.get("john"), cache.get("john")]
    people.flush()
    after = [people.get("john"), artists.get("john"), cache.get("john")]
    return {
        "john, three times": before,
        "after people was flushed": list(map(str, after)),
    }


# The page:
STOP = Stop(
    slug="namespace",
    title="Namespaces",
    line="With `namespace=True` the same key under other tags is another entry.",
    text=(
        "In Laravel tags are drawers: the key `john` under `people` is not the one under "
        "`artists`. Here they are labels, unless you ask for drawers with `namespace=True`."
    ),
    module=__name__,
    actions=(Action("Store three johns", three_johns),),
    docs="tags.md",
)
