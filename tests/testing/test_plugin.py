"""The tools as a project has them: its fixtures by one line, and all else without pytest."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT

CONFTEST = """
import django
from django.conf import settings

ARRAY = {"BACKEND": "django_cachekit.backends.array.ArrayCache"}
settings.configure(SECRET_KEY="secret", USE_TZ=True, CACHES={"default": ARRAY})
django.setup()

pytest_plugins = ["django_cachekit.testing.plugin"]
"""

TESTS = """
import time
from django.core.cache import caches
from django_cachekit import cache


def test_empty(empty_cache):
    assert empty_cache is cache
    assert cache.get("tea") is None
    cache.put("tea", "Assam")


test_empty_again = test_empty


def test_none(no_cache):
    cache.put("tea", "Assam")
    assert cache.get("tea") is None


def test_time(empty_cache, frozen_cache_time):
    cache.put("tea", "Assam", 60)
    frozen_cache_time.advance(61)
    assert cache.get("tea") is None


def test_what_was_asked(empty_cache, cache_record, cache_round_trips):
    cache.get("tea")
    caches["default"].set("tea", 1)
    assert (cache_record.misses, cache_record.writes) == (["tea"], ["tea"])
    assert cache_round_trips.commands == ["read tea", "write tea"]


def test_all_is_as_it_was():
    assert cache.get("tea") is None
    assert time.time.__module__ == "time"
"""

UNITTEST = """
import sys
sys.modules["pytest"] = None
import unittest
import django
from django.conf import settings

ARRAY = {"BACKEND": "django_cachekit.backends.array.ArrayCache"}
settings.configure(SECRET_KEY="secret", USE_TZ=True, CACHES={"default": ARRAY})
django.setup()

from django.test import SimpleTestCase
from django_cachekit import cache
from django_cachekit.testing import CacheAssertions, frozen_time, override_cache


@override_cache()
@frozen_time(attr_name="time")
class Tests(CacheAssertions, SimpleTestCase):
    def test_all(self):
        cache.put("tea", "Assam", 60)
        self.time.advance(61)
        with self.assertCache(misses=["tea"]), self.assertRoundTrips(1):
            cache.get("tea")


unittest.main()
"""

LAZY = """
import django
from django.conf import settings
settings.configure(SECRET_KEY="secret", INSTALLED_APPS=["django_cachekit"])
django.setup()
import django_cachekit
import sys
loaded = [name for name in sys.modules if name.startswith("django_cachekit.testing")]
assert not loaded, loaded
import django_cachekit.testing
wanted = {"pytest", "redis", "pymemcache", "boto3", "cryptography", "django_redis"}
assert not wanted & set(sys.modules), wanted & set(sys.modules)
"""


def run(*arguments: str, folder: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Run Python with the package in reach."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_tea.py").write_text(TESTS)
    alone = ["-p", "no:django", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ended = run("-m", "pytest", "-q", "-W", "error", *alone, folder=tmp_path)
    assert re.search(r"^6 passed", ended.stdout, re.MULTILINE), ended.stdout + ended.stderr
    assert ended.returncode == 0


def test_without_pytest(tmp_path: Path) -> None:
    (tmp_path / "tests.py").write_text(UNITTEST)
    ended = run("-W", "error", "tests.py", folder=tmp_path)
    assert ended.stderr.endswith("OK\n"), ended.stderr
    assert ended.returncode == 0


def test_nothing_is_loaded_that_is_not_asked_for() -> None:
    ended = run("-c", LAZY)
    assert ended.returncode == 0, ended.stderr
