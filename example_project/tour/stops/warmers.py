"""Filled before anybody asks."""

from io import StringIO

from django.core.management import call_command
from django.db.models import Count

from django_cachekit import cache, warmer
from places.models import City
from tour.stop import Action, Stop


@warmer("tour:zones", ttl=3600, tags=["tour:cities"])
def sizes() -> dict[str, int]:
    zones = City.objects.values_list("time_zone").annotate(Count("pk"))
    return dict(zones.order_by("-pk__count")[:5])


def warm() -> dict[str, object]:
    said = StringIO()
    call_command("cache_warm", "tour:zones", stdout=said, stderr=said)
    return {"manage.py cache_warm tour:zones": said.getvalue().strip()}


def read() -> dict[str, object]:
    return {
        "cities in the largest zones": cache.get("tour:zones", "nothing: warm it first")
    }


def forget() -> dict[str, object]:
    return {"it was there": cache.forget("tour:zones")}


# The page:
STOP = Stop(
    slug="warmers",
    title="Filled before anybody asks",
    line="`@warmer` functions are run by `manage.py cache_warm`, after a deployment, say.",
    text=(
        "What a warmer returns is stored under its name. `cache_warm` runs them all, or those it "
        "is given, from a shell, a deployment or cron. The demo did so when it started."
    ),
    module=__name__,
    actions=(Action("Read", read), Action("Forget", forget), Action("Warm", warm)),
    docs="commands.md",
)
