"""The whole world at a glance."""

from __future__ import annotations

from itertools import groupby
from statistics import median
from typing import Any

from django.db.models import Count, F, Max, Sum
from django.db.models.functions import Floor

from places.models import City, Continent, Country

from . import sizes

Rows = list[dict[str, Any]]

BAND = 10  # degrees of latitude


def totals() -> dict[str, int]:
    """Count the cities, countries and time zones, and add up the people."""
    return City.objects.aggregate(
        cities=Count("*"),
        people=Sum("population", default=0),
        countries=Count("country", distinct=True),
        zones=Count("time_zone", distinct=True),
    )


def overview() -> dict[str, Any]:
    """Work out everything the front page shows but the map."""
    return {
        "continents": continents(),
        "countries": top_countries(),
        "cities": top_cities(),
        "latitudes": latitudes(),
        "sizes": sizes.by_size(City.objects.all()),
    }


def continents() -> Rows:
    """Sum up each continent that has cities, the one with most people first."""
    names = dict(Continent.objects.values_list("code", "name"))
    medians = _median_populations()
    rows = (
        City.objects.values(code=F("country__continent"))
        .order_by()
        .annotate(
            cities=Count("*"),
            countries=Count("country", distinct=True),
            people=Sum("population"),
            largest=Max("population"),
        )
    )
    filled = [{**row, "name": names[row["code"]], "median": medians[row["code"]]} for row in rows]
    return _with_shares(sorted(filled, key=lambda row: -row["people"]))


def _median_populations() -> dict[str, int]:
    pairs = City.objects.order_by("country__continent").values_list(
        "country__continent", "population"
    )
    return {
        code: round(median(people for _, people in group))
        for code, group in groupby(pairs.iterator(), key=lambda pair: pair[0])
    }


def top_countries(limit: int = 12) -> Rows:
    """Rank the countries by the people in their listed cities."""
    rows = (
        City.objects.values(code=F("country_id"), title=F("country__name"))
        .order_by()
        .annotate(cities=Count("*"), people=Sum("population"))
        .order_by("-people")[:limit]
    )
    return _with_shares([dict(row) for row in rows])


def top_cities(limit: int = 12) -> Rows:
    """Rank the cities by people."""
    fields = City.objects.values("geoname", "name", "country_id", people=F("population"))
    top = fields.order_by("-population", "geoname")[:limit]
    return _with_shares([dict(row) for row in top])


def latitudes() -> Rows:
    """Add up the people in each band of latitude, from north to south, with no gap."""
    found = (
        City.objects.values(band=Floor(F("latitude") / BAND))
        .order_by()
        .annotate(people=Sum("population"), cities=Count("*"))
    )
    rows = {int(row["band"]): dict(row) for row in found}
    if not rows:
        return []
    bands = range(max(rows), min(rows) - 1, -1)
    return _with_shares([_band(band, rows.get(band)) for band in bands])


def _band(band: int, row: dict[str, Any] | None) -> dict[str, Any]:
    edge = BAND * band
    name = f"{edge}° N" if edge >= 0 else f"{-edge}° S"
    return {
        "name": name,
        "cities": row["cities"] if row else 0,
        "people": row["people"] if row else 0,
    }


def _with_shares(rows: Rows) -> Rows:
    """Add `bar`: the length of a row's bar, the longest being 100."""
    longest = max((row["people"] for row in rows), default=0) or 1
    return [{**row, "bar": 100 * row["people"] / longest} for row in rows]


def all_countries() -> Rows:
    """List every country with its cities, by continent and name."""
    rows = (
        Country.objects.values("code", "name", "capital", "population", "area_km2")
        .annotate(
            part=F("continent__name"),
            listed=Count("cities"),
            urban=Sum("cities__population", default=0),
            largest=Max("cities__population", default=0),
        )
        .order_by("part", "name")
    )
    return [dict(row) for row in rows]
