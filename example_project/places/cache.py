"""What the site keeps, under which key and which tags, and how it lets go of it.

An entry bears the tags of everything it was computed from:

| tag | its entries change when |
|---|---|
| `city:<number>` | this city is edited |
| `country:<code>` | a city of this country is edited |
| `world` | any city is edited |
| `cities`, `countries` | places are loaded |
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from django_cachekit import cache, cached, warmer
from django_cachekit.repository import Repository

from .figures import country, records, world
from .models import City, Country

MINUTE, HOUR, DAY = 60, 3600, 86400
STORES = ("default", "memory", "database")
NOTHING = "none"

EVERYTHING = ("cities", "countries", "world")

bypassed: ContextVar[bool] = ContextVar("bypassed", default=False)


def shelf(alias: str = "default") -> Repository:
    """Return the store of this name, or for `?nocache=1` one that keeps nothing."""
    return cache.store(shelf_name(alias))


def shelf_name(alias: str = "default") -> str:
    """Name the store that `shelf` returns."""
    return NOTHING if bypassed.get() else alias


def flush(*tags: str) -> None:
    """Let go of every entry with any of these tags, in every store of the site."""
    for alias in STORES:
        cache.store(alias).tags(*tags).flush()


def flush_city(city: City) -> None:
    """Let go of everything that was computed from this city."""
    flush(f"city:{city.pk}", f"country:{city.country_id}", "world")


def country_names() -> dict[str, str]:
    """Map the codes of the countries to their names.

    A page asks for it once per row; the memory makes that one read per request.
    """
    names = shelf().memo().tags("countries")
    return names.remember("country-names", DAY, _country_names)


def _country_names() -> dict[str, str]:
    return dict(Country.objects.values_list("code", "name"))


def country_figures(code: str) -> dict[str, Any] | None:
    """Return what the page of a country shows, or None if there is no such country."""
    tagged = shelf().tags(*country_tags(code))
    return tagged.remember(f"country:{code}", HOUR, lambda: country.figures(code))


def country_tags(code: str) -> list[str]:
    """List the tags of what is computed from a country and its cities."""
    return [f"country:{code}", "cities", "countries"]


@cached(ttl=HOUR, tags=EVERYTHING)
def country_list() -> list[dict[str, Any]]:
    """List the countries with what their cities add up to."""
    return world.all_countries()


@warmer("overview", ttl=HOUR, tags=EVERYTHING)
def warm_overview() -> dict[str, Any]:
    """Have the figures of the front page ready."""
    return world.overview()


@warmer("totals", ttl=HOUR, tags=EVERYTHING)
def warm_totals() -> dict[str, int]:
    """Have the sums of the front page ready."""
    return world.totals()


@warmer("records", ttl=HOUR, tags=EVERYTHING)
def warm_records() -> dict[str, Any]:
    """Have the records ready."""
    return records.records()


@warmer("largest countries")
def warm_countries() -> None:
    """Have the pages of the largest countries ready, each under a tag of its own."""
    for row in world.top_countries():
        country_figures(row["code"])
