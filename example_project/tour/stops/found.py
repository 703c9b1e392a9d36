"""Tags that only the computation knows."""

from django_cachekit import cache
from places.models import City
from tour.stop import Action, Stop


def front_page(entry) -> list[str]:
    cities = City.objects.order_by("-population")[:3]
    entry.tags.add(f"tour:city:{city.pk}" for city in cities)
    return [city.name for city in cities]


def read() -> dict[str, object]:
    was_there = cache.has("tour:front")
    page = cache.tags("tour:front").remember("tour:front", 600, front_page)
    return {"the front page": page, "it was in the cache": was_there}


def flush_the_second_city() -> dict[str, object]:
    read()
    second = City.objects.order_by("-population")[1]
    cache.tags(f"tour:city:{second.pk}").flush()
    return {"flushed": second.name, "the front page is there": cache.has("tour:front")}


def flush_paris() -> dict[str, object]:
    read()
    cache.tags("tour:city:2988507").flush()
    return {"flushed": "Paris", "the front page is there": cache.has("tour:front")}


# The page:
STOP = Stop(
    slug="found",
    title="Tags found while computing",
    line="Which cities are on the page is known when it is made: then its tags are, too.",
    text=(
        "A function that takes an argument is given the entry being built. Here it adds a tag for "
        "each city it shows: edit one of them, and the page is gone; edit another, and it stays."
    ),
    module=__name__,
    actions=(
        Action("Read", read),
        Action("Flush the second city", flush_the_second_city),
        Action("Flush Paris", flush_paris),
    ),
    docs="tags.md",
)
