"""Does it work?"""

from django_cachekit.health import survey
from tour.stop import Action, Stop


def ask_every_store() -> dict[str, object]:
    answers = survey(deadline=2)
    return {
        "stores": [
            {
                "alias": one.alias,
                "status": one.status,
                "reason": one.reason or "–",
                "latency": f"{(one.latency or 0) * 1000:.1f} ms",
            }
            for one in answers
        ]
    }


# The page:
STOP = Stop(
    slug="health",
    title="Health",
    line="`survey()` asks every store within a deadline, for a probe or a page.",
    text=(
        "Each store is asked to write, read and remove a value, all at once, and the call returns "
        "within its deadline whatever hangs. Pull the plug on the page of the outbox, and ask again."
    ),
    module=__name__,
    actions=(Action("Ask every store", ask_every_store),),
    docs="health.md",
)
