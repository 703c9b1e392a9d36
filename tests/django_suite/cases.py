"""Test classes for one row and one way, made from Django's."""

import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync, iscoroutinefunction
from cache import tests as django_cache
from django.conf import settings
from django.core.cache import caches
from django.test import TestCase, override_settings
from sessions_tests import tests as django_sessions
from template_tests.syntax_tests import test_cache as django_fragments

from .adapters import Default, Facades, ViewMiddleware, as_cache_page
from .rows import ASYNC, BACKEND, FACADE, FACADE_ASYNC, Config, Row

DATABASES = {"default", "other"}
CULLING = {"cull", "zero_cull"}


class Tidy:
    """Empties every alias after each test: Django's clear only the default one."""

    def tearDown(self) -> None:
        super().tearDown()  # type: ignore[misc]  # a mixin of test cases
        for alias in settings.CACHES:
            caches[alias].clear()


def cases(row: Row, way: str, folder: Path) -> list[type]:
    """Return the classes to run."""
    if way in (FACADE, FACADE_ASYNC):
        return [through_facade(base_case(row, way, folder), way)]
    found = [base_case(row, way, folder)]
    if not row.null and not row.broken:
        found += [page_case(row, way, folder), view_case(row, way, folder)]
        found += [*session_cases(row, way, folder)]
        found += fragment_cases(row, way, folder)
    return found


def base_case(row: Row, way: str, folder: Path) -> type:
    """Return Django's test of what every cache does."""
    if row.null:
        config = configured(row, way, folder, "main")
        return made(django_cache.DummyCacheTests, row, way, config)
    left_out = CULLING if row.unculled else set()
    config = configured(row, way, folder, "main")
    default = config.pop("default")
    for alias, special in django_cache._caches_setting_base.items():
        if alias not in left_out:
            options = {**default.get("OPTIONS", {}), **special.get("OPTIONS", {})}
            config[alias] = {**default, **special} | ({"OPTIONS": options} if options else {})
    return made(django_cache.BaseCacheTests, row, way, config, TestCase)


def page_case(row: Row, way: str, folder: Path) -> type:
    """Return Django's test of whole pages, which wants a second cache with a short timeout."""
    config = configured(row, way, folder, "main")
    other = configured(row, way, folder, "other")
    config["other"] = {**other.pop("default"), "TIMEOUT": "1"}
    return made(django_cache.CacheMiddlewareTest, row, way, other | config)


def view_case(row: Row, way: str, folder: Path) -> type:
    """Return the same test of whole pages, with ``cached_view`` where it says ``cache_page``."""
    case = page_case(row, way, folder)
    case = mock.patch.object(django_cache, "cache_page", as_cache_page)(case)
    return mock.patch.object(django_cache, "CacheMiddleware", ViewMiddleware)(case)


def session_cases(row: Row, way: str, folder: Path) -> list[type]:
    """Return Django's tests of sessions in a cache, alone and before the database."""
    config = configured(row, way, folder, "main")
    kinds = (django_sessions.CacheSessionTests, django_sessions.CacheDBSessionTests)
    return [made(kind, row, way, config) for kind in kinds]


def fragment_cases(row: Row, way: str, folder: Path) -> list[type]:
    """Return Django's tests of ``{% cache %}``."""
    config = configured(row, way, folder, "main")
    kinds = (django_fragments.CacheTagTests, django_fragments.CacheTests)
    return [made(kind, row, way, config) for kind in kinds]


def configured(row: Row, way: str, folder: Path, place: str) -> dict[str, Config]:
    """Return CACHES with the row's backend as the default."""
    config = row.make(place, folder)
    if way == ASYNC:
        options = {**config.get("OPTIONS", {}), "INNER": config["BACKEND"]}
        config |= {"BACKEND": "tests.django_suite.adapters.ThroughAsync", "OPTIONS": options}
    below = {f"{place}-below": row.below(place, folder)} if row.below else {}
    return {"default": config, **below}


def made(kind: type, row: Row, way: str, config: dict[str, Config], *bases: type) -> type:
    """Return Django's test class, pointed at the caches of ``config``."""
    body: dict[str, Any] = {"databases": DATABASES, "__module__": __name__}
    for test in row.expected(way):
        owner, _, name = test.partition(".")
        # Without the aliases that cull, Django itself leaves out the test of culling.
        if owner == kind.__name__ and not (row.unculled and "cull" in name):
            body[name] = must_fail(getattr(kind, name))
    case = type(kind.__name__, (Tidy, kind, *bases), body)
    pointed: type = override_settings(CACHES=config)(case)
    return pointed


def must_fail(test: Callable[..., Any]) -> Callable[..., Any]:
    """Return a test that has to fail, so that a difference which is gone does not stay listed."""

    # As Django itself does with a coroutine function, which it would not see behind this one.
    run = async_to_sync(test) if iscoroutinefunction(test) else test

    def differs(self: Any) -> Any:
        return run(self)

    return unittest.expectedFailure(differs)


def through_facade(case: type, way: str) -> type:
    """Let a test class find the facade where it looks for Django's ``cache`` and ``caches``."""
    facades = Facades(awaiting=way == FACADE_ASYNC)
    case = mock.patch.object(django_cache, "caches", facades)(case)
    return mock.patch.object(django_cache, "cache", Default(facades))(case)


def every_alias(row: Row, folder: Path) -> dict[str, Config]:
    """Return all the stores of a row, to make their tables."""
    main, other = (configured(row, BACKEND, folder, place) for place in ("main", "other"))
    return {**main, "other": other.pop("default"), **other}
