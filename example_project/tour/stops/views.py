"""A whole page under tags."""

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils.timezone import now

from django_cachekit import cache, cached_view
from django_cachekit.views import add_tags
from places.models import Continent, Country
from tour.stop import Action, Field, Stop


@cached_view(600, tags=["tour:pages", "tour:continent:{code}"], surrogate=True)
def continent(request: HttpRequest, code: str) -> HttpResponse:
    found = Continent.objects.filter(code=code).first()
    if found is None:
        raise Http404(f"There is no continent {code}.")
    countries = Country.objects.filter(continent=found)
    largest = countries.annotate(people=Sum("cities__population")).order_by("-people")[
        :3
    ]
    add_tags(request, [f"tour:country:{country.pk}" for country in largest])
    names = [country.name for country in largest]
    context = {"continent": found.name, "names": names, "rendered": now()}
    return HttpResponse(render_to_string("tour/continent.html", context))


def visit(code: str) -> dict[str, object]:
    request = RequestFactory().get(f"/tour/continent/{code}/", SERVER_NAME="localhost")
    response = continent(request, code=code)
    return {
        "page": response.content.decode().splitlines(),
        "Surrogate-Key": response["Surrogate-Key"],
        "Cache-Control": response["Cache-Control"],
    }


def flush(code: str) -> dict[str, object]:
    cache.tags(f"tour:continent:{code}").flush()
    return {"flushed": f"tour:continent:{code}"}


# The page:
CODE = (Field("code", "Continent", ("AF", "AS", "EU", "SA")),)
STOP = Stop(
    slug="views",
    title="Whole pages",
    line="`cached_view` keeps a response under tags, and names them to a CDN.",
    text=(
        "`cached_view` is Django's cache middleware over this cache: the response may bear tags, "
        "of the URL's arguments and those that the view finds, and tells them to caches on the "
        "way as a `Surrogate-Key`. Visit twice: the page was rendered once."
    ),
    module=__name__,
    actions=(Action("Visit", visit, CODE), Action("Flush", flush, CODE)),
    docs="views.md",
    templates=("tour/continent.html",),
)
