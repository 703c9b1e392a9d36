"""What things say of themselves in a shell: one line, no secret, and nothing is asked for it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache, cached
from django_cachekit.health import Health
from django_cachekit.statistics import statistics
from tests.stores import BY_NAME, INDEX_KEY, KEY, OURS

SECRETS = ("hunter2", "s3cret", KEY, INDEX_KEY, "10.0.0.7")


def _aliases(root: Path) -> dict[str, Any]:
    redis = {
        "BACKEND": OURS + "redis.RedisCache",
        "LOCATION": "redis://user:hunter2@10.0.0.7:6379/0",
        "OPTIONS": {"PASSWORD": "s3cret", "ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY},
    }
    nodes = {"BACKEND": OURS + "memcached.MemcachedCache", "LOCATION": "10.0.0.7:11211"}
    table = {"BACKEND": OURS + "dynamodb.DynamoDBCache", "LOCATION": "t"}
    file = {**BY_NAME["file"].config(root), "KEY_PREFIX": "shop", "VERSION": 3}
    memory = {"BACKEND": OURS + "array.ArrayCache", "LOCATION": str(root)}
    over = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "memory"}}
    locmem = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    null = {"BACKEND": OURS + "null.NullCache"}
    return {
        "default": redis, "nodes": nodes, "table": table, "file": file, "memory": memory,
        "over": over, "locmem": locmem, "null": null,
    }  # fmt: skip


@pytest.fixture
def aliases(tmp_path: Path) -> Iterator[list[str]]:
    """Configure stores, most of which are not there; give their aliases."""
    configured = _aliases(tmp_path)
    with override_settings(CACHES=configured):
        yield list(configured)


def _said(thing: Any) -> str:
    text = repr(thing)
    assert "\n" not in text
    assert len(text) < 150
    assert not [secret for secret in SECRETS if secret in text]
    return text


def test_repositories(aliases: list[str]) -> None:
    assert _said(cache) == "<cache 'default' (RedisCache)>"
    assert _said(cache.store("locmem")) == "<cache 'locmem' (LocMemCache)>"
    assert _said(cache.tags("a", "b")) == "<cache 'default'.tags('a', 'b') (RedisCache)>"
    assert _said(cache.memo()) == "<cache 'default'.memo() (RedisCache)>"
    spaced = cache.store("file").tags("a", namespace=True)
    assert _said(spaced) == "<cache 'file'.tags('a', namespace=True) (EncryptedFileCache)>"


def test_backends(aliases: list[str], tmp_path: Path) -> None:
    said = {alias: _said(caches[alias]) for alias in aliases if alias != "locmem"}
    assert said == {
        "default": "<RedisCache 'default', version 1>",
        "nodes": "<MemcachedCache 'nodes', version 1>",
        "table": "<DynamoDBCache 'table', version 1>",
        "file": "<EncryptedFileCache 'file', prefix 'shop', version 3>",
        "memory": "<ArrayCache 'memory', version 1>",
        "over": "<TaggedCache 'over', version 1>",
        "null": "<NullCache 'null', version 1>",
    }
    assert list(tmp_path.iterdir()) == [], "something was made ready"


def test_locks_and_funnels(aliases: list[str]) -> None:
    memory = cache.store("memory")
    lock = memory.lock("invoice:42", 30, owner="s3cret")
    assert _said(lock) == "<lock 'invoice:42' of 'memory' (ArrayCache), 30 s>"
    assert lock.acquire()
    assert _said(lock).startswith("<lock 'invoice:42' of 'memory' (ArrayCache), 30 s, fence ")
    assert "s3cret" not in repr(lock._terms)
    restored = memory.restore_lock("invoice:42", "s3cret")
    assert _said(restored) == "<lock 'invoice:42' of 'memory' (ArrayCache), restored>"
    funnel = cache.funnel("mail", limit=3, ttl=60)
    assert _said(funnel) == "<funnel 'mail' of 'default' (RedisCache), 3 at a time, 60 s>"


def test_drafts_and_entries(aliases: list[str]) -> None:
    drafts: list[str] = []

    def make(entry: Any) -> str:
        entry.tags.add("people")
        drafts.append(_said(entry))
        entry.skip()
        drafts.append(_said(entry))
        return "hunter2"

    cache.store("memory").remember("a", 60, make)
    assert drafts == [
        "<draft, ttl 60, tags people>",
        "<draft, ttl 60, tags people, skipped>",
    ]


def test_what_is_known_of_a_store(aliases: list[str]) -> None:
    assert _said(statistics("memory")) == "<statistics 'memory' (ArrayCache): 0 entries>"
    assert _said(Health("default", "down", "refused", 0.1)).startswith("Health(alias='default'")
    memory = cache.store("memory")
    with override_settings(CACHEKIT={"STATS": True}):
        memory.put("a", "hunter2")
        memory.get("a")
        assert _said(memory._home.stack().stats) == "<stats 1 hits, 1 writes>"
        assert _said(memory._home.stack()) == (
            "<stack 'memory': memo, events, policy, stats, tagstats, space, tags, ArrayCache>"
        )


def test_a_function_that_is_remembered(aliases: list[str]) -> None:
    @cached(60)
    def overview() -> int:
        return 1

    assert "overview" in _said(overview)


def test_without_settings_too() -> None:
    source = "from django_cachekit import cache; print(cache, cache.memo())"
    bare = {name: value for name, value in os.environ.items() if "DJANGO" not in name}
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, env=bare, check=False
    )
    expected = "<cache, without settings> <cache.memo(), without settings>"
    assert (done.stdout.strip(), done.stderr) == (expected, "")
