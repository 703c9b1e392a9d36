"""A value of the type that you want."""

from django_cachekit import cache
from django_cachekit.errors import TypeMismatch
from tour.stop import Action, Field, Stop

VALUES = {
    "text 12": "12",
    "number 12": 12,
    "text tea": "tea",
    "True": True,
    "a list": ["Assam", "Yunnan"],
}


def read_as_each_type(value: str) -> dict[str, object]:
    cache.put("tour:typed", VALUES[value], 600)
    answers: dict[str, object] = {}
    for wanted in ("string", "integer", "float", "boolean", "array"):
        try:
            answers[f"cache.{wanted}()"] = repr(getattr(cache, wanted)("tour:typed"))
        except TypeMismatch as error:
            answers[f"cache.{wanted}()"] = f"TypeMismatch: {error}"
    return answers


def read_what_is_missing() -> dict[str, object]:
    return {
        'cache.integer("missing")': repr(cache.integer("tour:missing")),
        'cache.integer("missing", 0)': cache.integer("tour:missing", 0),
        'cache.string("missing", "none")': cache.string("tour:missing", "none"),
    }


# The page:
STOP = Stop(
    slug="typed",
    title="Typed reads",
    line="`integer`, `string` and their kin check the value where it is read.",
    text=(
        "They save you from a value of the wrong type three functions later: `integer` and `float` "
        "take numeric text too, the others exactly their type. Anything else is a `TypeMismatch` "
        "that names the key and both types."
    ),
    module=__name__,
    actions=(
        Action(
            "Store and read",
            read_as_each_type,
            (Field("value", "Value", tuple(VALUES)),),
        ),
        Action("Read what is missing", read_what_is_missing),
    ),
    docs="reading.md",
)
