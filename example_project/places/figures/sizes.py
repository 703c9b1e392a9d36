"""How many cities there are of each size."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Count, IntegerField, QuerySet, Sum, Value, When

from places.models import City

CLASSES = (
    (5_000_000, "Over 5 million"),
    (1_000_000, "1 to 5 million"),
    (100_000, "100,000 to 1 million"),
    (10_000, "10,000 to 100,000"),
    (0, "Under 10,000"),
)


def by_size(cities: QuerySet[City]) -> list[dict[str, Any]]:
    """Count cities and people per class of size, the largest class first.

    `share` is the part of all the people that lives there, from 0 to 100.
    """
    floors = [When(population__gte=floor, then=Value(floor)) for floor, _ in CLASSES]
    counted = cities.annotate(floor=Case(*floors, output_field=IntegerField()))
    found = counted.values("floor").order_by().annotate(cities=Count("*"), people=Sum("population"))
    rows: dict[int, dict[str, Any]] = {row["floor"]: dict(row) for row in found}
    total = sum(row["people"] for row in rows.values()) or 1
    most = max((row["people"] for row in rows.values()), default=0) or 1
    return [_row(name, rows.get(floor), total, most) for floor, name in CLASSES]


def _row(name: str, row: dict[str, Any] | None, total: int, most: int) -> dict[str, Any]:
    people = row["people"] if row else 0
    cities = row["cities"] if row else 0
    return {
        "name": name,
        "cities": cities,
        "people": people,
        "share": 100 * people / total,
        "bar": 100 * people / most,
    }
