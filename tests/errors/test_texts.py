"""What an error says to who gets it at night: the alias, the key (safely), and what to do.

Each is provoked for real, over the table of stores; ``docs/errors.md`` has them in words.
"""

import copy
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache, conf, errors
from django_cachekit.core.remedies import by
from django_cachekit.errors import (
    CacheKitError,
    LockLost,
    LockTimeout,
    Misconfigured,
    NotANumber,
    NotSupported,
    StoreUnavailable,
    TypeMismatch,
    ValueTooLarge,
)
from django_cachekit.flows.warm import NotStored
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import DJANGO, INDEX_KEY, KEY, OURS, ROWS, Row

PRIVATE = "patient:5150"
VALUE = "hunter2" * 1_300_000
"""A key that tells of a person, and a value over every bound: neither may be shown."""


@pytest.fixture(params=ROWS, ids=lambda row: str(row.name))
def row(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Row]:
    with placed(request.param, request, tmp_path):
        yield request.param


def said(kind: type[Exception], call: Callable[[], Any], *words: str) -> str:
    """Return what an error says, which has some words in it, and is told in one piece."""
    with pytest.raises(kind) as caught:
        call()
    error, text = caught.value, str(caught.value)
    assert type(error) is kind
    for word in words:
        assert word in text, text
    # Nobody has to read of an error that came while another one was handled.
    assert error.__cause__ or error.__suppress_context__ or not error.__context__
    assert "hunter2" not in text
    assert "\n" not in text
    return text


def alias_in(text: str) -> bool:
    return "'default'" in text or "'beside'" in text  # a TaggedCache is over the latter


def test_a_value_of_another_type(row: Row) -> None:
    cache.put("a key", "hunter2", 60)
    for read, wanted in ((cache.integer, "an int"), (cache.array, "a list")):
        text = said(TypeMismatch, partial(read, "a key"), "'a key'", wanted, "not str")
        assert alias_in(text)
        assert "forget() removes it" in text


def test_a_value_that_is_no_number(row: Row) -> None:
    cache.put("a key", "hunter2", 60)
    verbs: list[Callable[[str], Any]] = [cache.incr]
    verbs += [cache.increment] if "count" in row.can else []
    for verb in verbs:
        text = said(NotANumber, partial(verb, "a key"), "'a key'", "counted")
        assert alias_in(text)
        assert "Forget the key" in text


def test_a_value_that_is_too_large(row: Row) -> None:
    if not row.config(Path())["BACKEND"].startswith(OURS) or row.beside:
        return
    bounded = row.config(Path())["BACKEND"].endswith("ArrayCache")
    options = {"MAX_BYTES": 1_000_000} if bounded else {}
    caches = {alias: dict(config) for alias, config in conf.caches().items()}
    caches["default"]["OPTIONS"] = {**caches["default"].get("OPTIONS", {}), **options}
    option = "MAX_BYTES" if bounded else "MAX_VALUE_BYTES"
    with override_settings(CACHES=caches):
        text = said(ValueTooLarge, lambda: cache.put(PRIVATE, VALUE), option, "9,1", "limit")
        assert alias_in(text)
        assert PRIVATE not in text
        assert f"key {conf.shown(PRIVATE)}" in text
        many = said(ValueTooLarge, lambda: cache.put_many({PRIVATE: VALUE, "b": 1}), option)
        assert PRIVATE not in many
        with override_settings(CACHEKIT={"LOG_RAW_KEYS": True}):
            said(ValueTooLarge, lambda: cache.put(PRIVATE, VALUE), f"key {PRIVATE!r}")


REFUSED: dict[str, tuple[str, Callable[[], Any]]] = {
    "list": ("the array, file, database, Redis and DynamoDB stores", lambda: [*cache.keys()]),
    "ttl": ("every store of django_cachekit.backends can", lambda: cache.ttl("a key")),
    "count": ("incr() and decr() work as Django's", lambda: cache.increment("a key")),
    "cas": ("every store of django_cachekit.backends can", lambda: cache.cas("a key", str)),
}


@pytest.mark.parametrize("ability", REFUSED)
def test_what_a_store_cannot_do(row: Row, ability: str) -> None:
    remedy, call = REFUSED[ability]
    if ability in row.can:
        return
    text = said(NotSupported, call)
    assert alias_in(text)
    assert remedy in text or "cache.store('beside').keys()" in text


def test_an_index_that_is_not_kept(row: Row) -> None:
    text = said(NotSupported, lambda: cache.tags("people").keys(), "'default'")
    on = "OPTIONS: {\"TAG_INDEX\": True} in CACHES['default']"
    assert (on if "list" in row.can else "database, Redis and DynamoDB stores") in text


def test_a_lock_that_is_not_had(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    if "cas" not in row.can:
        said(NotSupported, lambda: cache.lock("report", 9).acquire(), "'lock'", "every store of")
        return
    with cache.lock("report", 9):
        text = said(LockTimeout, cache.lock("report", 9).__enter__, "'report'", "not had at once")
        assert alias_in(text)
        assert " s more as it stands" in text
        waited = said(LockTimeout, lambda: cache.lock("report", 9).block(0.05), "in 0.05 s")
        assert "Wait longer" in waited
    funnel = cache.funnel("printer", limit=1, ttl=9)
    with funnel:
        said(LockTimeout, funnel.__enter__, "funnel 'printer'", "all of its 1 slots", "s more")


def test_a_lock_that_was_lost(row: Row) -> None:
    if "cas" not in row.can:
        return

    def work() -> None:
        with cache.lock("report", 9):
            cache.lock("report", 9).force_release()

    text = said(LockLost, work, "'report'", "9 s", "auto_refresh=True")
    assert alias_in(text)


# Stores that are down

GONE = 1  # the port of nobody
SECRET = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}
DOWN: dict[str, dict[str, Any]] = {
    "redis": {
        "BACKEND": OURS + "redis.RedisCache",
        "LOCATION": f"redis://me:hunter2@127.0.0.1:{GONE}/0",
    },
    "cluster": {
        "BACKEND": OURS + "redis.RedisCache",
        "LOCATION": f"redis://me:hunter2@127.0.0.1:{GONE}",
        "OPTIONS": {"CLUSTER": True},
    },
    "memcached": {"BACKEND": OURS + "memcached.MemcachedCache", "LOCATION": f"127.0.0.1:{GONE}"},
    "memcached-pool": {
        "BACKEND": OURS + "memcached.MemcachedCache",
        "LOCATION": [f"127.0.0.1:{GONE}", f"127.0.0.2:{GONE}"],
    },
    "dynamodb": {
        "BACKEND": OURS + "dynamodb.DynamoDBCache",
        "LOCATION": "table",
        "OPTIONS": {"ENDPOINT_URL": f"http://127.0.0.1:{GONE}", "REGION_NAME": "eu-west-1"},
    },
    "file": {
        "BACKEND": OURS + "file.EncryptedFileCache",
        "LOCATION": "{}/a file/cache",
        "OPTIONS": SECRET,
    },
    "django-redis": {
        "BACKEND": DJANGO + "redis.RedisCache",
        "LOCATION": f"redis://me:hunter2@127.0.0.1:{GONE}/0",
    },
    "over redis": {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "beside"}},
}


@pytest.fixture(params=DOWN)
def down(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    config = dict(DOWN[request.param])
    if "LOCATION" in config and isinstance(config["LOCATION"], str):
        config["LOCATION"] = config["LOCATION"].format(tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "hunter2")
    with override_settings(CACHES={"default": config, "beside": DOWN["redis"]}):
        if request.param == "file":
            cache.get("a key")
            os.rmdir(tmp_path / "a file") if (tmp_path / "a file").is_dir() else None
            (tmp_path / "a file").write_text("")
        yield


def test_a_store_that_is_down(down: None) -> None:
    text = said(StoreUnavailable, lambda: cache.add(PRIVATE, "hunter2", 60), "'add' failed: ")
    assert alias_in(text)
    assert PRIVATE not in text
    assert "127.0.0" not in text
    assert "manage.py cache_health" in text or "raise its timeouts" in text
    flush = said(StoreUnavailable, lambda: cache.tags("people").flush())
    assert alias_in(flush)


def test_the_clients_own_error_is_the_cause(down: None) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        cache.add("a key", 1)
    assert caught.value.__cause__ is not None
    assert not isinstance(caught.value.__cause__, CacheKitError)


# Settings that cannot be meant; ``tests/checks`` has what checks say of the same

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"BACKEND": OURS + "file.EncryptedFileCache", "LOCATION": "x"}, "'/var/cache/site'"),
    ({"BACKEND": OURS + "file.EncryptedFileCache", "LOCATION": "/x"}, "cache_key_generate"),
    ({"BACKEND": OURS + "array.ArrayCache", "OPTIONS": {"MAX_BYTES": 0}}, "whole number from 1"),
    ({"BACKEND": OURS + "array.ArrayCache", "OPTIONS": {"TAG_INDEX": 1}}, "True or False"),
    ({"BACKEND": OURS + "array.ArrayCache", "OPTIONS": {"TAG_STALENESS": "x"}}, "seconds from 0"),
    ({"BACKEND": OURS + "database.DatabaseCache"}, "manage.py cache_table default"),
    (
        {
            "BACKEND": OURS + "database.DatabaseCache",
            "LOCATION": "t",
            "OPTIONS": {"DATABASE": "no"},
        },
        "not in DATABASES: 'default'",
    ),
    ({"BACKEND": OURS + "database.DatabaseCache", "LOCATION": "no_table"}, "cache_table default"),
    ({"BACKEND": OURS + "redis.RedisCache", "LOCATION": "127.0.0.1"}, "redis://127.0.0.1:6379/0"),
    ({"BACKEND": OURS + "memcached.MemcachedCache", "LOCATION": ""}, '"host:port"'),
    ({"BACKEND": OURS + "dynamodb.DynamoDBCache"}, "a table's name in LOCATION"),
    ({"BACKEND": OURS + "tagged.TaggedCache"}, "{'STORE': another alias}"),
    ({"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "no"}}, "name one of 'other'"),
]


@pytest.mark.parametrize(("config", "remedy"), WRONG)
def test_settings_that_cannot_be_meant(config: dict[str, Any], remedy: str, db: None) -> None:
    caches = {"default": config, "other": {"BACKEND": OURS + "array.ArrayCache"}}
    with override_settings(CACHES=caches):
        text = said(Misconfigured, lambda: cache.get("a key"), "CACHES['default']", remedy)
    assert KEY not in text


def test_a_store_under_another_that_cannot_be_imported() -> None:
    over = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "other"}}
    caches = {"default": over, "other": {"BACKEND": OURS + "RedisCache"}}
    with (
        override_settings(CACHES=caches),
        pytest.raises(Exception, match=r"backends\.redis\.RedisCache"),
    ):
        cache.get("a key")


def test_a_command_is_told_of_with_what_it_needs() -> None:
    assert by("cache_table it") == "manage.py cache_table it"
    with override_settings(INSTALLED_APPS=["django.contrib.contenttypes"]):
        needs = "manage.py cache_table it ('django_cachekit' has to be in INSTALLED_APPS)"
        assert by("cache_table it") == needs


# Errors travel, to other processes too

KINDS = sorted({getattr(errors, name) for name in errors.__all__} | {NotStored}, key=repr)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_may_be_copied_and_pickled(kind: type[CacheKitError]) -> None:
    error = kind("alias 'default': what it says")
    error.add_note("a note") if hasattr(error, "add_note") else None
    error.retry_after = 5  # type: ignore[attr-defined]  # whatever a caller may put on it
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for other in (pickle.loads(pickle.dumps(error, protocol)), copy.deepcopy(error)):
            assert type(other) is kind
            assert other.args == error.args
            assert str(other) == str(error)
            assert vars(other) == vars(error)


def _fails() -> None:
    with override_settings(CACHES={"default": {"BACKEND": OURS + "array.ArrayCache"}}):
        cache.put("a key", "text")
        cache.integer("a key")


def test_an_error_of_another_process_says_the_same() -> None:
    with multiprocessing.get_context("fork").Pool(1) as pool, pytest.raises(TypeMismatch) as caught:
        pool.apply(_fails)
    assert "'a key' should be an int, not str" in str(caught.value)


def test_the_time_a_lock_has_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with override_settings(CACHES={"default": {"BACKEND": OURS + "array.ArrayCache"}}):
        cache.lock("report", 30).acquire()
        clock.advance(10)
        said(LockTimeout, cache.lock("report", 9).__enter__, "for 20.0 s more as it stands")
