"""One country: its cities ranked, and where its people live."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery, Sum, Window
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Rank

from places.geography import centre, distance_to
from places.models import City, Country

from . import maps, sizes

Rows = list[dict[str, Any]]


def figures(code: str) -> dict[str, Any] | None:
    """Work out everything the page of a country shows, or None if there is no such country."""
    country = Country.objects.filter(code=code).values().first()
    if country is None:
        return None
    cities = City.objects.filter(country=code)
    summary = cities.aggregate(
        cities=Count("*"), people=Sum("population", default=0), largest=Max("population")
    )
    return {
        **country,
        **summary,
        "ranked": ranked(cities, summary["people"]),
        "sizes": sizes.by_size(cities),
        "middle": middle(cities),
        "map": maps.country(code),
    }


def ranked(cities: QuerySet[City], total: int, limit: int = 100) -> Rows:
    """Rank the largest cities in the country and in the world, with their share of the people."""
    rows = (
        cities.annotate(rank=Window(Rank(), order_by=F("population").desc()), world=world_rank())
        .order_by("rank", "geoname")
        .values("rank", "world", "geoname", "name", "population", "time_zone")[:limit]
    )
    ranked = list(rows)
    longest = max((row["population"] for row in ranked), default=0) or 1
    return [
        {
            **row,
            "share": 100 * row["population"] / (total or 1),
            "bar": 100 * row["population"] / longest,
        }
        for row in ranked
    ]


def world_rank() -> Combinable:
    """Build the SQL expression that counts the larger cities of the world, plus one."""
    larger = (
        City.objects.filter(population__gt=OuterRef("population"))
        .order_by()
        .annotate(one=F("population") * 0)
        .values("one")
        .annotate(count=Count("*"))
        .values("count")
    )
    return Coalesce(Subquery(larger), 0) + 1


def middle(cities: QuerySet[City]) -> dict[str, Any] | None:
    """Find the city nearest to where the average inhabitant lives."""
    points = list(cities.values_list("latitude", "longitude", "population"))
    if not sum(weight for _, _, weight in points):
        return None
    point = centre(points)
    nearest = cities.annotate(km=distance_to(point)).order_by("km", "geoname")
    row = nearest.values("geoname", "name", "km").first()
    return {"latitude": point[0], "longitude": point[1], **(row or {})}


def siblings(continent: str) -> Rows:
    """List the countries of a continent by how many cities they have."""
    countries = Country.objects.filter(continent=continent)
    rows = countries.values("code", "name").annotate(listed=Count("cities"))
    return [dict(row) for row in rows.order_by("-listed", "name")]
