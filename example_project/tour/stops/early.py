"""Anew before it ends."""

from time import perf_counter, sleep

from django_cachekit import cache
from tour.stop import Action, Stop


def thirty_reads(early: float) -> dict[str, object]:
    computed = []

    def report() -> str:
        sleep(0.1)
        computed.append(perf_counter())
        return f"report no. {len(computed)}"

    cache.forget("tour:report")
    cache.remember("tour:report", 60, report, early=early)
    waits = []
    for _ in range(30):
        started = perf_counter()
        cache.remember("tour:report", 60, report, early=early)
        waits.append((perf_counter() - started) * 1000)
        sleep(0.01)
    return {
        "reads": len(waits),
        "computed behind them": len(computed) - 1,
        "the longest anybody waited": f"{max(waits):.1f} ms",
    }


def read_eagerly() -> dict[str, object]:
    return thirty_reads(early=1000.0)  # so large that you see it within a second


def read_as_usual() -> dict[str, object]:
    return thirty_reads(early=1.0)  # in the last tenths of a second of the sixty


# The page:
STOP = Stop(
    slug="early",
    title="Anew before it ends",
    line="With `early`, a value is computed again before its end, and nobody waits at the end.",
    text=(
        "With `early` each reader draws a number; the nearer the end and the longer the value "
        "took to compute, the likelier it is that one of them has it computed again, behind "
        "everyone. 1.0 is the usual number. With 1000.0 it happens while you look."
    ),
    module=__name__,
    actions=(
        Action("Thirty reads, early=1000.0", read_eagerly),
        Action("Thirty reads, early=1.0", read_as_usual),
    ),
    docs="computing.md",
)
