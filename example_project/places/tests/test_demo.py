"""The check of the demo says no when something is wrong."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import SimpleTestCase
from meridian.secrets import kept

from places.demo.measure import Edit, Timing
from places.demo.report import Findings

GOOD = Timing("/", without=100.0, cached=2.0)
SHOWN = Edit("Paris", ("/", "/country/FR/"), (), ())


def findings(timing: Timing = GOOD, edit: Edit = SHOWN, ratio: float = 0.5) -> Findings:
    """Make up what a check found."""
    return Findings([timing], edit, ratio, 5, 5)


class VerdictTests(SimpleTestCase):
    def test_nothing_wrong(self) -> None:
        self.assertEqual(findings().faults(), [])
        self.assertIn("50 ×", findings().text())
        self.assertIn("Hit ratio 50.0%", findings().text())
        self.assertIn("2 of 2 pages", findings().text())

    def test_page_that_failed(self) -> None:
        bad = findings(timing=Timing("/zones/", failure="status 500"))
        self.assertEqual(bad.faults(), ["/zones/ failed: status 500"])
        self.assertIn("status 500", bad.text())

    def test_edit_that_was_not_shown(self) -> None:
        bad = findings(edit=Edit("Paris", ("/", "/zones/"), ("/zones/",), ()))
        self.assertEqual(bad.faults(), ["/zones/ did not show the edit at once"])
        self.assertIn("1 of 2 pages", bad.text())

    def test_undoing_that_was_not_shown(self) -> None:
        bad = findings(edit=Edit("Paris", ("/",), (), ("/",)))
        self.assertEqual(bad.faults(), ["/ did not show the undoing"])

    def test_edit_that_no_page_could_show(self) -> None:
        self.assertTrue(findings(edit=Edit("Paris", (), (), ())).faults())

    def test_cache_that_was_never_hit(self) -> None:
        self.assertEqual(findings(ratio=0.0).faults(), ["the cache was never hit"])


class SecretsTests(SimpleTestCase):
    def test_secret_is_made_once_and_for_its_owner_alone(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "deep", "a.key")
            first = kept(path)
            self.assertEqual(kept(path), first)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            self.assertNotEqual(kept(Path(folder, "b.key")), first)
            self.assertEqual([p.name for p in path.parent.iterdir()], ["a.key"])

    def test_keys_lie_outside_the_cache_directory(self) -> None:
        store: Any = settings.CACHES["default"]
        folder = Path(store["LOCATION"])
        keys = [*store["OPTIONS"]["ENCRYPTION_KEYS"], store["OPTIONS"]["INDEX_KEY"]]
        for key in keys:
            path = Path(key.removeprefix("file:"))
            self.assertTrue(path.is_file(), path)
            self.assertNotIn(folder, path.parents)
