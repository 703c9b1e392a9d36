"""A function under a decorator."""

from django_cachekit import cached
from places.models import City
from tour.stop import Action, Field, Stop

ran: list[str] = []


@cached(600, tags=["tour:cities", "tour:country:{code}"])
def largest(code: str, number: int = 3) -> list[str]:
    ran.append(code)
    cities = City.objects.filter(country=code).order_by("-population")
    return list(cities.values_list("name", flat=True)[:number])


def call(code: str) -> dict[str, object]:
    before = len(ran)
    answer = largest(code)
    return {
        "largest": answer,
        "the function ran": len(ran) > before,
        "the same call, written otherwise": largest(number=3, code=code) == answer,
        "its key": largest.key(code),
    }


def forget(code: str) -> dict[str, object]:
    return {"it was there": largest.forget(code)}


def refresh(code: str) -> dict[str, object]:
    return {"computed anew": largest.refresh(code)}


# The page:
COUNTRY = (Field("code", "Country", ("FR", "JP", "BR", "KE")),)
STOP = Stop(
    slug="cached",
    title="A decorated function",
    line="`@cached` keeps what a function returns, by its arguments, under tags made of them.",
    text=(
        "The arguments make the key, by place or by name, and fill the `{fields}` of the tags. The "
        "function has `.forget()`, `.refresh()`, `.key()` and `.uncached()` with the same arguments."
    ),
    module=__name__,
    actions=(
        Action("Call", call, COUNTRY),
        Action("Forget", forget, COUNTRY),
        Action("Refresh", refresh, COUNTRY),
    ),
    docs="computing.md",
)
