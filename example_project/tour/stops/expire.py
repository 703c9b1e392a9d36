"""Stale, but not gone."""

from django_cachekit import cache
from tour.stop import Action, Stop

news = cache.tags("tour:news")


def expire() -> dict[str, object]:
    news.flexible("tour:headline", (60, 600), lambda: "the old headline")
    news.expire()
    return {
        "plain get": cache.get("tour:headline"),
        "flexible": news.flexible(
            "tour:headline", (60, 600), lambda: "the new headline"
        ),
    }


def flush() -> dict[str, object]:
    news.flexible("tour:headline", (60, 600), lambda: "the old headline")
    news.flush()
    return {
        "plain get": cache.get("tour:headline"),
        "flexible": news.flexible(
            "tour:headline", (60, 600), lambda: "the new headline"
        ),
    }


def clear_away() -> dict[str, object]:
    return {"it was there": cache.forget("tour:headline")}


# The page:
STOP = Stop(
    slug="expire",
    title="Stale, but not gone",
    line="`expire()` makes what bears a tag stale; `flush()` takes it away.",
    text=(
        "Flush what would be wrong; expire what is merely old. Expired, an entry is gone for a "
        "plain read, and `flexible` may serve it once more while it is computed anew."
    ),
    module=__name__,
    actions=(
        Action("Expire, then read", expire),
        Action("Flush, then read", flush),
        Action("Forget it", clear_away),
    ),
    docs="tags.md",
)
