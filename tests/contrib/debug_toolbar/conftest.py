"""The toolbar in a project, and what it showed of the last request."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from tests.stores import BY_NAME, DJANGO, OURS

CACHE_PANEL = "debug_toolbar.panels.cache.CachePanel"
OWN_PANEL = "django_cachekit.contrib.debug_toolbar.CacheKitPanel"


def aliases(root: Path) -> dict[str, Any]:
    """Return ``CACHES`` with stores of ours and of others."""
    return {
        "default": {"BACKEND": OURS + "array.ArrayCache", "LOCATION": str(root)},
        "file": dict(BY_NAME["file"].config(root)),
        "locmem": {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": str(root)},
        "tagged": {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "locmem"}},
    }


@pytest.fixture
def panels() -> list[str]:
    """Return the panels of the toolbar."""
    return [CACHE_PANEL, OWN_PANEL]


@pytest.fixture
def toolbar(tmp_path: Path, panels: list[str]) -> Iterator[list[Any]]:
    """Have the toolbar on every page; give a list that the toolbars of requests come to."""
    made: list[Any] = []

    def note(sender: Any, toolbar: Any, **_: Any) -> None:
        made.append(toolbar)

    config = {"SHOW_TOOLBAR_CALLBACK": "tests.contrib.debug_toolbar.conftest.always"}
    config |= {"RENDER_PANELS": True, "IS_RUNNING_TESTS": False}  # type: ignore[dict-item]  # bools
    there = [*settings.INSTALLED_APPS, "django.contrib.staticfiles", "debug_toolbar"]
    middleware = ["debug_toolbar.middleware.DebugToolbarMiddleware"]
    given = {"DEBUG_TOOLBAR_CONFIG": config, "DEBUG_TOOLBAR_PANELS": panels, "DEBUG": True}
    given |= {"MIDDLEWARE": middleware, "STATIC_URL": "/static/", "CACHES": aliases(tmp_path)}
    given |= {"ROOT_URLCONF": "tests.contrib.debug_toolbar.urls"}
    # The apps are made ready before other settings of the same override are in force.
    with override_settings(**given), override_settings(INSTALLED_APPS=there):
        # Its models want their app to be there when they are imported.
        from debug_toolbar.toolbar import DebugToolbar

        from django_cachekit.contrib.debug_toolbar import bridge

        DebugToolbar._created.connect(note)
        yield made
        DebugToolbar._created.disconnect(note)
        bridge.disconnect()


def always(request: Any) -> bool:
    """Show the toolbar to anyone."""
    return True
