"""How Sphinx builds these pages: Markdown through MyST, furo's looks, warnings as errors."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import django
from django.conf import settings

sys.path.insert(0, str(Path(__file__).parents[1]))

# autodoc imports the package, which wants a configured Django.
if not settings.configured:
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()

project = "django_cachekit"
author = "django_cachekit contributors"
copyright = f"2026, {author}"
release = version = installed_version("django-cachekit")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "conftest.py"]
nitpicky = False

autodoc_member_order = "bysource"
autodoc_typehints = "description"

html_theme = "furo"
html_title = f"django_cachekit {release}"
