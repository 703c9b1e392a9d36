"""The odd and the extreme."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Sum
from django.db.models.functions import Floor, Length

from places.geography import distance_km
from places.models import City

from .search import plain

LARGE = 1_000_000
FIELDS = ("geoname", "name", "country_id", "population", "latitude", "longitude")

Rows = list[dict[str, Any]]


def records() -> dict[str, Any]:
    """Work out every record the page shows."""
    return {
        "edges": edges(),
        "lonely": lonely(),
        "crowded": crowded(),
        "common": common_names(),
        "long": long_names(),
        "palindromes": palindromes(),
    }


def edges() -> Rows:
    """Find the outermost cities in the four directions."""
    ends = (
        ("Farthest north", "-latitude"),
        ("Farthest south", "latitude"),
        ("Farthest east", "-longitude"),
        ("Farthest west", "longitude"),
    )
    found = ((title, City.objects.order_by(order).values(*FIELDS).first()) for title, order in ends)
    return [{**row, "title": title} for title, row in found if row]


def lonely(limit: int = 8) -> Rows:
    """Rank the cities of a million by the way to the nearest other one."""
    cities = list(City.objects.filter(population__gte=LARGE).values(*FIELDS))
    ranked = [{**city, "km": _to_nearest(city, cities)} for city in cities if len(cities) > 1]
    return sorted(ranked, key=lambda row: -row["km"])[:limit]


def _to_nearest(city: dict[str, Any], cities: Rows) -> float:
    here = (city["latitude"], city["longitude"])
    return min(
        distance_km(here, (other["latitude"], other["longitude"]))
        for other in cities
        if other["geoname"] != city["geoname"]
    )


def crowded(limit: int = 8) -> Rows:
    """Rank the squares of one degree by the people in them, with their largest city."""
    squares = (
        City.objects.values(south=Floor(F("latitude")), west=Floor(F("longitude")))
        .order_by()
        .annotate(people=Sum("population"), cities=Count("*"))
        .order_by("-people")[:limit]
    )
    return [{**square, "city": _largest_in(dict(square))} for square in squares]


def _largest_in(square: dict[str, Any]) -> dict[str, Any] | None:
    south, west = square["south"], square["west"]
    inside = City.objects.filter(
        latitude__gte=south, latitude__lt=south + 1, longitude__gte=west, longitude__lt=west + 1
    )
    largest = inside.order_by("-population").values(*FIELDS).first()
    return dict(largest) if largest else None


def common_names(limit: int = 10) -> Rows:
    """Rank the names that most cities share."""
    names = (
        City.objects.values("name")
        .order_by()
        .annotate(cities=Count("*"), countries=Count("country", distinct=True))
    )
    return [dict(row) for row in names.order_by("-cities", "name")[:limit]]


def long_names(limit: int = 8) -> Rows:
    """List the longest names."""
    longest = City.objects.annotate(length=Length("name")).order_by("-length", "name")
    return list(longest.values(*FIELDS, "length")[:limit])


def palindromes(limit: int = 24) -> Rows:
    """List the largest cities whose names read the same backwards."""
    rows = City.objects.order_by("-population").values("geoname", "name").iterator()
    found: Rows = []
    for row in rows:
        if _reads_both_ways(row["name"]) and row["name"] not in {seen["name"] for seen in found}:
            found.append(dict(row))
        if len(found) == limit:
            break
    return found


def _reads_both_ways(name: str) -> bool:
    letters = [letter for letter in plain(name) if letter.isalnum()]
    return len(letters) > 3 and letters == letters[::-1]
