"""An edit shows at once, and lets everything stay that it does not touch."""

from __future__ import annotations

from django_cachekit import cache
from places.events import log
from places.models import City

from .base import LONDON, PARIS, TOKYO, SiteTestCase


class EditTests(SiteTestCase):
    def test_every_page_shows_the_new_name_at_once(self) -> None:
        top = City.objects.order_by("-population").first()
        assert top is not None
        pages = ("/", f"/country/{top.country_id}/", f"/city/{top.pk}/", "/zones/")
        for path in pages:
            self.read(path)
            self.assertIn(top.name, self.read(path))
        self.assertRedirects(self.rename(top.pk, "Port Meridian"), f"/city/{top.pk}/")
        for path in pages:
            with self.subTest(path):
                self.assertIn("Port Meridian", self.read(path))

    def test_new_name_is_found_and_the_old_one_is_gone(self) -> None:
        self.assertNotIn("Lutetia", self.read("/search/?q=lutetia"))
        self.rename(PARIS, "Lutetia")
        self.assertIn("Lutetia", self.read("/search/?q=lutetia"))

    def test_neighbour_names_the_city_anew_without_measuring_again(self) -> None:
        neighbour = _neighbour(self, PARIS)
        self.read(f"/city/{neighbour}/")
        self.rename(PARIS, "Lutetia")
        log.clear()
        self.assertIn("Lutetia", self.read(f"/city/{neighbour}/"))
        hits = {event.key for event in log.events if event.kind == "hit"}
        self.assertIn(f"ways:{neighbour}", hits)

    def test_new_population_changes_the_ranks(self) -> None:
        self.assertIn("Tokyo", self.read("/country/JP/"))
        before = self.read(f"/city/{TOKYO}/")
        self.rename(TOKYO, "Tokyo", population=99_000_000)
        after = self.read(f"/city/{TOKYO}/")
        self.assertNotIn("this is the largest", before)
        self.assertIn("this is the largest", after)
        self.assertIn("99,000,000", self.read("/country/JP/"))

    def test_other_countries_stay_in_the_cache(self) -> None:
        for path in ("/country/GB/", f"/city/{LONDON}/"):
            self.read(path)
        self.rename(PARIS, "Lutetia")
        with self.assertNumQueries(0):
            self.read("/country/GB/")

    def test_wrong_input_changes_and_flushes_nothing(self) -> None:
        self.read("/country/FR/")
        log.clear()
        response = self.rename(PARIS, "", population=-1)
        self.assertContains(response, "This field is required")
        self.assertContains(response, "greater than or equal to 0")
        self.assertEqual(City.objects.get(pk=PARIS).name, "Paris")
        self.assertFalse([event for event in log.events if event.kind == "flush"])
        with self.assertNumQueries(0):
            self.read("/country/FR/")

    def test_a_name_cannot_smuggle_in_markup(self) -> None:
        self.rename(PARIS, "<script>alert(1)</script>")
        for path in ("/country/FR/", f"/city/{PARIS}/"):
            self.assertNotIn("<script>", self.read(path))


class FragmentTests(SiteTestCase):
    def test_sidebar_is_kept_under_its_tags(self) -> None:
        self.read("/country/FR/")
        cache.tags("world").flush()
        with self.assertNumQueries(0):
            self.read("/country/FR/")
        for tag in ("cities", "countries"):
            with self.subTest(tag):
                cache.tags(tag).flush()
                self.assertIn("sidebar", " ".join(self._missed("/country/FR/")))
                self.assertEqual(self._missed("/country/FR/"), [])

    def test_sidebar_varies_by_country(self) -> None:
        self.assertIn("Luxembourg", self.read("/country/FR/"))
        self.assertNotIn("Luxembourg", self.read("/country/JP/"))

    def test_map_of_the_world_is_drawn_anew_after_an_edit(self) -> None:
        self.read("/")
        self.assertEqual(self._missed("/"), [])
        self.rename(PARIS, "Lutetia")
        self.assertIn("world-map", " ".join(self._missed("/")))

    def _missed(self, path: str) -> list[str]:
        log.clear()
        self.read(path)
        return [event.key for event in log.events if event.kind == "miss"]


def _neighbour(test: SiteTestCase, geoname: int) -> int:
    """Find the city that a city's page names first."""
    test.read(f"/city/{geoname}/")
    return int(cache.get(f"ways:{geoname}")["nearest"][0]["geoname"])
