"""What is declared is what stores take, checks know and the code asks for."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.utils.module_loading import import_string

import django_cachekit
from django_cachekit import conf
from django_cachekit.checks import options
from django_cachekit.checks.common import meant
from django_cachekit.core.settings import OPTIONS, SETTINGS, names

from .test_checks import ARRAY, DATABASE, FILE, OURS, TAGGED, found

PACKAGE = Path(django_cachekit.__file__).parent
TAKEN = {
    "redis.RedisCache": ("all", "codecs", "redis", "django-redis"),
    "memcached.MemcachedCache": ("all", "codecs", "memcached", "pymemcache"),
    "dynamodb.DynamoDBCache": ("all", "codecs", "dynamodb"),
}
"""The stores that refuse what they do not know, and what they take."""

ASKED = re.compile(r"""options(?:\.get\(|\[)"([A-Za-z_]+)\"""")


def refused(path: str, options: Mapping[str, Any]) -> list[str]:
    """Return what a backend says of options, as the checks ask it."""
    backend = import_string(OURS + path)
    if path.startswith("dynamodb"):
        return list(backend.faults("table", options))
    place = "redis://127.0.0.1" if path.startswith("redis") else "127.0.0.1:11211"
    return [text for text, _ in backend.cachekit_problems(place, options)]


@pytest.mark.parametrize("path", TAKEN)
def test_a_store_takes_what_is_declared_for_it_and_nothing_else(path: str) -> None:
    own = names(*TAKEN[path])
    # With these two, which are redis's own, any name may be one that theirs know.
    every = names() - {"CLIENT_CLASS", "CONNECTION_FACTORY"}
    said = " ".join(refused(path, dict.fromkeys(every)))

    told = {name for name in every if f"option {name!r}" in said or f"{name!r} is no" in said}
    assert told == every - own


def test_defaults_are_values_that_a_store_takes() -> None:
    for path, takers in TAKEN.items():
        usual = {
            one.name: one.default
            for taker in takers
            for one in OPTIONS[taker]
            if one.default is not None
        }
        assert refused(path, usual) == []


ALL = "Take it out; docs/settings.md has all that there are."


@pytest.mark.parametrize("taker", ["array", "file", "database", "tagged"])
def test_a_name_nearly_right_is_told_of(taker: str, tmp_path: Path) -> None:
    kinds = {"array": ARRAY, "file": FILE, "database": DATABASE, "tagged": TAGGED}
    for option in names("all", taker):
        wrong = option[:-1] + "Z"
        config = {"BACKEND": kinds[taker], "LOCATION": str(tmp_path), "OPTIONS": {wrong: 1}}
        said = [one for one in found({"it": config}) if one.id == "cachekit.W014"]
        assert [one.hint for one in said] == [meant(wrong, names()) or ALL]


def test_a_setting_nearly_right_is_told_of() -> None:
    for one in SETTINGS:
        said = found({}, CACHEKIT={one.name[:-1] + "Z": 1})
        assert [(message.id, message.hint) for message in said] == [
            ("cachekit.E006", f"Did you mean {one.name}?")
        ]


def asked(*rooms: str) -> Collection[str]:
    """Return the options that the code asks for by name."""
    files = [path for room in rooms for path in (PACKAGE / room).rglob("*.py")]
    return {name for path in files for name in ASKED.findall(path.read_text())}


def test_the_code_asks_for_nothing_that_is_not_declared() -> None:
    there = asked("backends", "codecs", "layers", "checks")

    assert {"TAG_STALENESS", "COMPRESSION", "dead_timeout", "FSYNC"} <= set(there)
    assert set(there) - names() - {"STORES"} == set()  # which a check follows, of stores to come


def test_each_setting_is_declared_once_with_all_that_is_said_of_it() -> None:
    for settings in (SETTINGS, *OPTIONS.values()):
        assert len({one.name for one in settings}) == len(settings)
        assert all(one.type and one.meaning and "|" not in one.meaning for one in settings)
    assert [one.name for one in SETTINGS] == list(conf.DEFAULTS)


def test_the_checks_know_what_those_take_that_have_no_library_under_them() -> None:
    libraries = {"redis", "django-redis", "memcached", "pymemcache"}

    assert names(*(OPTIONS.keys() - libraries)) | {"STORES"} == options.OPTIONS
    assert names("all", "codecs") == options.SHARED
