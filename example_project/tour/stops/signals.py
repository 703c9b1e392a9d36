"""Told to whoever listens."""

from django_cachekit import cache, signals
from tour.stop import Action, Stop

slow: list[str] = []


def on_miss(
    sender: object, store: str, key: str, duration: float, **more: object
) -> None:
    slow.append(f"{store} had no {key}")


def a_few_calls() -> dict[str, object]:
    signals.cache_missed.connect(on_miss)
    try:
        cache.tags("tour:heard").remember("tour:heard", 600, lambda: "made")
        cache.get("tour:heard")
        cache.increment("tour:heard:count", ttl=600)
        with cache.lock("tour:heard", ttl=10):
            cache.touch("tour:heard", 900)
        cache.tags("tour:heard").flush()
        cache.get("tour:heard")
        cache.forget("tour:heard:count")
    finally:
        signals.cache_missed.disconnect(on_miss)
    return {"our receiver heard": [slow.pop(0) for _ in list(slow)]}


# The page:
STOP = Stop(
    slug="signals",
    title="Signals",
    line="Each read, write, flush and lock is told to whoever connects.",
    text=(
        "Every call is told as Django signals: what happened, in which store, to which key, how "
        "long it took. Below is all that these few calls sent. Where nobody listens, none is sent."
    ),
    module=__name__,
    actions=(Action("Make a few calls", a_few_calls),),
    docs="signals.md",
    links=(("What the site's own receivers noted", "/cache/"),),
)
