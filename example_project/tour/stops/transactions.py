"""Flushed at the commit, or not at all."""

from django.db import transaction

from django_cachekit import cache
from tour.models import Trip
from tour.stop import Action, Stop
from tour.together import at_once


class ChangeOfMind(Exception):
    pass


def commit() -> dict[str, object]:
    cache.tags("tour:offers").put("tour:offer", "ten trips for nine", 600)
    with transaction.atomic():
        Trip.objects.create(name="Grand tour", continent="Europe")
        cache.tags("tour:offers").flush()
        here = cache.get("tour:offer")
        others = at_once(1, lambda number: cache.get("tour:offer"))[0]
    return {
        "before the commit, here": here,
        "before the commit, everybody else": others,
        "after the commit": cache.get("tour:offer"),
    }


def roll_back() -> dict[str, object]:
    cache.tags("tour:offers").put("tour:offer", "ten trips for nine", 600)
    try:
        with transaction.atomic():
            Trip.objects.create(name="Grand tour", continent="Europe")
            cache.tags("tour:offers").flush()
            raise ChangeOfMind
    except ChangeOfMind:
        pass
    return {"after the rollback": cache.get("tour:offer")}


# The page:
STOP = Stop(
    slug="transactions",
    title="Transactions",
    line="Inside `atomic()` a flush waits for the commit, and a rollback drops it.",
    text=(
        "A flush before the commit would let somebody compute from the old rows and keep that. So "
        "it waits: until the commit everybody else is served the old, as by the database. After a "
        "rollback there was nothing to flush, and the entry is there."
    ),
    module=__name__,
    actions=(Action("Commit", commit), Action("Roll back", roll_back)),
    docs="transactions.md",
)
