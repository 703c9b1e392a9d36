"""The time zones, and who lives in them."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Sum, Window
from django.db.models.functions import RowNumber

from places.models import City

SHOWN = 120
DAY = range(7, 23)  # the hours in which most people are awake

Rows = list[dict[str, Any]]


async def by_zone() -> Rows:
    """Sum up each time zone and name its largest city, the zone with most people first."""
    sums = (
        City.objects.values("time_zone")
        .order_by()
        .annotate(cities=Count("*"), people=Sum("population"))
    )
    largest = await _largest()
    rows = [{**row, "largest": largest[row["time_zone"]]} async for row in sums]
    return sorted(rows, key=lambda row: -row["people"])


async def _largest() -> dict[str, dict[str, Any]]:
    place = Window(
        RowNumber(), partition_by=F("time_zone"), order_by=[F("population").desc(), F("geoname")]
    )
    first = City.objects.annotate(place=place).filter(place=1).order_by()
    return {
        row["time_zone"]: dict(row) async for row in first.values("time_zone", "geoname", "name")
    }


def clocks(rows: Rows, now: datetime) -> dict[str, Any]:
    """Tell the time in the largest zones, and how many people are in each hour of their day.

    This is the part that must never be cached: it is another one every minute.
    """
    times = [now.astimezone(_zone(row["time_zone"])) for row in rows]
    hours = [0] * 24
    for row, time in zip(rows, times, strict=True):
        hours[time.hour] += row["people"]
    shown = list(zip(rows, times, strict=True))[:SHOWN]
    return {
        "zones": [{**row, **_clock(time)} for row, time in shown],
        "count": len(rows),
        "hours": _bars(hours),
        "awake": 100 * sum(hours[hour] for hour in DAY) / (sum(hours) or 1),
    }


@lru_cache(maxsize=600)
def _zone(name: str) -> ZoneInfo:
    """Read the rules of a zone once: ZoneInfo by itself keeps but the last eight."""
    return ZoneInfo(name)


def _clock(time: datetime) -> dict[str, str]:
    minutes = int((time.utcoffset() or timedelta()).total_seconds()) // 60
    sign = "+" if minutes >= 0 else "−"
    return {
        "time": f"{time.hour:02}:{time.minute:02}",
        "offset": f"{sign}{abs(minutes) // 60}:{abs(minutes) % 60:02}",
    }


def _bars(hours: list[int]) -> Rows:
    longest = max(hours) or 1
    return [
        {"hour": hour, "people": people, "bar": 100 * people / longest, "day": hour in DAY}
        for hour, people in enumerate(hours)
    ]
