"""Pages are computed once, and the second visitor costs no query."""

from __future__ import annotations

import re

from django.db import connection
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from django_cachekit import cache
from places.events import HIT, MISS, log
from places.models import City

from .base import PARIS, SiteTestCase

PAGES = ("/", "/countries/", "/country/FR/", f"/city/{PARIS}/", "/zones/", "/records/")


class PagesTests(SiteTestCase):
    def test_second_read_of_each_page_needs_no_query(self) -> None:
        for path in PAGES:
            with self.subTest(path):
                self.read(path)
                with self.assertNumQueries(0):
                    self.read(path)

    def test_second_search_asks_only_the_cache_table(self) -> None:
        self.read("/search/?q=sao+paolo")
        with CaptureQueriesContext(connection) as queries:
            self.assertIn("São Paulo", self.read("/search/?q=sao+paolo"))
        self.assertEqual([query for query in queries if "places_" in query["sql"]], [])

    def test_uncached_page_computes_and_keeps_nothing(self) -> None:
        for path in (*PAGES, "/search/?q=paris"):
            with self.subTest(path):
                page = self.read(f"{path}{'&' if '?' in path else '?'}nocache=1")
                self.assertIn("without the cache", page)
                self.assertNotIn("0 queries", page)
        self.assertEqual(list(log.events), [])

    def test_pages_are_the_same_with_and_without_the_cache(self) -> None:
        for path in ("/", "/countries/", "/country/FR/", f"/city/{PARIS}/", "/records/"):
            with self.subTest(path):
                self.read(path)
                self.assertEqual(_body(self.read(path)), _body(self.read(f"{path}?nocache=1")))

    def test_footer_tells_what_the_page_cost(self) -> None:
        self.assertNotIn("0 misses", self.read("/records/"))
        page = self.read("/records/")
        self.assertIn("1 hit<", page)
        self.assertIn("0 misses", page)
        self.assertIn("0 queries", page)
        self.assertIn('href="/records/?nocache=1"', page)

    def test_unknown_country_is_remembered_as_unknown(self) -> None:
        self.assertEqual(self.client.get("/country/XX/").status_code, 404)
        with self.assertNumQueries(0):
            self.assertEqual(self.client.get("/country/XX/").status_code, 404)

    def test_unknown_city_is_not_found(self) -> None:
        self.assertEqual(self.client.get("/city/1/").status_code, 404)
        self.assertEqual(self.client.get("/city/1/edit/").status_code, 404)

    def test_country_without_cities_has_a_page(self) -> None:
        City.objects.filter(country="AD").delete()
        self.assertIn("No city is listed here", self.read("/country/AD/"))

    def test_misspelt_name_is_found(self) -> None:
        self.assertIn("Reykjavík", self.read("/search/?q=reykjavic"))
        self.assertIn("No name comes near", self.read("/search/?q=qqqqqqqqq"))

    def test_search_without_a_name_asks_for_one(self) -> None:
        self.assertIn("Misspell as you like", self.read("/search/"))
        self.assertIn("This field is required", self.read("/search/?q="))

    def test_whole_page_holds_nothing_of_its_first_visitor(self) -> None:
        self.client.post(f"/city/{PARIS}/edit/", {"name": "Lutetia", "population": 1})
        self.assertNotIn("is saved", self.read("/records/"))
        self.assertIn("is saved", self.read(f"/city/{PARIS}/"))

    async def test_pages_are_served_over_asgi_too(self) -> None:
        client = AsyncClient()
        for path in ("/zones/", "/country/FR/"):
            await client.get(path)
            response = await client.get(path)
            self.assertEqual(response.status_code, 200)
            self.assertIn(b"0 misses", response.content)


class ReportTests(SiteTestCase):
    def test_cache_page_lists_hits_and_misses(self) -> None:
        self.assertIn("Nothing yet", self.read("/cache/"))
        self.read("/country/FR/")
        self.read("/country/FR/")
        page = self.read("/cache/")
        self.assertIn("country:FR", page)
        self.assertIn("/country/FR/", page)
        for kind in ("hit", "miss", "write"):
            self.assertIn(f'class="kind {kind}"', page)
        self.assertGreater(log.totals[HIT], 0)
        self.assertGreater(log.totals[MISS], 0)

    def test_each_event_says_how_long_it_took(self) -> None:
        self.read("/country/FR/")
        self.read("/country/FR/")
        times = [event.ms for event in log.events]
        self.assertTrue(times)
        self.assertTrue(all(ms is not None and ms >= 0 for ms in times), times)

    def test_a_tag_can_be_flushed_by_hand(self) -> None:
        self.read("/country/FR/")
        response = self.client.post("/cache/", {"tag": "country:FR"}, follow=True)
        self.assertContains(response, "The tag country:FR is flushed")
        self.assertContains(response, 'class="kind flush"')
        self.assertIsNone(cache.get("country:FR"))

    def test_ratio_counts_reads_alone(self) -> None:
        self.assertIsNone(log.ratio())
        log.totals.update({HIT: 3, MISS: 1, "write": 9})
        self.assertEqual(log.ratio(), 0.75)


def _body(page: str) -> str:
    """Cut away the footer, which tells times."""
    return re.sub(r"<aside.*?</aside>", "", page, flags=re.DOTALL)
