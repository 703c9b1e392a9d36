"""The mistakes that are made most often: each is told once, with what to write instead.

``tests/checks/test_checks.py`` has the checks one by one.
"""

import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from tests.stores import ROWS

from .test_checks import ARRAY, DATABASE, FILE, KEYS, LOCMEM, NULL, OURS, TAGGED, Own, found, one

REDIS, MEMCACHED = OURS + "redis.RedisCache", OURS + "memcached.MemcachedCache"
DYNAMODB = OURS + "dynamodb.DynamoDBCache"
URL, NODE = "redis://127.0.0.1:6379/0", "127.0.0.1:11211"
CACHE, CACHED_DB = (f"django.contrib.sessions.backends.{name}" for name in ("cache", "cached_db"))


def told(said: CheckMessage, id: str, words: str, hint: str) -> None:
    """Expect a message: its id, what it is about, and the very words of the remedy."""
    assert said.id == f"cachekit.{id}"
    assert words in said.msg
    assert hint in str(said.hint)


# W016: sessions


@pytest.mark.parametrize(
    ("config", "engine", "words"),
    [
        ({"BACKEND": ARRAY, "LOCATION": "s"}, CACHE, "memory of each process"),
        ({"BACKEND": LOCMEM}, CACHED_DB, "logout in one is not seen by the others"),
        ({"BACKEND": TAGGED, "OPTIONS": {"STORE": "memory"}}, CACHE, "CACHES['memory']"),
        ({"BACKEND": NULL}, CACHE, "nobody stays logged in"),
        ({"BACKEND": "django.core.cache.backends.dummy.DummyCache"}, CACHE, "keeps nothing"),
    ],
)
def test_sessions_where_they_are_lost(config: dict[str, Any], engine: str, words: str) -> None:
    caches = {
        "default": {"BACKEND": DATABASE, "LOCATION": "t"},
        "it": config,
        "memory": {"BACKEND": ARRAY},
    }
    kept = {"SESSION_ENGINE": engine, "SESSION_CACHE_ALIAS": "it"}

    said = one(caches, DEBUG=False, **kept)
    told(said, "W016", words, 'SESSION_ENGINE = "django.contrib.sessions.backends.db"')
    assert "CACHES['it']" in said.msg
    assert (found(caches, DEBUG=True, **kept) == []) is ("nothing" not in said.msg)


def test_sessions_where_they_are_kept() -> None:
    shared = {"default": {"BACKEND": DATABASE, "LOCATION": "t"}}
    assert found(shared, DEBUG=False, SESSION_ENGINE=CACHE) == []
    # cached_db reads its table where the cache has nothing.
    assert found({**shared, "n": {"BACKEND": NULL}}, SESSION_ENGINE=CACHED_DB) == []
    other = {"SESSION_ENGINE": "django.contrib.sessions.backends.db", "SESSION_CACHE_ALIAS": "no"}
    assert found(shared, DEBUG=False, **other) == []


def test_sessions_in_an_alias_that_is_not_there() -> None:
    said = one({}, SESSION_ENGINE=CACHE, SESSION_CACHE_ALIAS="nowhere")
    told(said, "E007", "SESSION_CACHE_ALIAS is 'nowhere'", "'default'")


# W017: the wrong level


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("TAG_INDEX", '"OPTIONS": {"TAG_INDEX": ...}'),
        ("MAX_ENTRIES", '"OPTIONS": {"MAX_ENTRIES": ...}'),
        ("max_entries", '"OPTIONS": {"MAX_ENTRIES": ...}'),
        ("STORE", '"OPTIONS": {"STORE": ...}'),
        ("KEY_PREFX", "Did you mean KEY_PREFIX?"),
        ("PREFIX", '"OPTIONS": {"PREFIX": ...}'),
    ],
)
def test_an_option_beside_options(name: str, hint: str) -> None:
    said = one({"it": {"BACKEND": ARRAY, "LOCATION": "x", name: "secret"}})

    told(said, "W017", f"{name!r} beside OPTIONS", hint)
    assert "secret" not in f"{said.msg}{said.hint}"


@pytest.mark.parametrize("backend", [ARRAY, DATABASE, FILE, TAGGED, NULL])
@pytest.mark.parametrize("name", ["TIMEOUT", "KEY_PREFIX", "VERSION", "KEY_FUNCTION"])
def test_a_name_of_djangos_in_options(backend: str, name: str, tmp_path: Path) -> None:
    options = {name: 60, **(KEYS if backend == FILE else {})}
    options |= {"STORE": "default"} if backend == TAGGED else {}
    where = str(tmp_path / "cache") if backend == FILE else "here"
    said = one({"it": {"BACKEND": backend, "LOCATION": where, "OPTIONS": options}})

    told(said, "W017", f"{name!r} in OPTIONS means nothing", f'"{name}": ..., "OPTIONS"')


@pytest.mark.parametrize(
    ("backend", "where", "id"),
    [(REDIS, URL, "E022"), (MEMCACHED, NODE, "E022"), (DYNAMODB, "table", "E030")],
)
def test_a_name_of_djangos_in_the_options_of_a_client(backend: str, where: str, id: str) -> None:
    options = {"TIMEOUT": 60, **({"REGION_NAME": "x"} if backend == DYNAMODB else {})}
    said = one({"it": {"BACKEND": backend, "LOCATION": where, "OPTIONS": options}})
    assert said.id == f"cachekit.{id}"
    assert "beside OPTIONS" in f"{said.msg} {said.hint}"


def test_what_may_stand_beside_options(tmp_path: Path) -> None:
    beside = {"TIMEOUT": 5, "KEY_PREFIX": "x", "VERSION": 2, "KEY_FUNCTION": "a.b"}
    assert found({"it": {"BACKEND": ARRAY, "LOCATION": "x", **beside}}) == []
    where = str(tmp_path / "cache")
    config = {"BACKEND": FILE, "LOCATION": where, "OPTIONS": KEYS, "max_entries": 5}
    assert found({"it": config}) == []
    own = {"BACKEND": f"{Own.__module__}.Own", "LOCATION": "t", "OF_ITS_OWN": 1}
    assert found({"it": own}) == []
    assert found({"it": {"BACKEND": LOCMEM, "TAG_INDEX": True}}) == []


# W018: TIMEOUT


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (0, "gone at once"),
        (-1, "gone at once"),
        (0.5, "gone at once"),
        ("5m", "takes for 300"),
        (timedelta(minutes=5), "takes for 300"),
    ],
)
def test_a_timeout_that_is_none(given: Any, words: str) -> None:
    said = one({"it": {"BACKEND": ARRAY, "LOCATION": "x", "TIMEOUT": given}})
    told(said, "W018", words, "seconds, such as 600, or None for ever")


@pytest.mark.parametrize("given", [None, 1, 600, "600", 1.5, 10**9])
def test_a_timeout_that_is_one(given: Any) -> None:
    assert found({"it": {"BACKEND": ARRAY, "LOCATION": "x", "TIMEOUT": given}}) == []
    assert found({"it": {"BACKEND": NULL, "TIMEOUT": 0}}) == []
    assert found({"it": {"BACKEND": LOCMEM, "TIMEOUT": 0}}) == []


# W019: two aliases of one store


@pytest.mark.parametrize(
    "config",
    [
        {"BACKEND": ARRAY},
        {"BACKEND": REDIS, "LOCATION": URL},
        {"BACKEND": MEMCACHED, "LOCATION": NODE},
        {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": {"STORE_ID": "x"}},
    ],
)
def test_two_aliases_of_one_store(config: dict[str, Any]) -> None:
    said = one({"one": config, "two": dict(config)})
    told(said, "W019", "it is one store with 'one'", "KEY_PREFIX of its own")
    assert "CACHES['two']" in said.msg


def test_two_aliases_of_one_memory_that_differ_otherwise() -> None:
    options = {"OPTIONS": {"MAX_ENTRIES": 5}, "TIMEOUT": 5}
    said = one({"one": {"BACKEND": ARRAY}, "two": {"BACKEND": ARRAY, **options}})
    told(said, "W019", "'one'", "a LOCATION or a KEY_PREFIX")


def test_two_aliases_of_one_store_id_that_differ_otherwise() -> None:
    table = {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": {"STORE_ID": "x"}}
    said = one({"one": table, "two": {**table, "TIMEOUT": 5}})
    told(said, "W019", "'one'", "OPTIONS['STORE_ID'] or a KEY_PREFIX")
    elsewhere = {"OPTIONS": {"STORE_ID": "x", "DATABASE": "other"}}
    assert found({"one": table, "two": {**table, **elsewhere}}) == []


def test_two_tables_of_one_name_in_two_regions_are_two_stores() -> None:
    table = {"BACKEND": DYNAMODB, "LOCATION": "t"}
    caches = {
        name: {**table, "OPTIONS": {"STORE_ID": "x", "REGION_NAME": name}}
        for name in ("eu-central-1", "eu-west-1")
    }
    assert found(caches) == []


@pytest.mark.parametrize(
    "other",
    [{"KEY_PREFIX": "x"}, {"OPTIONS": {"STORE_ID": "x"}}, {"TIMEOUT": 5}, {"LOCATION": "other"}],
)
def test_two_aliases_of_two_stores(other: dict[str, Any]) -> None:
    # Without a STORE_ID it is the alias, so aliases that differ in anything are two stores.
    config = {"BACKEND": DATABASE, "LOCATION": "t"}
    assert found({"one": config, "two": {**config, **other}}) == []
    memory = {"BACKEND": ARRAY, "LOCATION": "m"}
    if other.keys() & {"KEY_PREFIX", "LOCATION"}:
        assert found({"one": memory, "two": {**memory, **other}}) == []
    assert found({"one": {"BACKEND": NULL}, "two": {"BACKEND": NULL}}) == []


# W025: the table


def test_a_table_that_is_not_there(db: None) -> None:
    caches = {"it": {"BACKEND": DATABASE, "LOCATION": "no_such_table"}}

    assert found(caches) == []
    assert found(caches, databases=["another"]) == []
    said = one(caches, databases=["default"])
    told(said, "W025", "no table 'no_such_table'", "manage.py cache_table it")
    with override_settings(CACHES={"default": caches["it"]}):
        call_command("cache_table", verbosity=0)
    assert found(caches, databases=["default"]) == []


def test_a_table_of_somebody_elses(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE others (id integer)")
    said = one({"it": {"BACKEND": DATABASE, "LOCATION": "others"}}, databases=["default"])
    told(said, "W025", "other columns", "cache_table")


def test_a_table_that_cannot_be_named_is_the_matter_of_others(db: None) -> None:
    config: dict[str, Any] = {"BACKEND": DATABASE, "LOCATION": ""}
    assert found({"it": config}, databases=["default"]) == []
    odd = {"BACKEND": DATABASE, "LOCATION": "t", "OPTIONS": {"DATABASE": "nowhere"}}
    assert found({"it": odd}, databases=["default"]) == []


# W026: nothing is kept


def test_a_default_store_that_keeps_nothing() -> None:
    told(one({"default": {"BACKEND": NULL}}), "W026", "granted to everybody", "docs/stores")
    under = {"default": {"BACKEND": TAGGED, "OPTIONS": {"STORE": "n"}}, "n": {"BACKEND": NULL}}
    told(one(under), "W026", "CACHES['n']", "for tests")
    assert found({"n": {"BACKEND": NULL}}) == []


# W027: waiting for ever


@pytest.mark.parametrize(
    ("backend", "where", "options"),
    [
        (REDIS, URL, {"SOCKET_TIMEOUT": None}),
        (REDIS, URL, {"SOCKET_CONNECT_TIMEOUT": 30}),
        (MEMCACHED, NODE, {"timeout": 300}),
        (DYNAMODB, "t", {"DEADLINE": 60.0, "REGION_NAME": "x"}),
    ],
)
def test_a_store_that_hangs_holds_its_callers(
    backend: str, where: str, options: dict[str, Any]
) -> None:
    name = next(iter(options))
    said = one({"it": {"BACKEND": backend, "LOCATION": where, "OPTIONS": options}})
    told(said, "W027", f"{name} is {options[name]!r}", "in seconds; leave it out")
    assert ("TIMEOUT, beside OPTIONS" in str(said.hint)) is (name == "timeout")


@pytest.mark.parametrize(
    ("backend", "where", "options"),
    [
        (REDIS, URL, {"SOCKET_TIMEOUT": 5, "SOCKET_CONNECT_TIMEOUT": 5}),
        (MEMCACHED, NODE, {"timeout": 10, "connect_timeout": 1}),
        (DYNAMODB, "t", {"DEADLINE": 2, "REGION_NAME": "x"}),
    ],
)
def test_a_store_that_does_not(backend: str, where: str, options: dict[str, Any]) -> None:
    assert found({"it": {"BACKEND": backend, "LOCATION": where, "OPTIONS": options}}) == []


# E022: where a server is


@pytest.mark.parametrize(
    ("backend", "where", "hint"),
    [
        (REDIS, "127.0.0.1:6379", "redis://127.0.0.1:6379/0"),
        (REDIS, "", "redis://127.0.0.1:6379/0"),
        (REDIS, "http://127.0.0.1", "rediss://"),
        (MEMCACHED, URL, '"host:port"'),
        (MEMCACHED, "redis://localhost:6379", '"host:port"'),
        (MEMCACHED, "", '"host:port"'),
    ],
)
def test_a_location_of_another_kind(backend: str, where: str, hint: str) -> None:
    said = one({"it": {"BACKEND": backend, "LOCATION": where}})
    told(said, "E022", "LOCATION", hint)


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ({"IGNORE_EXCEPTIONS": False}, "RAISE: True raises"),
        ({"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}, "COMPRESSION"),
        ({"PICKLE_VERSION": 4}, "SERIALIZER"),
        ({"LOG_IGNORED_EXCEPTIONS": True}, "logged anyway"),
        ({"SOKET_TIMEOUT": 1}, "Did you mean SOCKET_TIMEOUT?"),
    ],
)
def test_an_option_of_django_redis_that_means_nothing_here(
    option: dict[str, Any], hint: str
) -> None:
    said = one({"it": {"BACKEND": REDIS, "LOCATION": URL, "OPTIONS": option}})
    told(said, "E022", next(iter(option)), hint)


# E020: what is not installed, and where a class is; Django's own checks make every backend, and
# stop at the first that cannot be imported, so it is Django's error that has to say it too.

MAKE = """
import sys
sys.modules.update({name: None for name in sys.argv[2].split()})
from django.conf import settings
settings.configure(CACHES={"default": {"BACKEND": sys.argv[1], "LOCATION": "x"}}, SECRET_KEY="x",
                   INSTALLED_APPS=["django_cachekit"])
import django
django.setup()
from django_cachekit.checks.stores import backends_are_there
for said in backends_are_there():
    print(said.id, said.hint)
from django.core.cache import caches
try:
    caches["default"]
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("path", "missing", "remedy"),
    [
        ("redis.RedisCache", "django_redis", 'pip install "django-cachekit[redis]"'),
        ("redis.RedisCache", "redis", 'pip install "django-cachekit[redis]"'),
        ("memcached.MemcachedCache", "pymemcache", 'pip install "django-cachekit[memcached]"'),
        ("RedisCache", "", "it is django_cachekit.backends.redis.RedisCache"),
        ("EncryptedFileCache", "", "it is django_cachekit.backends.file.EncryptedFileCache"),
        ("Quux", "", 'does not define a "Quux"'),
        ("redis.RedisCash", "", 'does not define a "RedisCash"'),
    ],
)
def test_a_backend_that_cannot_be_imported(path: str, missing: str, remedy: str) -> None:
    command = [sys.executable, "-c", MAKE, OURS + path, missing]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    check, error = done.stdout.splitlines()
    assert check.startswith("cachekit.E020 ")
    assert remedy in check
    assert error.startswith("InvalidCacheBackendError ")
    assert remedy in error


# What checks may not do


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_checks_ask_no_server(
    row: Any, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database either: pytest-django refuses one to tests that have not asked for it."""
    server = request.getfixturevalue(row.server) if row.server else None

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a check went to the network")

    caches = row.caches(tmp_path, server)
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    with override_settings(CACHES={"default": {"BACKEND": LOCMEM}, **caches}, DEBUG=True):
        call_command("check", "--deploy", "--tag", "caches")
        found(caches)


STARTPROJECT: dict[str, Any] = {
    "CACHES": {"default": {"BACKEND": LOCMEM}},
    "DEBUG": True,
    "SESSION_ENGINE": "django.contrib.sessions.backends.db",
    "CACHEKIT": {},
}


def test_what_startproject_makes_is_right() -> None:
    with override_settings(**STARTPROJECT):
        assert found(STARTPROJECT["CACHES"]) == []
