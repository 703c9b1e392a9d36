"""Fetch every page with and without the cache, and edit a city under the visitor's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from django.urls import reverse
from django.utils.html import escape

from places.models import City

from .client import Visitor

WITHOUT, WITH = 3, 9  # how often each page is fetched; the median counts
NEW_NAME = "Port Meridian"


@dataclass(frozen=True)
class Timing:
    """One page: median milliseconds without and with the cache, or why it failed."""

    path: str
    without: float = 0.0
    cached: float = 0.0
    failure: str = ""

    @property
    def faster(self) -> float:
        """How many times faster the cached page came."""
        return self.without / self.cached if self.cached else 0.0


@dataclass(frozen=True)
class Edit:
    """What became of an edit: the pages that ought to show it, and those that did not."""

    name: str
    pages: tuple[str, ...]
    unchanged: tuple[str, ...]
    unrestored: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether every page showed the edit, and later its undoing, at once."""
        return bool(self.pages) and not self.unchanged and not self.unrestored


def pages(city: City) -> list[str]:
    """List the pages to fetch."""
    return [
        reverse("world"),
        reverse("countries"),
        reverse("country", args=[city.country_id]),
        reverse("city", args=[city.pk]),
        f"{reverse('search')}?q=sao+paolo",
        reverse("zones"),
        reverse("records"),
    ]


def timing(visitor: Visitor, path: str) -> Timing:
    """Fetch a page several times without the cache, then several times with it."""
    plain = path + ("&" if "?" in path else "?") + "nocache=1"
    without = [visitor.get(plain) for _ in range(WITHOUT)]
    visitor.get(path)  # fills the cache; the visitors after it are the ones to measure
    cached = [visitor.get(path) for _ in range(WITH)]
    bad = {answer.status for answer in (*without, *cached)} - {200}
    if bad:
        return Timing(path, failure=f"status {sorted(bad)[0]}")
    return Timing(path, median(a.ms for a in without), median(a.ms for a in cached))


def edit(visitor: Visitor, city: City) -> Edit:
    """Rename a city by its form, look for the new name on each page, and undo it."""
    address = reverse("edit", args=[city.pk])
    shown_on = _pages_naming(visitor, city)
    population = str(city.population)
    try:
        visitor.post(address, {"name": NEW_NAME, "population": population})
        unchanged = tuple(path for path in shown_on if not _names(visitor, path, NEW_NAME))
    finally:
        visitor.post(address, {"name": city.name, "population": population})
    unrestored = tuple(path for path in shown_on if not _names(visitor, path, city.name))
    return Edit(city.name, shown_on, unchanged, unrestored)


def _pages_naming(visitor: Visitor, city: City) -> tuple[str, ...]:
    """Visit the pages that name the city, twice, so that all of them are in the cache."""
    paths = [path for path in pages(city) if "search" not in path]
    return tuple(
        path
        for path in paths
        if _names(visitor, path, city.name) and _names(visitor, path, city.name)
    )


def _names(visitor: Visitor, path: str, name: str) -> bool:
    answer = visitor.get(path)
    return answer.status == 200 and escape(name) in answer.text
