"""``cache_stats``: what it prints, and with what it ends."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache

from .conftest import Run

MEMORY = {
    "BACKEND": "django_cachekit.backends.array.ArrayCache",
    "LOCATION": "stats",
    "OPTIONS": {"MAX_ENTRIES": 4, "TAG_INDEX": True},
}
REDIS = "django_cachekit.backends.redis.RedisCache"
GONE = {"BACKEND": REDIS, "LOCATION": "redis://:hunter2@127.0.0.1:1/0"}


@pytest.fixture
def memory() -> Iterator[None]:
    """Have a memory with one entry, beside a server that is gone."""
    with override_settings(CACHES={"default": MEMORY, "gone": GONE}):
        cache.flush()
        cache.put("a", "x" * 2000)
        yield


def test_a_table(memory: None, run: Run) -> None:
    ended = run("cache_stats", "default")

    assert ended.code == 0
    head, row = ended.lines
    assert head.split("  ")[0] == "alias"
    assert row.split()[:5] == ["default", "ArrayCache", "1", "of", "4"]
    assert row.split()[-4:] == ["25.0%", "0", "process", "yes"]
    assert len(head.rstrip()) == row.rindex("yes") + len("tag index")
    assert ended.err == "default: the memory of this command, and of no server.\n"


def test_json_for_machines(memory: None, run: Run) -> None:
    ended = run("cache_stats", "--format", "json")

    assert ended.code == 1
    told, gone = ended.json
    assert list(told) == [
        "alias", "backend", "reason", "over", "tag_index", "entries", "bytes", "max_entries",
        "max_bytes", "evictions", "of", "servers", "fill", "total",
    ]  # fmt: skip
    assert (told["entries"], told["fill"], told["of"], told["tag_index"]) == (
        1, 0.25, "process", True,
    )  # fmt: skip
    assert (gone["reason"], gone["entries"], gone["servers"]) == ("refused", None, [])


def test_one_that_is_down_ends_it_with_1_when_all_were_asked(memory: None, run: Run) -> None:
    ended = run("cache_stats")

    assert ended.code == 1
    assert [line.split()[0] for line in ended.lines] == ["alias", "default", "gone"]
    assert "Failed: 1 of 2 aliases could not be asked: gone (refused)." in ended.err
    assert "hunter2" not in ended.out + ended.err


def test_servers_have_a_table_of_their_own(redis: Any, run: Run) -> None:
    with override_settings(CACHES={"default": {"BACKEND": REDIS, "LOCATION": redis.location}}):
        cache.flush()
        cache.put("a", 1, 600)
        cache.get("a")
        ended = run("cache_stats", "--count")
        found = run("cache_stats", "--format", "json").json

    assert ended.code == 0
    assert ended.lines[1].split()[:3] == ["default", "RedisCache", "1"]
    assert ended.lines[3].startswith("Servers, with all that others keep there")
    assert ended.lines[5].split()[0] == "default"
    (server,) = found[0]["servers"]
    assert server["up"] is True
    assert server["hits"] >= 1
    assert 0 < server["hit_ratio"] <= 1
    assert found[0]["total"]["hits"] == server["hits"]
    assert found[0]["entries"] is None


def test_wrong_use(run: Run) -> None:
    ended = run("cache_stats", "nope")

    assert (ended.code, ended.out) == (2, "")
    assert "nope" in ended.err
