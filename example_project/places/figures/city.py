"""One city: what lies near it, and how far from everything it is."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, IntegerField, Q, Sum, When

from places.geography import Point, antipode, direction, distance_to
from places.models import City

NEAREST = 12
REACH_KM = (25, 100, 250, 1000)

Rows = list[dict[str, Any]]


def facts(geoname: int) -> dict[str, Any] | None:
    """Fetch a city and its ranks, or None if there is no such city."""
    city = City.objects.filter(pk=geoname).values().first()
    if city is None:
        return None
    larger = City.objects.filter(population__gt=city["population"])
    return {
        **city,
        "rank": 1 + larger.filter(country=city["country_id"]).count(),
        "world": 1 + larger.count(),
    }


def surroundings(here: Point, geoname: int) -> dict[str, Any]:
    """Measure the way to every other city, and keep the nearest and the farthest side.

    It depends on where the cities lie and on nothing that can be edited.
    """
    others = City.objects.exclude(pk=geoname)
    return {
        "nearest": _nearest(others, here, here, NEAREST),
        "antipode": _nearest(others, antipode(here), here, 1),
    }


def _nearest(cities: Any, point: Point, here: Point, limit: int) -> Rows:
    rows = cities.annotate(km=distance_to(point)).order_by("km", "geoname")[:limit]
    return [
        {
            "geoname": row["geoname"],
            "km": row["km"],
            "direction": direction(here, (row["latitude"], row["longitude"])),
        }
        for row in rows.values("geoname", "km", "latitude", "longitude")
    ]


def crowd(here: Point, geoname: int, population: int) -> dict[str, Any]:
    """Count the people around, and find the nearest city that is larger."""
    far = City.objects.annotate(km=distance_to(here))
    within = {f"within_{km}": Sum(_people_within(km), default=0) for km in REACH_KM}
    larger = City.objects.filter(population__gt=population).exclude(pk=geoname)
    sums = far.aggregate(**within)
    most = max(sums.values()) or 1
    return {
        "reach": [_ring(km, sums[f"within_{km}"], most) for km in REACH_KM],
        "larger": next(iter(_nearest(larger, here, here, 1)), None),
    }


def _ring(km: int, people: int, most: int) -> dict[str, Any]:
    return {"km": km, "people": people, "bar": 100 * people / most}


def _people_within(km: int) -> Case:
    return Case(When(Q(km__lte=km), then=F("population")), default=0, output_field=IntegerField())


def cards(geonames: list[int]) -> dict[int, dict[str, Any]]:
    """Fetch name, country and people of some cities."""
    rows = City.objects.filter(pk__in=geonames)
    fields = rows.values("geoname", "name", "country_id", "population", "latitude", "longitude")
    return {row["geoname"]: dict(row) for row in fields}
