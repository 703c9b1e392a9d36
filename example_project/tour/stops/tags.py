"""Let go of all that bears a tag."""

from django_cachekit import cache
from tour.stop import Action, Field, Stop

CARDS = {
    "Paris": ("cities", "france"),
    "Mont Blanc": ("mountains", "france"),
    "Osaka": ("cities", "japan"),
    "Fuji": ("mountains", "japan"),
}


def fill() -> dict[str, object]:
    for name, tags in CARDS.items():
        cache.tags(*tags).put(f"tour:card:{name}", f"the card of {name}", 600)
    return {"stored": list(CARDS)}


def flush(tag: str) -> dict[str, object]:
    before = there()
    cache.tags(tag).flush()
    return {
        "flushed": tag,
        "gone": sorted(before - there()),
        "still there": sorted(there()),
    }


def flush_mountains_of_japan() -> dict[str, object]:
    before = there()
    cache.tags("mountains", "japan").flush(match="all")
    return {"gone": sorted(before - there()), "still there": sorted(there())}


def there() -> set[str]:
    found = cache.many([f"tour:card:{name}" for name in CARDS])
    return {name for name in CARDS if found[f"tour:card:{name}"] is not None}


# The page:
def now() -> dict[str, object]:
    """Tell which cards are there."""
    left = there()
    rows = [
        {"entry": n, "tags": ", ".join(t), "there": n in left} for n, t in CARDS.items()
    ]
    return {"the cards": rows}


STOP = Stop(
    slug="tags",
    title="Tags",
    line="Labels on entries: flush one, and all that bears it is gone, whatever its keys.",
    text=(
        "Each card bears two tags. A flush takes whatever bears the tag: one small write, with four "
        'entries or a million. With `match="all"` it takes only what bears all tags named.'
    ),
    module=__name__,
    actions=(
        Action("Fill", fill),
        Action(
            "Flush",
            flush,
            (Field("tag", "Tag", ("france", "japan", "cities", "mountains")),),
        ),
        Action("Flush the mountains of Japan", flush_mountains_of_japan),
    ),
    docs="tags.md",
    now=now,
)
