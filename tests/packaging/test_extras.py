"""The wheel in clean environments: alone, with each extra at its newest and oldest, with all."""

import json
import re
import sys
from pathlib import Path

import pytest

from .building import Built, environment, run
from .extras import EXTRAS, Extra, declared

SERVED = [pytest.param(extra, id=extra.name) for extra in EXTRAS if extra.cache]
NEWER = sys.version_info >= (3, 14)  # Python brings zstd itself from then on

SETTINGS = """
import json, pathlib
SECRET_KEY = "opens nothing" * 5
INSTALLED_APPS = ["django_cachekit"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "site.sqlite3"}}
CACHES = json.loads(pathlib.Path("caches.json").read_text())
"""
SITE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
from django.core.management import call_command
call_command("check")
if sys.argv[1] == "table":
    call_command("cache_table")
from django_cachekit import cache
cache.put("greeting", 1, 60)
print("found:", cache.get("greeting", "nothing"))
for name in sys.argv[2:]:
    __import__(name)
"""
EVERY_MODULE = """
import os, pkgutil, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
import django
django.setup()
import django_cachekit
for found in pkgutil.walk_packages(django_cachekit.__path__, "django_cachekit."):
    if found.name == "django_cachekit.flows.recomputing" and django.VERSION < (6, 0):
        continue  # a task, for a Django that has tasks
    if not found.name.startswith(tuple(sys.argv[1:])):
        __import__(found.name)
"""
SUITE = """
from django.conf import settings
settings.configure(USE_TZ=True)

from django_cachekit.testing import Store, conformance


class TestArray(conformance.Suite):
    backend = Store({"BACKEND": "django_cachekit.backends.array.ArrayCache"}, can={"count", "ttl"})
"""
MEMORY = {"BACKEND": "django_cachekit.backends.array.ArrayCache"}
NEED = ("django_cachekit.backends.redis", "django_cachekit.backends.memcache")
APART = "django_cachekit.contrib."  # each is imported by who has the package that it is for
PYTEST = tuple(f"django_cachekit.testing.{name}" for name in ("conformance", "fixtures", "plugin"))


@pytest.fixture(scope="session")
def bare(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment that has the wheel and what it always needs."""
    return environment(tmp_path_factory.mktemp("bare") / "env", str(built.wheel))


def tried(python: Path, folder: Path, extra: Extra, ok: bool = True) -> str:
    """Run a site on a store: its checks, its two lines, the modules; return what it says."""
    cache = extra.cache or MEMORY
    (folder / "settings.py").write_text(SETTINGS)
    (folder / "site.sqlite3").unlink(missing_ok=True)
    (folder / "two_lines.py").write_text(SITE)
    (folder / "caches.json").write_text(json.dumps({"default": cache}))
    table = "table" if str(cache["BACKEND"]).endswith("DatabaseCache") else ""
    return run([python, "two_lines.py", table, *extra.modules], folder, ok)


def test_every_extra_is_known_here() -> None:
    assert sorted(declared()) == sorted(["all", *(extra.name for extra in EXTRAS)])


def test_alone_it_needs_only_django(bare: Path, tmp_path: Path) -> None:
    assert "found: 1" in tried(bare, tmp_path, Extra("", ()))
    run([bare, "-c", EVERY_MODULE, *NEED, *PYTEST, APART], tmp_path)
    names = run([bare, "-c", "import importlib.metadata as m; print(*m.packages_distributions())"])
    needed = {"django", "asgiref", "sqlparse", "typing_extensions", "django_cachekit"}
    assert set(names.split()) <= needed


@pytest.mark.parametrize("extra", SERVED)
def test_without_it_a_site_is_told_what_to_install(
    bare: Path, tmp_path: Path, extra: Extra
) -> None:
    if extra.name == "zstd" and NEWER:
        pytest.skip("Python brings it")
    assert f'pip install "django-cachekit[{extra.name}]"' in tried(bare, tmp_path, extra, ok=False)


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_with_it_a_site_runs(built: Built, tmp_path: Path, extra: Extra) -> None:
    python = environment(tmp_path / "env", f"{built.wheel}[{extra.name}]")
    assert f"found: {extra.found}" in tried(python, tmp_path, extra)


@pytest.mark.parametrize("resolution", ["highest", "lowest-direct"])
def test_with_all_of_them_everything_runs(built: Built, tmp_path: Path, resolution: str) -> None:
    """With the newest of what is required, and with the oldest that the extras allow."""
    wheel = f"{built.wheel}[all,testing]"
    python = environment(tmp_path / "env", wheel, resolution=resolution)
    for extra in EXTRAS:
        assert f"found: {extra.found}" in tried(python, tmp_path, extra)
    run([python, "-c", EVERY_MODULE, APART], tmp_path)
    (tmp_path / "test_array.py").write_text(SUITE)
    said = run([python, "-m", "pytest", "-q", "-k", "reading or incr", "test_array.py"], tmp_path)
    assert re.search(r"^\d+ passed", said, re.MULTILINE)
