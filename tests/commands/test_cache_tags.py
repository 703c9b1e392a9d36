"""``cache_tags``: which tags there are, and what bears them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache

from .conftest import Run, aliases, file


@pytest.fixture
def tagged(tmp_path: Path, db: None) -> Iterator[Any]:
    """Give the facade over a file store with an index of its tags, and some entries."""
    caches = aliases(tmp_path)
    caches["default"]["OPTIONS"]["TAG_INDEX"] = True
    caches["memory"]["OPTIONS"] = {"TAG_INDEX": True}
    caches["plain"] = file(tmp_path / "plain")
    with override_settings(CACHES=caches):
        cache.tags("people", "artists").put("john", 1, 600)
        cache.tags("people").put("mary", 2, 600)
        cache.tags("gone").put("nobody", 3, 600)
        cache.tags("gone").flush()
        cache.put("plain", 4, 600)
        yield cache


def test_all_tags_with_how_many_entries(tagged: Any, run: Run) -> None:
    ended = run("cache_tags")
    assert ended.code == 0
    assert ended.lines == [
        "tag      entries",
        "artists        1",
        "people         2",
        "2 tags in default (django_cachekit.backends.file.EncryptedFileCache).",
    ]
    rows = [{"tag": "artists", "entries": 1}, {"tag": "people", "entries": 2}]
    assert run("cache_tags", "--format", "json").json == {"store": "default", "tags": rows}


def test_all_tags_with_their_keys(tagged: Any, run: Run) -> None:
    assert run("cache_tags", "--keys").lines[:-1] == [
        "artists (1 entry)",
        "  john",
        "people (2 entries)",
        "  john",
        "  mary",
    ]
    found = run("cache_tags", "--keys", "--format", "json").json["tags"]
    assert found[1] == {"tag": "people", "entries": 2, "keys": ["john", "mary"]}


def test_what_bears_a_tag(tagged: Any, run: Run) -> None:
    ended = run("cache_tags", "people")
    assert ended.code == 0
    assert ended.lines[:2] == ["john", "mary"]
    assert ended.lines[2].startswith("2 entries of default")
    assert ended.lines[2].endswith("bear people.")


def test_what_bears_every_tag(tagged: Any, run: Run) -> None:
    found = run("cache_tags", "people", "artists", "--format", "json")
    assert found.code == 0
    assert found.json["keys"] == ["john"]
    assert found.json["entries"] == 1
    assert run("cache_tags", "nobody", "--format", "json").json["keys"] == []


def test_control_characters_do_not_reach_the_screen(tagged: Any, run: Run) -> None:
    tagged.tags("a\x1b[2J").put("key\x1b[2J", 1, 600)
    assert "\x1b" not in run("cache_tags", "--keys").out
    assert "\x1b" not in run("cache_tags", "a\x1b[2J").out


@pytest.mark.parametrize("arguments", [[], ["people"]])
def test_a_store_without_an_index_says_how_to_have_one(
    arguments: list[str], tagged: Any, run: Run
) -> None:
    ended = run("cache_tags", *arguments, "--store", "plain")
    assert ended.code == 1
    assert 'OPTIONS: {"TAG_INDEX": True}' in ended.err
    ended = run("cache_tags", *arguments, "--store", "locmem")
    assert ended.code == 1
    assert "cannot list what it holds" in ended.err


def test_a_store_in_memory_is_another_process(tagged: Any, run: Run) -> None:
    ended = run("cache_tags", "--store", "memory")
    assert ended.code == 0
    assert "in the memory of one process" in ended.err


def test_an_alias_that_is_not_there(tagged: Any, run: Run) -> None:
    assert run("cache_tags", "--store", "nope").code == 2
