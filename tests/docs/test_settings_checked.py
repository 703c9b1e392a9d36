"""What the pages show as settings, and what the example project has, is told nothing of by checks.

With ``--deploy``, as on a site; but for what a page itself says that the checks tell.
"""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from tests.placing import placed
from tests.stores import BY_NAME

from .pages import ROOT, Page, pages
from .running import Runner

APART = {"docs/checks.md", "docs/extending/codec.md", "docs/extending/example.md"}
"""The page of the mistakes themselves, and two on which the code that settings name comes first."""

PAGES = [page for page in pages() if any(block.settings for block in page.blocks)]
PAGES = [page for page in PAGES if page.name not in APART]

TOLD: dict[str, set[str]] = {
    "cachekit.W013": {
        "README.md",
        "docs/extending/layer.md",
        "docs/migrating/laravel.md",
        "docs/quickstart.md",
        "docs/stores/array.md",
        "docs/stores/foreign.md",
        "docs/stores/tagged.md",
        "docs/testing.md",
    },
    "cachekit.W015": {
        "docs/migrating/django-redis.md",
        "docs/migrating/django.md",
        "docs/migrating/entries.md",
    },
    # Its warmer is the reader's.
    "cachekit.E021": {"docs/settings.md"},
    "cachekit.W026": {"docs/stores/null.md"},
}
"""The pages that are about what a check warns of."""


PLACE = {
    "DJANGO_SETTINGS_MODULE": "meridian.settings",
    "MERIDIAN_VAR": "{}/var",
    "PYTHONPATH": str(ROOT),
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_checks_tell_nothing_of_a_pages_settings(
    page: Page, tmp_path: Path, clean: contextlib.ExitStack, request: Any, db: None
) -> None:
    clean.enter_context(placed(BY_NAME[page.stores[0]], request, tmp_path / "store"))
    runner = Runner(page, tmp_path / "page", clean)
    for block in page.blocks:
        if block.settings:
            runner.settings(block)
            # A page that shows no store has that of these tests, which is of no matter.
            clean.enter_context(override_settings(DEBUG="CACHES" not in block.source))
            for said in run_checks(tags=["caches"], include_deployment_checks=True):
                allowed = TOLD.get(str(said.id), set())
                assert page.name in allowed, f"{page.name}:{block.line}: {said}"


def test_checks_tell_nothing_of_the_example_project(tmp_path: Path) -> None:
    project = ROOT / "example_project"
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--tag=caches", "--fail-level=WARNING"],
        cwd=project,
        env={**os.environ, **{name: text.format(tmp_path) for name, text in PLACE.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
