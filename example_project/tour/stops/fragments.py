"""Pieces of a template under tags."""

from django.template.loader import render_to_string
from django.utils.timezone import now

from django_cachekit import cache
from tour.stop import Action, Field, Stop


def render() -> dict[str, object]:
    return {"rendered": rendered()}


def clock() -> str:
    return f"{now():%H:%M:%S.%f}"[:-3]


def flush(tag: str) -> dict[str, object]:
    cache.tags(tag).flush()
    return {"flushed": tag, "then rendered": rendered()}


def rendered() -> list[str]:
    text = render_to_string("tour/fragments.html", {"clock": clock})
    return [line.strip() for line in text.splitlines() if line.strip()]


# The page:
STOP = Stop(
    slug="fragments",
    title="Pieces of a template",
    line="`{% cachekit %}` keeps a fragment under tags, and one in another hands its tags on.",
    text=(
        "The card lies in the list, so the list is made of it. Flush `tour:list`, and only the list "
        "is rendered anew, with the card it finds. Flush `tour:card`, and both are."
    ),
    module=__name__,
    actions=(
        Action("Render", render),
        Action(
            "Flush and render",
            flush,
            (Field("tag", "Tag", ("tour:card", "tour:list")),),
        ),
    ),
    docs="templates.md",
    templates=("tour/fragments.html",),
)
