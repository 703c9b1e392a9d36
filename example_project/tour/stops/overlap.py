"""Never two at once."""

from itertools import pairwise
from time import perf_counter, sleep

from django_cachekit import cache, synchronized
from tour.stop import Action, Stop
from tour.together import at_once


def three_reports() -> dict[str, object]:
    started = perf_counter()

    def report() -> tuple[float, float]:
        begun = perf_counter()
        sleep(0.1)
        return (begun - started, perf_counter() - started)

    times = at_once(3, lambda number: cache.without_overlapping("tour:report", report))
    return told(times)


@synchronized("tour:rebuild:{shop}", ttl=60, wait_for=10)
def rebuild(shop: str, started: float) -> tuple[float, float]:
    begun = perf_counter()
    sleep(0.1)
    return (begun - started, perf_counter() - started)


def three_rebuilds_of_a_shop() -> dict[str, object]:
    started = perf_counter()
    return told(at_once(3, lambda number: rebuild("north", started)))


def told(times: list[tuple[float, float]]) -> dict[str, object]:
    runs = sorted(times)
    apart = all(earlier[1] <= later[0] for earlier, later in pairwise(runs))
    rows = [
        {"began": f"{a * 1000:.0f} ms", "ended": f"{b * 1000:.0f} ms"} for a, b in runs
    ]
    return {"ran one after the other": apart, "runs": rows}


# The page:
STOP = Stop(
    slug="overlap",
    title="Never two at once",
    line="`without_overlapping` for a callback, `@synchronized` for a function.",
    text=(
        "Three threads start the same work at the same moment. They take turns, in one process or "
        "in several. `@synchronized` may name the arguments, so that only the same shop waits."
    ),
    module=__name__,
    actions=(
        Action("Three reports", three_reports),
        Action("Three rebuilds", three_rebuilds_of_a_shop),
    ),
    docs="locks.md",
)
