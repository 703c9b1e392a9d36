"""The pictures of the docs: one for each page of the tour, and none besides."""

from __future__ import annotations

import re

from .conftest import ROOT, SITE

KEPT = ROOT / "docs" / "screenshots"
OF_THE_SITE = {"world", "country", "city", "cache", "tour"}
ENOUGH = 2_000_000  # bytes, for whoever clones the repository


def slugs() -> set[str]:
    """Read the names of the pages where they are given."""
    modules = (SITE / "tour" / "stops").glob("*.py")
    texts = [module.read_text() for module in modules]
    return {name for text in texts for name in re.findall(r'^    slug="([\w-]+)"', text, re.M)}


def test_each_page_has_a_picture_and_nothing_else_has() -> None:
    assert {path.stem for path in KEPT.iterdir()} == slugs() | OF_THE_SITE


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in KEPT.iterdir()) < ENOUGH


def test_docs_show_each_page_of_the_tour() -> None:
    shown = re.findall(r"\]\(screenshots/([\w-]+)\.png\)", (ROOT / "docs" / "tour.md").read_text())
    assert len(shown) == len(set(shown))
    assert set(shown) >= slugs() | {"world", "tour"}
