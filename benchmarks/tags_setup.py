"""Django set up with all that is compared, in as many processes as are needed."""

import os
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

import django
from django.conf import settings

from .tags_libraries import Cacheops, Cashews, InsideOut, InsideOutKeepFresh, KeepFresh
from .tags_peers import ByHand, Laravel, Ours, OursByPut
from .tags_subject import PATIENCE, TTL, Place, Subject

KINDS: tuple[type[Subject], ...] = (
    Ours,
    OursByPut,
    ByHand,
    Laravel,
    Cashews,
    Cacheops,
    KeepFresh,
    InsideOut,
    InsideOutKeepFresh,
)
MAIN = [kind.name for kind in KINDS if not kind.variant]
SUBJECTS: dict[str, Subject] = {}


def cacheops_prefix(query: Any) -> str:
    """Keep the keys of the two modes of cacheops apart: they are of different types."""
    from cacheops.conf import settings as theirs

    return "in:" if theirs.CACHEOPS_INSIDEOUT else ""


def setup(place: Place) -> None:
    """Set up Django and all subjects in this process."""
    ours = {"BACKEND": "django_cachekit.backends.redis.RedisCache", "LOCATION": f"{place.redis}/0"}
    hand = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    settings.configure(
        SECRET_KEY=place.secret,
        INSTALLED_APPS=["django_cachekit", "cacheops", "benchmarks"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": place.database,
                "OPTIONS": {"init_command": "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY"},
            }
        },
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
            "ours": ours,
            "hand": {**hand, "LOCATION": f"{place.redis}/{ByHand.number}"},
        },
        CACHEOPS_REDIS=f"{place.redis}/{Cacheops.number}?socket_timeout={PATIENCE}",
        CACHEOPS={"benchmarks.item": {"ops": (), "timeout": TTL}},
        CACHEOPS_PREFIX=f"{__name__}.cacheops_prefix",
    )
    django.setup()
    SUBJECTS.update({kind.name: kind(place) for kind in KINDS})


def others(place: Place, count: int) -> ProcessPoolExecutor:
    """Return other processes, set up alike."""
    return ProcessPoolExecutor(count, get_context("spawn"), setup, (place,))


def versions() -> str:
    """Name what is measured."""
    names = ("Django", "redis", "cashews", "django-cacheops")
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{found}, {os.cpu_count()} cores"
