"""Three at a time."""

from threading import Lock
from time import sleep

from django_cachekit import cache
from tour.stop import Action, Stop
from tour.together import at_once


def nine_through_three() -> dict[str, object]:
    inside, most, counting = [], [], Lock()

    def ask_the_bank(number: int) -> str:
        with cache.funnel("tour:bank", limit=3, ttl=30).block(10):
            with counting:
                inside.append(number)
                most.append(len(inside))
            sleep(0.05)
            with counting:
                inside.remove(number)
        return "served"

    answers = at_once(9, ask_the_bank)
    return {"served": answers.count("served"), "most inside at once": max(most)}


def no_room() -> dict[str, object]:
    funnel = cache.funnel("tour:gate", limit=1, ttl=30)
    with funnel:
        second = cache.funnel("tour:gate", limit=1, ttl=30)
        return {
            "the second": second.block(
                0.2, lambda: "in", failure=lambda error: "turned away"
            )
        }


# The page:
STOP = Stop(
    slug="funnel",
    title="Three at a time",
    line="`funnel` lets so many callers in at once, in however many processes.",
    text=(
        "Nine threads want to ask a bank that takes three at a time. Each takes a slot, for 30 "
        "seconds at most, and waits for one up to ten seconds."
    ),
    module=__name__,
    actions=(
        Action("Nine through three", nine_through_three),
        Action("No room", no_room),
    ),
    docs="locks.md",
)
