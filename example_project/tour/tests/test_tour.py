"""The pages of the tour stand, say what came of a button, and take no nonsense."""

from __future__ import annotations

import sys
from contextvars import Context
from pathlib import Path
from unittest import mock

from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase
from django.urls import reverse
from meridian import stores
from places.demo.client import Answer, Visitor
from places.tests.base import SiteTestCase

from django_cachekit import cache
from django_cachekit.errors import NotSupported
from tour import code
from tour.heard import hearing
from tour.stop import Action, Field, Stop
from tour.stops import STOPS
from tour.templatetags.tour import fact, prose
from tour.walk import Walked, walk


class PagesTests(SiteTestCase):
    def test_index_leads_to_each_stop(self) -> None:
        page = self.read("/tour/")
        for stop in STOPS:
            self.assertIn(f'href="/tour/{stop.slug}/"', page)
        self.assertIn('href="/tour/"', self.read("/"))

    def test_each_page_shows_its_code_and_its_buttons(self) -> None:
        for stop in STOPS:
            with self.subTest(stop.slug):
                page = self.read(f"/tour/{stop.slug}/")
                self.assertIn(stop.module.replace(".", "/"), page)
                for action in stop.actions:
                    self.assertIn(f'value="{action.name}"', page)

    def test_button_leads_to_what_came_of_it(self) -> None:
        response = self.client.post("/tour/typed/", {"do": "read_as_each_type", "value": "True"})
        self.assertEqual(response.status_code, 302)
        self.assertRegex(response["Location"], r"^/tour/typed/\?seen=\w+#came$")
        page = self.read(response["Location"].partition("#")[0])
        self.assertIn("TypeMismatch", page)
        self.assertIn("<option selected>True", page)
        other = response["Location"].partition("#")[0].replace("typed", "tags")
        self.assertNotIn('id="came"', self.read(other))

    def test_what_is_no_button_or_page_is_refused(self) -> None:
        self.assertEqual(self.client.post("/tour/typed/", {"do": "__import__"}).status_code, 400)
        self.assertEqual(self.client.post("/tour/typed/").status_code, 400)
        self.assertEqual(self.client.get("/tour/nowhere/").status_code, 404)

    def test_a_choice_that_is_none_is_the_first(self) -> None:
        response = self.client.post("/tour/tags/", {"do": "flush", "tag": "world"}, follow=True)
        self.assertContains(response, "france")
        self.assertNotContains(response, "<dd>world")

    def test_markup_stays_text(self) -> None:
        owner = "<script>alert(1)</script>"
        response = self.client.post(
            "/tour/locks/", {"do": "give_back", "owner": owner}, follow=True
        )
        self.assertNotContains(response, "<script>")

    def test_view_is_rendered_once(self) -> None:
        first = self.client.get("/tour/continent/EU/")
        self.assertIn("tour:continent:EU", first["Surrogate-Key"])
        self.assertEqual(self.client.get("/tour/continent/EU/").content, first.content)
        cache.tags("tour:continent:EU").flush()
        self.assertNotEqual(self.client.get("/tour/continent/EU/").content, first.content)


class StopTests(SimpleTestCase):
    def test_stops_are_told_apart(self) -> None:
        slugs = [stop.slug for stop in STOPS]
        self.assertEqual(len(slugs), len(set(slugs)))
        for stop in STOPS:
            self.assertEqual(reverse("tour-stop", args=[stop.slug]), f"/tour/{stop.slug}/")
            names = [action.name for action in stop.actions]
            self.assertEqual(len(names), len(set(names)), stop.slug)

    def test_documentation_of_each_is_there(self) -> None:
        docs = Path(__file__).parents[3] / "docs"
        for stop in STOPS:
            self.assertTrue((docs / stop.docs).is_file(), stop.docs)

    def test_refusal_of_a_store_is_told(self) -> None:
        def ask() -> None:
            raise NotSupported("this store keeps no list")

        told = Action("Ask", ask).run({})
        self.assertEqual(told["refusal"], "NotSupported: this store keeps no list")

    def test_fields_with_the_same_buttons_are_one_form(self) -> None:
        field = (Field("code", "Code"),)
        buttons = [Action("a", ord, field), Action("b", chr, field), Action("c", abs)]
        stop = Stop("s", "S", "", "", __name__, tuple(buttons), "")
        self.assertEqual([len(actions) for _, actions in stop.forms], [2, 1])

    def test_code_is_plain_where_nothing_colours_it(self) -> None:
        with mock.patch.dict(sys.modules, {"pygments": None}):
            self.assertEqual(code._coloured("a < b", "python"), "a &lt; b")

    def test_code_ends_where_the_page_begins(self) -> None:
        for stop in STOPS:
            text = code.of(stop)[0].text
            self.assertNotIn("STOP =", text)
            self.assertNotIn("tour.stop import", text)

    def test_each_hears_its_own_request(self) -> None:
        with hearing() as outer, hearing() as inner:
            cache.get("tour:nothing")
            Context().run(cache.get, "tour:something of another")
        self.assertEqual([event["signal"] for event in outer], ["retrieving_key", "cache_missed"])
        self.assertEqual(inner, outer)

    def test_facts_are_escaped(self) -> None:
        for value in ("<b>", ["<b>"], {"<b>": "<b>"}, [{"a": "<b>"}], "<b>\n"):
            self.assertNotIn("<b>", fact(value))
        self.assertEqual(prose("a `<b>` c"), "a <code>&lt;b&gt;</code> c")


class WalkTests(SimpleTestCase):
    def walked(self, status: int, text: str) -> Walked:
        visitor = mock.Mock(spec=Visitor)
        visitor.get.return_value = Answer(200, "a page", 1.0)
        visitor.press.return_value = Answer(status, text, 1.0)
        return walk(visitor)

    def test_every_button_is_pressed(self) -> None:
        walked = self.walked(200, 'id="came"')
        self.assertEqual(walked.pages, len(STOPS))
        self.assertEqual(walked.pressed, sum(len(stop.actions) for stop in STOPS))
        self.assertEqual((walked.faults, walked.refused), ([], []))
        self.assertNotIn("Not to be had", walked.text())

    def test_button_that_fails_is_a_fault(self) -> None:
        for status, text in ((500, 'id="came"'), (200, "")):
            fault = f"“Take” of /tour/locks/ failed: status {status}"
            self.assertIn(fault, self.walked(status, text).faults)

    def test_what_a_store_refuses_is_told_and_no_fault(self) -> None:
        walked = self.walked(200, 'id="came" <p class="refusal">')
        self.assertEqual(walked.faults, [])
        self.assertIn("listing: List", walked.text())


class StoresTests(SimpleTestCase):
    def setUp(self) -> None:
        there = mock.patch("meridian.stores.find_spec")  # whatever is installed here
        there.start()
        self.addCleanup(there.stop)

    def test_nothing_said_is_files(self) -> None:
        self.assertIn("file.", stores.chosen("", Path("/var")).cache["BACKEND"])

    def test_password_is_never_said(self) -> None:
        kinds = ("redis", "postgresql", "memcached")
        for url in [f"{kind}://u:secret@host:1/0" for kind in kinds]:
            self.assertNotIn("secret", stores.chosen(url, Path("/var")).said)

    def test_a_socket_is_named_as_redis_py_takes_it(self) -> None:
        cache = stores.chosen("unix:///tmp/redis.sock?timeout=1", Path("/var")).cache
        self.assertEqual(cache["LOCATION"], "unix:///tmp/redis.sock")

    def test_postgresql_is_a_database_of_its_own(self) -> None:
        chosen = stores.chosen("postgresql://me:p%40ss@there:5433/shop?timeout=7", Path("/var"))
        database = chosen.databases["store"]
        self.assertEqual((database["USER"], database["PASSWORD"]), ("me", "p@ss"))
        self.assertEqual((database["HOST"], database["PORT"]), ("there", 5433))
        self.assertEqual(database["OPTIONS"], {"connect_timeout": 7})

    def test_memcached_takes_several_and_dynamodb_a_table(self) -> None:
        several = stores.chosen("memcached://a:1,b:2?timeout=3", Path("/var")).cache
        self.assertEqual(several["LOCATION"], ["a:1", "b:2"])
        self.assertEqual(several["OPTIONS"]["timeout"], 3)
        table = stores.chosen("dynamodb://shelf?region=eu-west-1", Path("/var")).cache
        self.assertEqual(table["LOCATION"], "shelf")
        self.assertEqual(table["OPTIONS"]["REGION_NAME"], "eu-west-1")

    def test_what_is_no_address_is_said(self) -> None:
        for url in ("mongodb://x", "redis", "redis://x?timeout=soon", "redis://:pa/ss@host"):
            with (
                self.subTest(url),
                self.assertRaisesMessage(ImproperlyConfigured, "MERIDIAN_STORE"),
            ):
                stores.chosen(url, Path("/var"))
