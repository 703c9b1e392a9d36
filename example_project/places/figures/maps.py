"""Maps drawn from nothing but the cities themselves, as SVG path data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import cos, radians
from typing import Any, NamedTuple

from places.models import City

CELL = 1.25  # degrees
NORTH, SOUTH = 80.0, -56.0
STEPS = (4_000, 50_000, 300_000, 2_000_000)  # people per cell: where a darker dot starts

WIDTH, HEIGHT, MARGIN = 720, 460, 24
CIRCLES, LABELS = 60, 9
FIELDS = ("latitude", "longitude", "geoname", "name", "population")


def world() -> dict[str, Any]:
    """Draw the inhabited world: one dot per cell, in five shades by people.

    `layers` holds SVG path data of zero-length strokes, to be drawn with round ends.
    """
    people: Counter[tuple[int, int]] = Counter()
    rows = City.objects.values_list("latitude", "longitude", "population")
    for latitude, longitude, population in rows.iterator():
        people[int((longitude + 180) / CELL), int((NORTH - latitude) / CELL)] += population
    layers: list[list[tuple[int, int]]] = [[] for _ in range(len(STEPS) + 1)]
    for cell, count in people.items():
        layers[sum(count >= step for step in STEPS)].append(cell)
    return {
        "width": int(360 / CELL),
        "height": int((NORTH - SOUTH) / CELL),
        "layers": [_path(sorted(layer)) for layer in layers],
    }


Box = tuple[float, float, float, float]


class Frame(NamedTuple):
    """A flat window on a part of the globe."""

    west: float
    north: float
    squeeze: float
    scale: float
    left: float
    height: int

    def place(self, latitude: float, longitude: float) -> tuple[int, int]:
        """Turn degrees into whole units of the drawing."""
        x = (_unwrap(longitude, self.west) - self.west) * self.squeeze * self.scale
        return round(x + self.left), round((self.north - latitude) * self.scale) + MARGIN


def country(code: str) -> dict[str, Any]:
    """Draw a country's cities as dots, the largest as named circles."""
    cities = City.objects.filter(country=code).order_by("-population", "geoname")
    return drawing(dict(city) for city in cities.values(*FIELDS))


def drawing(cities: Iterable[Mapping[str, Any]], text: int = 13) -> dict[str, Any]:
    """Draw cities, the most important first, on a map that just holds them.

    `text` is the height of the letters, in units of which the map is `WIDTH` wide.
    """
    rows = [tuple(city[field] for field in FIELDS) for city in cities]
    if not rows:
        return {}
    frame = _frame([(row[0], row[1]) for row in rows])
    places = [(frame.place(row[0], row[1]), *row[2:]) for row in rows]
    return {
        "width": WIDTH,
        "height": frame.height,
        "dots": _path(sorted({place[0] for place in places[CIRCLES:]})),
        "circles": _circles(places[:CIRCLES], text),
        "text": text,
    }


def _frame(points: list[tuple[float, float]]) -> Frame:
    west = _western_edge(sorted(longitude for _, longitude in points))
    north = max(latitude for latitude, _ in points)
    south = min(latitude for latitude, _ in points)
    squeeze = max(cos(radians((north + south) / 2)), 0.1)
    across = max(_unwrap(longitude, west) - west for _, longitude in points) * squeeze
    down = north - south
    scale = min((WIDTH - 2 * MARGIN) / max(across, 0.05), (HEIGHT - 2 * MARGIN) / max(down, 0.05))
    left = (WIDTH - across * scale) / 2
    return Frame(west, north, squeeze, scale, left, round(down * scale) + 2 * MARGIN)


def _western_edge(longitudes: list[float]) -> float:
    """Start east of the widest empty stretch, so that no country is torn at 180°."""
    ahead = [*longitudes[1:], longitudes[0] + 360]
    gaps = [there - here for here, there in zip(longitudes, ahead, strict=True)]
    return longitudes[(gaps.index(max(gaps)) + 1) % len(longitudes)]


def _unwrap(longitude: float, west: float) -> float:
    return longitude if longitude >= west else longitude + 360


def _path(points: Iterable[tuple[int, int]]) -> str:
    return "".join(f"M{x} {y}h0" for x, y in points)


def _circles(places: list[tuple[Any, ...]], text: int) -> list[dict[str, Any]]:
    largest = max(place[3] for place in places) or 1
    taken: list[Box] = []
    circles = []
    for (x, y), geoname, name, people in places:
        radius = 2.5 + 11 * (people / largest) ** 0.5
        label = _label(name, (x, y, radius), text, taken)
        circles.append(
            {"x": x, "y": y, "r": round(radius, 1), "geoname": geoname, "name": name} | label
        )
    return circles


def _label(
    name: str, circle: tuple[int, int, float], text: int, taken: list[Box]
) -> dict[str, Any]:
    """Find room for a name beside its circle; no room, no label."""
    if len(taken) >= LABELS:
        return {}
    x, y, radius = circle
    width = 0.58 * text * len(name)
    right = x + radius + 4 + width < WIDTH
    left = x + radius + 4 if right else x - radius - 4 - width
    box = (left - 4, y - 0.8 * text, left + width + 4, y + 0.8 * text)
    if left < 0 or any(_overlap(box, other) for other in taken):
        return {}
    taken.append(box)
    return {"label": name, "anchor": "start" if right else "end"}


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
