"""Every system check: its id, what its hint says, and that good settings have none."""

import base64
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import checks
from django.test import override_settings

from django_cachekit import checks as ours
from django_cachekit.backends.database import DatabaseCache
from tests.stores import INDEX_KEY, KEY, ROWS

OURS = "django_cachekit.backends."
FILE, DATABASE = OURS + "file.EncryptedFileCache", OURS + "database.DatabaseCache"
ARRAY, TAGGED, NULL = (
    OURS + path for path in ("array.ArrayCache", "tagged.TaggedCache", "null.NullCache")
)
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
KEYS = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}
OTHER = "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"

MEMORY = {"BACKEND": LOCMEM}


def found(
    caches: Mapping[str, Any], databases: Sequence[str] | None = None, **more: Any
) -> list[checks.CheckMessage]:
    """Return what our own checks say of some settings, those of ``--deploy`` too."""
    by = {"DEBUG": True, "CACHES": {"default": MEMORY, **caches}, **more}
    with override_settings(**by):
        said: list[checks.CheckMessage] = []
        for check in checks.registry.registry.get_checks(include_deployment_checks=True):
            if check.__module__.startswith("django_cachekit.checks."):
                said += check(app_configs=None, databases=databases)
        return said


def one(caches: Mapping[str, Any], **more: Any) -> checks.CheckMessage:
    """Return the one thing that our checks say."""
    said = found(caches, **more)
    assert len(said) == 1, said
    return said[0]


def file(root: Path, **options: Any) -> dict[str, Any]:
    return {"it": {"BACKEND": FILE, "LOCATION": str(root / "cache"), "OPTIONS": options}}


def secret(size: int) -> str:
    return base64.urlsafe_b64encode(bytes(range(size))).decode().rstrip("=")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_good_settings_have_none(row: Any, tmp_path: Path, request: Any) -> None:
    server = request.getfixturevalue(row.server) if row.server else None
    assert found(row.caches(tmp_path, server)) == []


def test_good_settings_of_every_kind_have_none(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "key").write_text(OTHER)
    options = {**KEYS, "ENCRYPTION_KEYS": [KEY, f"file:{tmp_path}/key"]}
    caches = {
        **file(tmp_path, **options, MAX_ENTRIES=5, MAX_BYTES=10, SERIALIZER="json"),
        "rows": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": {"MAX_BYTES": None, **KEYS}},
        "tags": {"BACKEND": TAGGED, "OPTIONS": {"STORE": "rows"}},
        "null": {"BACKEND": NULL},
    }
    cachekit = {"DEFAULT_STORE": "it", "LIMITER_STORE": "rows", "SIGNALS": {"values": True}}
    cachekit["WARMERS"] = ["tests.checks.test_checks.secret"]

    assert found(caches, CACHEKIT=cachekit, DEBUG=False) == []


def test_they_are_registered_with_django() -> None:
    ours.register_all()
    by_tag = {
        tag: {
            getattr(check, "__name__", "")
            for check in checks.registry.registry.get_checks(include_deployment_checks=True)
            if check.__module__.startswith("django_cachekit") and tag in check.tags
        }
        for tag in ("caches", "security", "database")
    }

    assert len(by_tag["caches"]) == 14
    assert by_tag["database"] == {"tables_are_there"}
    assert by_tag["security"] == {"keys_are_fit", "directories_are_private"}


def test_every_id_is_documented() -> None:
    ids = {line.split()[0] for line in (ours.__doc__ or "").splitlines() if line[1:4].isdigit()}
    source = Path(ours.__file__).parent
    used = "".join(path.read_text() for path in source.glob("[!_]*.py"))

    assert ids
    assert {id for id in ids if f"{id}" not in used} == set()


class Own(DatabaseCache):
    """Be a backend of a project's own."""


# E001, E002: keys


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ENCRYPTION_KEYS": []},
        {"ENCRYPTION_KEYS": [KEY]},
        {"INDEX_KEY": INDEX_KEY},
    ],
)
def test_a_sealed_store_without_a_key(options: dict[str, Any], tmp_path: Path) -> None:
    said = one(file(tmp_path, **options))

    assert said.id == "cachekit.E001"
    assert "CACHES['it']" in said.msg
    assert "cache_key_generate" in str(said.hint)


def test_a_table_may_be_without_keys_but_not_without_half_of_them() -> None:
    def table(**options: Any) -> dict[str, Any]:
        return {"it": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": options}}

    assert found(table()) == []
    assert one(table(ENCRYPTION_KEYS=[KEY])).id == "cachekit.E001"
    assert one(table(ENCRYPTION_KEYS=["short"], INDEX_KEY=INDEX_KEY)).id == "cachekit.E002"


@pytest.mark.parametrize(
    "options",
    [
        {"ENCRYPTION_KEYS": [secret(31)]},
        {"ENCRYPTION_KEYS": [secret(33)]},
        {"ENCRYPTION_KEYS": ["no key at all!"]},
        {"ENCRYPTION_KEYS": [KEY, KEY]},
        {"ENCRYPTION_KEYS": [INDEX_KEY]},
        {"ENCRYPTION_KEYS": [7]},
        {"ENCRYPTION_KEYS": KEY},
        {"ENCRYPTION_KEYS": [settings.SECRET_KEY]},
        {"INDEX_KEY": settings.SECRET_KEY},
        {"ENCRYPTION_KEYS": ["env:NO_SUCH_VARIABLE"]},
        {"KEYS_FROM_SECRET_KEY": True},
    ],
)
def test_a_key_that_is_none(options: dict[str, Any], tmp_path: Path) -> None:
    said = [
        message
        for message in found(file(tmp_path, **{**KEYS, **options}))
        if message.id == "cachekit.E002"
    ]

    assert len(said) == 1
    assert said[0].hint


def test_no_part_of_a_key_is_shown(tmp_path: Path) -> None:
    bad = ["c2VjcmV0LXNlY3JldC1zZWNyZXQ", "secret secret !!", KEY, KEY, settings.SECRET_KEY]

    said = found(file(tmp_path, ENCRYPTION_KEYS=bad, INDEX_KEY=KEY))

    text = " ".join(f"{message.msg} {message.hint} {message.obj}" for message in said)
    assert said
    for key in bad:
        assert key[:6] not in text


# E003, W011, W012: directories


@pytest.mark.parametrize(
    ("location", "words"),
    [("", "missing"), (None, "missing"), ("var/cache", "relative"), (3, "missing")],
)
def test_a_location_that_is_no_place(location: Any, words: str) -> None:
    said = one({"it": {"BACKEND": FILE, "LOCATION": location, "OPTIONS": KEYS}})

    assert said.id == "cachekit.E003"
    assert words in said.msg
    assert "directory of its own" in str(said.hint)


def _link(path: Path) -> None:
    path.parent.joinpath("elsewhere").mkdir(mode=0o700)
    path.symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("make", "words"),
    [(_link, "symbolic link"), (lambda path: path.write_text(""), "no directory")],
)
def test_a_location_that_is_no_directory(
    make: Callable[[Path], Any], words: str, tmp_path: Path
) -> None:
    make(tmp_path / "cache")

    said = one(file(tmp_path, **KEYS))

    assert said.id == "cachekit.E003"
    assert words in said.msg


def _directory(root: Path, mode: int) -> None:
    (root / "cache").mkdir()
    (root / "cache").chmod(mode)


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o704])
def test_a_directory_that_others_can_look_into(mode: int, tmp_path: Path) -> None:
    _directory(tmp_path, mode)

    said = one(file(tmp_path, **KEYS))

    assert said.id == "cachekit.W012"
    assert f"mode {mode:04o}" in said.msg
    assert str(said.hint) == f"Run: chmod 700 {str(tmp_path / 'cache')!r}"


@pytest.mark.parametrize("mode", [0o777, 0o720])
def test_a_directory_that_others_can_write_to(mode: int, tmp_path: Path) -> None:
    _directory(tmp_path, mode)

    said = {message.id for message in found(file(tmp_path, **KEYS))}
    assert said == {"cachekit.E003", "cachekit.W012"}
    shared = found(file(tmp_path, **KEYS, ALLOW_SHARED_DIRECTORY=True))
    assert [message.id for message in shared] == ["cachekit.W012"]


def test_a_directory_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _directory(tmp_path, 0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)

    said = one(file(tmp_path, **KEYS))

    assert said.id == "cachekit.E003"
    assert "belongs to another user" in said.msg


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"MEDIA_ROOT": "{root}"}, "is inside MEDIA_ROOT"),
        ({"STATIC_ROOT": "{root}/cache"}, "is inside STATIC_ROOT"),
        ({"STATIC_ROOT": "{root}/cache/static"}, "contains STATIC_ROOT"),
        ({"STATICFILES_DIRS": ["/nowhere", "{root}"]}, "is inside STATICFILES_DIRS"),
        ({"STATICFILES_DIRS": [("prefix", "{root}")]}, "is inside STATICFILES_DIRS"),
    ],
)
def test_a_directory_that_is_handed_out(setting: Any, words: str, tmp_path: Path) -> None:
    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.format(root=tmp_path)
        return type(value)(filled(part) for part in value)

    said = one(file(tmp_path, **KEYS), **{name: filled(v) for name, v in setting.items()})

    assert said.id == "cachekit.W011"
    assert words in said.msg
    assert "outside of what a web server hands out" in str(said.hint)


def test_a_directory_beside_one_that_is_handed_out(tmp_path: Path) -> None:
    assert found(file(tmp_path, **KEYS), MEDIA_ROOT=str(tmp_path / "cached")) == []


# E004, W010


def test_a_key_file_beside_what_it_opens(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir(mode=0o700)
    (tmp_path / "cache" / "key").write_text(KEY)
    options = {**KEYS, "ENCRYPTION_KEYS": [f"file:{tmp_path}/elsewhere/../cache/key"]}
    (tmp_path / "elsewhere").mkdir()

    said = one(file(tmp_path, **options))

    assert said.id == "cachekit.E004"
    assert "Move it" in str(said.hint)
    assert KEY not in said.msg


def test_keys_made_of_the_secret_key(tmp_path: Path) -> None:
    said = one(file(tmp_path, KEYS_FROM_SECRET_KEY=True))

    assert said.id == "cachekit.W010"
    assert "cache_key_generate" in str(said.hint)
    assert settings.SECRET_KEY not in said.msg


# E005: aliases over others


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "STORE names no alias"),
        ({"STORE": "it"}, "names itself"),
        ({"STORE": "nowhere"}, "'nowhere', which is not in CACHES"),
        ({"STORE": "other"}, "'other', which is over it in turn"),
    ],
)
def test_an_alias_over_none(options: dict[str, str], words: str) -> None:
    caches = {
        "it": {"BACKEND": TAGGED, "OPTIONS": options},
        "other": {"BACKEND": TAGGED, "OPTIONS": {"STORE": "it"}},
    }
    said = [message for message in found(caches) if "CACHES['it']" in message.msg]

    assert [message.id for message in said] == ["cachekit.E005"]
    assert words in said[0].msg
    assert "'default'" in str(said[0].hint)


def test_one_of_several_aliases_is_not_there() -> None:
    options = {"STORES": ["default", "nowhere"]}
    said = one({"it": {"BACKEND": NULL, "OPTIONS": options}})

    assert said.id == "cachekit.E005"
    assert "'nowhere'" in said.msg


# E006, E007, E021: CACHEKIT


@pytest.mark.parametrize(
    ("cachekit", "words", "hint"),
    [
        ({"DEFAULT_STOR": "default"}, "'DEFAULT_STOR'", "Did you mean DEFAULT_STORE?"),
        ({"default_store": "default"}, "'default_store'", "Did you mean DEFAULT_STORE?"),
        ({"QUUX": 1}, "'QUUX'", "DEFAULT_STORE, LIMITER_STORE"),
        ({3: 1}, "setting 3", "DEFAULT_STORE"),
        ([], "not list", "CACHEKIT = {"),
        ({"SIGNALS": True}, "SIGNALS", '{"values": True}'),
        ({"BACKGROUND": "celery"}, "'celery'", "'after_response'"),
        ({"STATS": "default"}, "'default'", "a list of some"),
        ({"STATS": ["nowhere"]}, "'nowhere'", "default"),
    ],
)
def test_a_setting_that_means_nothing(cachekit: Any, words: str, hint: str) -> None:
    said = one({}, CACHEKIT=cachekit)

    assert said.id == "cachekit.E006"
    assert words in said.msg
    assert hint in str(said.hint)


@pytest.mark.parametrize("name", ["DEFAULT_STORE", "LIMITER_STORE"])
def test_a_store_that_is_not_in_caches(name: str) -> None:
    said = one({}, CACHEKIT={name: "nowhere"})

    assert said.id == "cachekit.E007"
    assert "'nowhere'" in said.msg
    assert "'default'" in str(said.hint)


@pytest.mark.parametrize(
    "given", ["a.b", ["no.such.module"], {"x": "tests.checks.test_checks.KEY"}, [3], 3]
)
def test_a_warmer_that_is_not_there(given: Any) -> None:
    said = one({}, CACHEKIT={"WARMERS": given})

    assert said.id == "cachekit.E021"
    assert "dotted paths" in str(said.hint)


# E008, E009, W014: OPTIONS


@pytest.mark.parametrize("backend", [ARRAY, DATABASE, FILE])
@pytest.mark.parametrize("name", ["MAX_ENTRIES", "MAX_BYTES"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "many", True])
def test_a_bound_that_is_none(backend: str, name: str, value: Any, tmp_path: Path) -> None:
    options = {name: value, **(KEYS if backend == FILE else {})}
    where = str(tmp_path / "cache") if backend == FILE else "here"
    said = one({"it": {"BACKEND": backend, "LOCATION": where, "OPTIONS": options}})

    assert said.id == "cachekit.E008"
    assert name in said.msg
    assert "leave it out" in str(said.hint)


def test_only_a_table_may_be_without_a_bound() -> None:
    def store(backend: str) -> dict[str, Any]:
        return {"it": {"BACKEND": backend, "LOCATION": "t", "OPTIONS": {"MAX_ENTRIES": None}}}

    assert found(store(DATABASE)) == []
    assert one(store(ARRAY)).id == "cachekit.E008"


def test_a_largest_value_that_is_none() -> None:
    said = one({"it": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": {"MAX_VALUE_BYTES": 0}}})

    assert said.id == "cachekit.E008"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"SERIALIZER": "yaml"}, "yaml"),
        ({"SERIALIZER": "no.such.serializer"}, "no.such.serializer"),
        ({"COMPRESSION": "lzma"}, "lzma"),
        ({"STORE_ID": ""}, "STORE_ID"),
        ({**KEYS, "CIPHER": "rot13"}, "rot13"),
    ],
)
def test_a_codec_that_is_none(options: dict[str, Any], words: str) -> None:
    said = one({"it": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": options}})

    assert said.id == "cachekit.E009"
    assert words in said.msg
    assert said.hint


def test_a_codec_whose_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("compression", "compression.zstd", "backports.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    options = {"COMPRESSION": "zstd"}

    said = one({"it": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": options}})

    assert said.id == "cachekit.E009"
    assert "django-cachekit[zstd]" in str(said.hint)


@pytest.mark.parametrize(
    ("backend", "name", "meant"),
    [
        (DATABASE, "ENCRYPTION_KEY", "ENCRYPTION_KEYS"),
        (ARRAY, "MAX_ENTRYS", "MAX_ENTRIES"),
        (ARRAY, "max_bytes", "MAX_BYTES"),
    ],
)
def test_an_option_that_looks_misspelt(backend: str, name: str, meant: str) -> None:
    said = one({"it": {"BACKEND": backend, "LOCATION": "t", "OPTIONS": {name: "x"}}})

    assert said.id == "cachekit.W014"
    assert repr(name) in said.msg
    assert said.hint == f"Did you mean {meant}?"


def test_an_option_that_nobody_has() -> None:
    said = one({"it": {"BACKEND": ARRAY, "LOCATION": "t", "OPTIONS": {"QUUX": 1}}})

    assert said.id == "cachekit.W014"
    assert "docs/settings.md" in str(said.hint)


def test_classes_of_a_pickle_that_are_no_list() -> None:
    options = {"PICKLE_CLASSES": "shop.models.Product"}
    said = one({"it": {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": options}})

    assert said.id == "cachekit.E009"
    assert '["shop.models.Product"]' in str(said.hint)


def test_options_of_others_are_their_own() -> None:
    options = {"MAX_ENTRIES": 0, "ENCRYPTION_KEY": "x", "STORE": "nowhere"}

    assert found({"it": {"BACKEND": LOCMEM, "OPTIONS": options}}) == []


# W013, E020: backends


@pytest.mark.parametrize(
    "caches",
    [
        {"default": {"BACKEND": LOCMEM}},
        {"default": {"BACKEND": ARRAY}},
        {"default": {"BACKEND": TAGGED, "OPTIONS": {"STORE": "m"}}, "m": {"BACKEND": ARRAY}},
    ],
)
def test_a_default_store_in_the_memory_of_each_process(caches: dict[str, Any]) -> None:
    said = one(caches, DEBUG=False)

    assert said.id == "cachekit.W013"
    assert "is not seen by the others" in said.msg
    assert "processes share" in str(said.hint)
    assert found(caches, DEBUG=True) == []


def test_a_store_in_memory_that_is_not_the_default_one() -> None:
    caches = {"default": {"BACKEND": DATABASE, "LOCATION": "t"}, "fast": {"BACKEND": ARRAY}}

    assert found(caches, DEBUG=False) == []
    said = one(caches, DEBUG=False, CACHEKIT={"DEFAULT_STORE": "fast"})
    assert said.id == "cachekit.W013"


def test_a_backend_of_ours_that_is_not_there() -> None:
    said = one({"it": {"BACKEND": OURS + "files.EncryptedFileCache"}})

    assert said.id == "cachekit.E020"
    assert "files.EncryptedFileCache" in said.msg
    assert "No module named" in str(said.hint)


def test_a_backend_of_others_that_is_not_there_is_djangos_matter() -> None:
    assert found({"it": {"BACKEND": "no.such.Cache"}}) == []


def test_a_backend_built_on_ours_is_checked_too() -> None:
    here = "tests.checks.test_checks.Own"
    said = one({"it": {"BACKEND": here, "LOCATION": "t", "OPTIONS": {"MAX_BYTES": 0}}})

    assert said.id == "cachekit.E008"


def test_reading_what_others_wrote_is_warned_of() -> None:
    table = {"BACKEND": DATABASE, "LOCATION": "t"}
    said = one({"it": {**table, "OPTIONS": {"READ_LEGACY": ["django:old"]}}})
    assert said.id == "cachekit.W015"
    assert "'it'" in said.msg
    wrong = one({"it": {**table, "OPTIONS": {"READ_LEGACY": ["laravel"]}}})
    assert wrong.id == "cachekit.E009"
    assert "laravel" in wrong.msg
