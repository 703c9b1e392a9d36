"""Distances and directions on a round earth."""

from __future__ import annotations

from math import asin, atan2, cos, degrees, radians, sin, sqrt

from django.db.models import Expression, ExpressionWrapper, F, FloatField, Value
from django.db.models.functions import ASin, Cos, Least, Power, Radians, Sin, Sqrt

EARTH_RADIUS_KM = 6371.0088
COMPASS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")

Point = tuple[float, float]


def distance_to(point: Point) -> Expression:
    """Build the SQL expression for the distance from a point to each row, in km.

    The point is (latitude, longitude) in degrees; the formula is the haversine, which
    stays exact for near points.
    """
    latitude, longitude = point
    north = Power(Sin(Radians(F("latitude") - Value(latitude)) / 2), 2)
    east = Power(Sin(Radians(F("longitude") - Value(longitude)) / 2), 2)
    square = north + Cos(Radians(F("latitude"))) * Value(cos(radians(latitude))) * east
    # Rounding may push the square of an antipode a hair past 1, where no arcsine exists.
    angle = ASin(Sqrt(Least(square, Value(1.0))))
    return ExpressionWrapper(angle * Value(2 * EARTH_RADIUS_KM), output_field=FloatField())


def distance_km(here: Point, there: Point) -> float:
    """Measure the great-circle distance of two (latitude, longitude) points, in km."""
    north = sin(radians(there[0] - here[0]) / 2) ** 2
    east = sin(radians(there[1] - here[1]) / 2) ** 2
    square = north + cos(radians(here[0])) * cos(radians(there[0])) * east
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(square, 1.0)))


def direction(here: Point, there: Point) -> str:
    """Name the compass direction in which one sets out from here to there."""
    south, north = radians(here[0]), radians(there[0])
    turn = radians(there[1] - here[1])
    east = sin(turn) * cos(north)
    ahead = cos(south) * sin(north) - sin(south) * cos(north) * cos(turn)
    return COMPASS[round(degrees(atan2(east, ahead)) / 45) % 8]


def antipode(point: Point) -> Point:
    """Find the point on the other side of the earth."""
    latitude, longitude = point
    return -latitude, longitude - 180 if longitude > 0 else longitude + 180


def centre(points: list[tuple[float, float, int]]) -> Point:
    """Find the middle of (latitude, longitude, weight) points, on the sphere."""
    east = north = up = 0.0
    for latitude, longitude, weight in points:
        lat, lon = radians(latitude), radians(longitude)
        east += weight * cos(lat) * cos(lon)
        north += weight * cos(lat) * sin(lon)
        up += weight * sin(lat)
    return degrees(atan2(up, sqrt(east**2 + north**2))), degrees(atan2(north, east))
