"""Flushed when rows change."""

from django_cachekit import InvalidatingQuerySet, cache, invalidates
from tour.models import Trip
from tour.stop import Action, Stop

rule = invalidates(Trip, tags=lambda trip: [f"tour:trips:{trip.continent}"])
trips = InvalidatingQuerySet(Trip)  # in a model: objects = InvalidatingManager()


def names(continent: str) -> list[str]:
    def make() -> list[str]:
        return list(
            Trip.objects.filter(continent=continent).values_list("name", flat=True)
        )

    return cache.tags(f"tour:trips:{continent}").remember(
        f"tour:trips:{continent}", 600, make
    )


def save_one_in_asia() -> dict[str, object]:
    before = read()
    trip = Trip.objects.create(
        name=f"Trip {Trip.objects.count() + 1}", continent="Asia"
    )
    return {"saved": f"{trip} to {trip.continent}", **gone(before)}


def move_one_to_africa() -> dict[str, object]:
    trip, _ = Trip.objects.get_or_create(
        continent="Asia", defaults={"name": "Silk Road"}
    )
    before = read()
    trip.continent = "Africa"
    trip.save()  # flushes the tags of the row as it was, and as it is
    return {"moved": f"{trip}, from Asia to Africa", **gone(before)}


def raise_all_prices() -> dict[str, object]:
    before = read()
    changed = trips.filter(continent="Africa").update(price=200)
    return {"changed by one UPDATE": changed, **gone(before)}


def read() -> list[str]:
    return [
        continent
        for continent in ("Africa", "Asia", "Europe")
        if names(continent) is not None
    ]


def gone(before: list[str]) -> dict[str, object]:
    left = [continent for continent in before if cache.has(f"tour:trips:{continent}")]
    return {"gone": [one for one in before if one not in left], "still there": left}


# The page:
STOP = Stop(
    slug="models",
    title="When rows change",
    line="`invalidates` says once which tags the rows of a model stand for.",
    text=(
        "Whatever changes a trip flushes the tags it stands for, as it was and as it is: saving, "
        "deleting, and, with the manager, one `UPDATE` of many rows. Nobody has to remember to."
    ),
    module=__name__,
    actions=(
        Action("Save one in Asia", save_one_in_asia),
        Action("Move one to Africa", move_one_to_africa),
        Action("Raise all prices in Africa", raise_all_prices),
    ),
    docs="invalidation.md",
)
