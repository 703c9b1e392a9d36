"""The pages. What is slow is in `figures`; what is kept, and how long, is said here."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from .cache import (
    DAY,
    EVERYTHING,
    HOUR,
    MINUTE,
    country_figures,
    country_list,
    country_tags,
    flush,
    flush_city,
    shelf,
)
from .events import log, report
from .figures import city as city_figures
from .figures import country as countries
from .figures import maps, records, search, world, zones
from .forms import CityForm, FlushForm, SearchForm
from .models import City


@require_GET
def world_page(request: HttpRequest) -> HttpResponse:
    """Show the world: its figures come from `remember`, its map is a tagged fragment."""
    tagged = shelf().tags(*EVERYTHING)
    context = {
        "section": "world",
        "totals": tagged.remember("totals", HOUR, world.totals),
        "figures": tagged.remember("overview", HOUR, world.overview),
        "map": maps.world,
    }
    return render(request, "places/world.html", context)


@require_GET
def countries_page(request: HttpRequest) -> HttpResponse:
    """List the countries: a function under `@cached`, which also runs without the cache."""
    rows = country_list.uncached() if "nocache" in request.GET else country_list()
    return render(request, "places/countries.html", {"section": "countries", "rows": rows})


@require_GET
def country_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show a country; editing one of its cities flushes the tag it is kept under."""
    country = country_figures(code)
    if country is None:  # a None is kept like any other answer
        raise Http404(f"There is no country {code}.")
    context = {
        "section": "countries",
        "country": country,
        "tags": country_tags(code),
        "siblings": partial(countries.siblings, country["continent_id"]),
    }
    return render(request, "places/country.html", context)


@require_GET
def city_page(request: HttpRequest, geoname: int) -> HttpResponse:
    """Show a city and what lies around it."""
    tagged = shelf().tags(f"city:{geoname}", "world", "cities")
    city = tagged.remember(f"city:{geoname}", HOUR, lambda: city_figures.facts(geoname))
    if city is None:
        raise Http404(f"There is no city {geoname}.")
    return render(request, "places/city.html", {"section": "cities"} | _around(city))


def _around(city: dict[str, Any]) -> dict[str, Any]:
    """Gather the slow parts of a city's page, each under the tags of what it depends on."""
    ways, crowd = _ways(city), _crowd(city)
    larger = [crowd["larger"]] if crowd["larger"] else []
    cards = _cards(city["geoname"], [*ways["nearest"], *ways["antipode"]], larger)
    nearest = _named(ways["nearest"], cards)
    return {
        "city": city,
        "nearest": nearest,
        "antipode": _named(ways["antipode"], cards),
        "larger": _named(larger, cards),
        "reach": crowd["reach"],
        "map": _neighbourhood(city, nearest),
    }


def _ways(city: dict[str, Any]) -> dict[str, Any]:
    """Measure the way to every city: it depends on where they lie, so no edit drops it."""
    here = (city["latitude"], city["longitude"])
    tagged = shelf().tags("cities")
    return tagged.remember(
        f"ways:{city['geoname']}",
        DAY,
        lambda: city_figures.surroundings(here, city["geoname"]),
    )


def _crowd(city: dict[str, Any]) -> dict[str, Any]:
    """Add up the people around: it depends on all populations, so any edit drops it."""
    here = (city["latitude"], city["longitude"])
    tagged = shelf().tags("cities", "world")
    return tagged.remember(
        f"crowd:{city['geoname']}",
        HOUR,
        lambda: city_figures.crowd(here, city["geoname"], city["population"]),
    )


def _cards(
    geoname: int, fixed: list[dict[str, Any]], larger: list[dict[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Fetch the names of other cities under the tag of each, so an edit of one is seen here.

    An edit of a population may make another city the nearest larger one: it is in the key.
    """
    numbers = [way["geoname"] for way in (*fixed, *larger)]
    key = f"cards:{geoname}:{numbers[-1] if larger else 'largest'}"
    tagged = shelf().tags("cities", [f"city:{number}" for number in numbers])
    return tagged.remember(key, HOUR, lambda: city_figures.cards(numbers))


def _neighbourhood(city: dict[str, Any], nearest: list[dict[str, Any]]) -> dict[str, Any]:
    """Draw the city first, so that its name finds room, then the larger neighbours."""
    others = sorted(nearest, key=lambda other: -other["population"])
    return maps.drawing([city, *others], text=19)


def _named(ways: list[dict[str, Any]], cards: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**way, **cards[way["geoname"]]} for way in ways if way["geoname"] in cards]


@require_http_methods(["GET", "POST"])
def edit_page(request: HttpRequest, geoname: int) -> HttpResponse:
    """Change a city; what was computed from it is flushed once the change is saved."""
    city = get_object_or_404(City, pk=geoname)
    form = CityForm(request.POST or None, instance=city)
    if request.method == "POST" and form.is_valid():
        flush_city(form.save())
        messages.success(request, f"{city.name} is saved, and every page shows it already.")
        return redirect(city)
    context = {"section": "cities", "form": form, "city": City.objects.get(pk=geoname)}
    return render(request, "places/edit.html", context)


@require_GET
def search_page(request: HttpRequest) -> HttpResponse:
    """Find cities by name; the answers are kept in the database store."""
    form = SearchForm(request.GET if "q" in request.GET else None)
    context: dict[str, Any] = {"section": "search", "form": form}
    if form.is_valid():
        query = search.plain(form.cleaned_data["q"])
        tagged = shelf("database").tags("world", "cities")
        context["rows"] = tagged.remember(
            f"search:{query}", 10 * MINUTE, lambda: search.search(query)
        )
    return render(request, "places/search.html", context)


@require_GET
async def zones_page(request: HttpRequest) -> HttpResponse:
    """Tell the time everywhere: the sums come from the memory store, the clocks do not."""
    tagged = shelf("memory").tags("world", "cities")
    rows = await tagged.aremember("zones", 10 * MINUTE, zones.by_zone)
    context = {"section": "zones", **zones.clocks(rows, timezone.now())}
    return render(request, "places/zones.html", context)


@require_GET
def records_page(request: HttpRequest) -> HttpResponse:
    """Show the records: the whole page is kept, under tags."""
    tagged = shelf().tags(*EVERYTHING)
    return HttpResponse(tagged.remember("page:records", HOUR, _records_page))


def _records_page() -> str:
    context = {
        "section": "records",
        "records": shelf().tags(*EVERYTHING).remember("records", HOUR, records.records),
    }
    # No request goes in: nothing about this visitor may end up in everyone's page.
    return render_to_string("places/records.html", context)


@require_http_methods(["GET", "POST"])
def cache_page(request: HttpRequest) -> HttpResponse:
    """List what was hit, missed, written and flushed in this process, and flush a tag."""
    form = FlushForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        flush(form.cleaned_data["tag"])
        messages.success(request, f"The tag {form.cleaned_data['tag']} is flushed.")
        return redirect("cache")
    context = {"section": "cache", "form": form, **report(log)}
    return render(request, "places/cache.html", context)
