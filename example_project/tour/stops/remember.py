"""One computation, however many ask."""

from threading import current_thread

from django.db.models import Sum

from django_cachekit import cache
from places.models import City
from tour.stop import Action, Stop
from tour.together import at_once


def people_by_continent() -> dict[str, int]:
    """Add up the people of every city."""
    rows = City.objects.values_list("country__continent__name").annotate(
        Sum("population")
    )
    return dict(rows)


def twenty_at_once() -> dict[str, object]:
    computed_by = []

    def make() -> dict[str, int]:
        computed_by.append(current_thread().name)
        return people_by_continent()

    def visit(number: int) -> dict[str, int]:
        return cache.remember("tour:people", 600, make)

    cache.forget("tour:people")
    answers = at_once(20, visit)
    return {
        "asked at the same moment": len(answers),
        "computed": len(computed_by),
        "all had the same answer": all(answer == answers[0] for answer in answers),
        "the answer": answers[0],
    }


def one_more() -> dict[str, object]:
    return {"the answer": cache.remember("tour:people", 600, people_by_continent)}


# The page:
STOP = Stop(
    slug="remember",
    title="One computation",
    line="Twenty visitors ask for a value that is not there: one computes it.",
    text=(
        "`remember` returns what is cached, or computes and stores it. Twenty threads ask for the "
        "same missing key at the same moment: one adds up all cities, nineteen wait for its answer."
    ),
    module=__name__,
    actions=(
        Action("Twenty ask at once", twenty_at_once),
        Action("One more asks", one_more),
    ),
    docs="computing.md",
)
