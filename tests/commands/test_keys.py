"""``cache_key_generate`` and ``cache_key_rotate``."""

import ast
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class
from django.test import override_settings

from django_cachekit import cache, signals
from django_cachekit.codecs import problems

from .conftest import KEY, OLDER, Run, aliases, file

BROKEN = {"default": {**file(Path("/nowhere")), "OPTIONS": {}}}


def test_the_lines_are_options_that_nothing_is_wrong_with(run: Run) -> None:
    ended = run("cache_key_generate", "--count", "3")

    options = ast.literal_eval("{" + ended.out + "}")
    assert sorted(options) == ["ENCRYPTION_KEYS", "INDEX_KEY"]
    assert len({*options["ENCRYPTION_KEYS"], options["INDEX_KEY"]}) == 4
    assert problems(options) == []
    assert "cache_key_rotate" in ended.err


def test_json_holds_the_same(run: Run) -> None:
    ended = run("cache_key_generate", "--format", "json")

    assert ended.err == ""
    assert problems(ended.json) == []


def test_keys_are_new_each_time(run: Run) -> None:
    assert run("cache_key_generate").out != run("cache_key_generate").out


def test_no_keys_are_wrong_use(run: Run) -> None:
    assert run("cache_key_generate", "--count", "0").code == 2


def test_a_key_can_be_made_where_one_is_missing(run: Run) -> None:
    with override_settings(CACHES=BROKEN):
        assert run("cache_key_generate").code == 0


@pytest.fixture
def under_the_older(tmp_path: Path, db: None) -> Any:
    """Have three entries that an older key has sealed, and return the settings with a new one."""
    with override_settings(CACHES={**aliases(tmp_path), "default": file(tmp_path, OLDER)}):
        cache.put_many({"a": 1, "b": 2, "c": 3}, 600)
    return override_settings(CACHES={**aliases(tmp_path), "default": file(tmp_path, KEY, OLDER)})


def rows(ended: Any, store: str = "default") -> dict[str, int]:
    return {
        told["outcome"]: told["entries"] for told in ended.json["entries"] if told["store"] == store
    }


def test_rotating_seals_anew_what_is_under_older_keys(
    run: Run, under_the_older: Any, tmp_path: Path
) -> None:
    with under_the_older:
        planned = run("cache_key_rotate", "--dry-run", "--format", "json")
        assert rows(planned) == {"due": 3}
        ended = run("cache_key_rotate", "--format", "json")
        assert (ended.code, rows(ended)) == (0, {"resealed": 3})
        again = run("cache_key_rotate", "--format", "json")
        assert rows(again) == {"current": 3}

    with override_settings(CACHES={"default": file(tmp_path, KEY)}):
        assert cache.many(["a", "b", "c"]) == {"a": 1, "b": 2, "c": 3}


def test_a_dry_run_rotates_nothing(run: Run, under_the_older: Any, tmp_path: Path) -> None:
    with under_the_older:
        ended = run("cache_key_rotate", "--dry-run")
    assert ended.lines[-1] == "other: 0 entries would be sealed anew."
    assert "default: 3 entries would be sealed anew." in ended.lines

    with override_settings(CACHES={"default": file(tmp_path, KEY)}):
        assert cache.missing("a")


def test_the_table_counts_entries_per_key(run: Run, under_the_older: Any) -> None:
    with under_the_older:
        cache.put("new", 1)
        ended = run("cache_key_rotate", "--store", "default")

    head, *body, done = ended.lines
    assert head.split() == ["store", "key", "outcome", "entries"]
    assert {tuple(line.split()[2:]) for line in body} == {("resealed", "3"), ("current", "1")}
    assert len({line.split()[1] for line in body}) == 2
    assert done == "default: 3 entries sealed anew."
    assert KEY not in ended.out
    assert OLDER not in ended.out


def test_an_entry_whose_key_is_gone_is_counted(run: Run, tmp_path: Path, db: None) -> None:
    with override_settings(CACHES={"default": file(tmp_path, OLDER)}):
        cache.put("a", 1)
    with override_settings(CACHES={"default": file(tmp_path, KEY)}):
        assert rows(run("cache_key_rotate", "--format", "json")) == {"unreadable": 1}


def test_an_alias_that_fails_does_not_stop_the_others(run: Run, under_the_older: Any) -> None:
    caches = {"first": BROKEN["default"], **under_the_older.options["CACHES"]}
    with override_settings(CACHES=caches):
        ended = run("cache_key_rotate", "--format", "json")

    assert ended.code == 1
    assert rows(ended) == {"resealed": 3}
    assert list(ended.json["failed"]) == ["first"]
    assert ended.err == "Failed: 'first' failed.\n"


@pytest.mark.parametrize("alias", ["memory", "locmem"])
def test_a_store_without_keys_is_wrong_use(run: Run, store: Any, alias: str) -> None:
    ended = run("cache_key_rotate", "--store", alias)

    assert ended.code == 2
    assert ended.err == f"Misused: Alias {alias!r} keeps no sealed or signed entries.\n"


def test_an_unknown_alias_is_wrong_use(run: Run, store: Any) -> None:
    assert run("cache_key_rotate", "--store", "nowhere").code == 2


def test_where_there_is_nothing_to_rotate_it_says_so(run: Run) -> None:
    assert "No alias" in run("cache_key_rotate").out


def test_a_store_that_cannot_list_is_left_to_expire_unless_it_is_asked_for(
    run: Run, memcached: Any
) -> None:
    """What lies in memcached under an older key is read with it as long as it is configured."""
    backend = "django_cachekit.backends.memcached.MemcachedCache"
    with override_settings(
        CACHES={"default": {"BACKEND": backend, "LOCATION": memcached.location}}
    ):
        assert run("cache_key_rotate").code == 0
        asked = run("cache_key_rotate", "--store", "default")
    assert asked.code == 1
    assert "cannot list" in asked.err + asked.out


def test_a_signal_tells_how_many(run: Run, under_the_older: Any) -> None:
    heard: list[dict[str, Any]] = []

    def receiver(**named: Any) -> None:
        heard.append(named)

    signals.key_rotated.connect(receiver)
    try:
        with under_the_older:
            run("cache_key_rotate", "--dry-run")
            assert heard == []
            run("cache_key_rotate")
            run("cache_key_rotate")
    finally:
        signals.key_rotated.disconnect(receiver)

    (told,) = heard
    assert (told["store"], told["count"]) == ("default", 3)


OURS = sorted(name for name, app in get_commands().items() if app == "django_cachekit")


def test_all_commands_are_there() -> None:
    assert {
        "cache_clear",
        "cache_flush_tag",
        "cache_forget",
        "cache_get",
        "cache_key_generate",
        "cache_key_rotate",
        "cache_table",
        "cache_warm",
    } <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_every_command_explains_itself_and_takes_json(name: str, run: Run) -> None:
    ended = run(name, "--help")

    assert ended.code == 0
    assert "--format {text,json}" in ended.out
    assert load_command_class("django_cachekit", name).help.endswith(".")
