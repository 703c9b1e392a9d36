"""``cache_flush_tag``, ``cache_clear`` and ``cache_forget``: what is asked, done, and told."""

import builtins
from typing import Any

import pytest

from django_cachekit import signals
from django_cachekit.backends.filetree import Tree
from tests.stores import INDEX_KEY, KEY

from .conftest import Run

DESTRUCTIVE = [
    ["cache_flush_tag", "people"],
    ["cache_clear"],
    ["cache_clear", "--prefix", "jo"],
    ["cache_forget", "john"],
    ["cache_forget", "--pattern", "jo*"],
]


@pytest.fixture(autouse=True)
def filled(store: Any) -> None:
    """Have entries under some tags and keys."""
    store.tags("people", "artists").put("john", 1, 600)
    store.tags("people").put("joan", 2, 600)
    store.tags("cities").put("rome", 3, 600)
    store.put_many({"[a]*?\\x": 4, "ax": 5, "plain": 6})
    store.store("other").put("john", "of the other", 600)


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_it_asks_first(run: Run, store: Any, arguments: list[str]) -> None:
    refused = run(*arguments, answer="no\n")

    assert (refused.code, refused.out) == (1, "")
    assert refused.err.endswith("Failed: Nothing was done.\n")
    assert store.get("john") == 1
    accepted = run(*arguments, answer="yes\n")
    assert accepted.code == 0
    assert "[yes/no]" in accepted.err
    assert store.missing("john")


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_nobody_to_ask_is_wrong_use(run: Run, store: Any, arguments: list[str]) -> None:
    ended = run(*arguments)

    assert ended.code == 2
    assert "Use --noinput" in ended.err
    assert store.get("john") == 1


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_noinput_does_not_ask(run: Run, store: Any, arguments: list[str]) -> None:
    ended = run(*arguments, "--noinput")

    assert (ended.code, ended.err) == (0, "")
    assert store.missing("john")


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_a_dry_run_asks_nothing_and_changes_nothing(
    run: Run, store: Any, arguments: list[str]
) -> None:
    before = {key: store.get(key) for key in store.keys()}  # noqa: SIM118 - no dict

    ended = run(*arguments, "--dry-run")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Would ")
    assert {key: store.get(key) for key in before} == before
    assert run(*arguments, "--dry-run", "--format", "json").json["dry_run"] is True


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_json_is_all_that_is_printed(run: Run, store: Any, arguments: list[str]) -> None:
    ended = run(*arguments, "--noinput", "--format", "json")

    assert ended.code == 0
    assert ended.json["store"] == "default"
    assert ended.json["dry_run"] is False


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_ctrl_c_at_the_question_is_one_line(
    run: Run, store: Any, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(builtins, "input", pressed)
    ended = run(*arguments)

    assert ended.code == 130
    assert ended.err.endswith("Interrupted: stopped by Ctrl-C.\n")
    assert store.get("john") == 1


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_an_unknown_alias_is_wrong_use(run: Run, store: Any, arguments: list[str]) -> None:
    ended = run(*arguments, "--noinput", "--store", "nowhere")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("Misused: The connection 'nowhere' doesn't exist")
    assert "'default'" in ended.err


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_a_store_that_cannot_be_reached_is_one_line(
    run: Run, store: Any, arguments: list[str]
) -> None:
    ended = run(*arguments, "--noinput", "--store", "down")

    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 1
    assert "'down'" in ended.err


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_only_the_alias_named_is_touched(run: Run, store: Any, arguments: list[str]) -> None:
    store.store("other").tags("people").put("john", 7, 600)

    ended = run(*arguments, "--noinput", "--store", "other")

    assert ended.code == 0
    assert store.get("john") == 1
    assert store.store("other").missing("john")


@pytest.mark.parametrize("arguments", DESTRUCTIVE)
def test_no_key_of_the_settings_is_printed(run: Run, store: Any, arguments: list[str]) -> None:
    for more in ([], ["--dry-run"], ["--noinput"], ["--noinput", "--store", "down"]):
        ended = run(*arguments, *more)
        assert KEY not in ended.out + ended.err
        assert INDEX_KEY not in ended.out + ended.err


def test_flushing_a_tag_takes_its_entries_and_no_others(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag", "artists", "--noinput")

    assert ended.out == (
        "Flushed 1 tag (artists) in default (django_cachekit.backends.file.EncryptedFileCache).\n"
    )
    assert store.many(["john", "joan", "rome"]) == {"john": None, "joan": 2, "rome": 3}


def test_an_unknown_tag_is_told_and_the_known_ones_are_flushed(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag", "peple", "cities", "--noinput")

    assert ended.code == 1
    assert "Flushed 1 tag (cities)" in ended.out
    assert ended.err.startswith("Failed: no live entry of alias 'default' bears the tag 'peple'")
    assert store.many(["joan", "rome"]) == {"joan": 2, "rome": None}


def test_an_unknown_tag_alone_asks_nothing(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag", "peple")

    assert (ended.code, ended.out) == (1, "")
    assert "[yes/no]" not in ended.err


def test_an_unknown_tag_of_a_store_in_memory_says_where_to_flush(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag", "people", "--store", "memory")

    assert ended.code == 1
    assert "in the memory of this process only" in ended.err


def test_all_of_takes_only_what_bears_all(run: Run, store: Any) -> None:
    assert store.many(["john", "joan"]) == {"john": 1, "joan": 2}
    assert run("cache_flush_tag", "people", "artists", "--all-of", "--noinput").code == 0
    assert store.many(["john", "joan"]) == {"john": None, "joan": 2}


def test_all_of_some_that_nothing_bears_takes_nothing(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag", "people", "peple", "--all-of", "--noinput")
    assert ended.code == 1
    assert store.many(["john", "joan"]) == {"john": 1, "joan": 2}


def test_a_tag_is_asked_for(run: Run, store: Any) -> None:
    ended = run("cache_flush_tag")

    assert ended.code == 2
    assert "TAG" in ended.err


def test_clearing_empties_the_alias(run: Run, store: Any) -> None:
    planned = run("cache_clear", "--dry-run")
    assert planned.out == (
        "Would clear all of default (django_cachekit.backends.file.EncryptedFileCache), 6 keys.\n"
    )

    ended = run("cache_clear", "--noinput")
    assert ended.out == (
        "Cleared all of default (django_cachekit.backends.file.EncryptedFileCache).\n"
    )
    assert list(store.keys()) == []


def test_a_store_that_cannot_list_is_cleared_all_the_same(run: Run, store: Any) -> None:
    store.store("locmem").put("a", 1)

    planned = run("cache_clear", "--store", "locmem", "--dry-run")
    assert "keys" not in planned.out
    assert store.store("locmem").get("a") == 1
    ended = run("cache_clear", "--store", "locmem", "--noinput")
    assert ended.code == 0
    assert "Warning: alias 'locmem' is in the memory of one process" in ended.err
    assert store.store("locmem").missing("a")


def test_a_prefix_is_text_and_no_pattern(run: Run, store: Any) -> None:
    ended = run("cache_clear", "--prefix", "[a]*?\\", "--noinput")

    assert ended.out == "Forgot 1 key.\n"
    assert store.many(["[a]*?\\x", "ax"]) == {"[a]*?\\x": None, "ax": 5}


@pytest.mark.parametrize("verb", ["scan", "remove"])
@pytest.mark.parametrize("arguments", [DESTRUCTIVE[2], DESTRUCTIVE[4]])
def test_a_disk_that_fails_is_no_empty_store(
    run: Run, store: Any, arguments: list[str], verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Tree, verb, failing)
    ended = run(*arguments, "--noinput")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Failed: alias 'default': '")
    assert "' failed: OSError: Input/output error. See whether" in ended.err


def test_a_pattern_in_a_store_in_memory_is_warned_of(run: Run, store: Any) -> None:
    ended = run("cache_forget", "--pattern", "j*", "--store", "memory")

    assert ended.out == "Forgot 0 keys.\n"
    assert "Warning: alias 'memory' is in the memory of one process" in ended.err


def test_an_empty_prefix_is_wrong_use(run: Run, store: Any) -> None:
    ended = run("cache_clear", "--prefix", "", "--noinput")

    assert ended.code == 2
    assert store.get("plain") == 6


def test_a_prefix_needs_a_store_that_lists(run: Run, store: Any) -> None:
    ended = run("cache_clear", "--prefix", "a", "--noinput", "--store", "locmem")

    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert "cannot do 'keys'" in ended.err


def test_a_dry_run_shows_the_keys_in_one_line_each(run: Run, store: Any) -> None:
    store.put_many({f"n\n{number:02}": 0 for number in range(25)})

    ended = run("cache_forget", "--pattern", "n*", "--dry-run")

    assert ended.lines[0].startswith("Would forget 25 keys of default")
    assert ended.lines[1] == r"  n\n00"
    assert ended.lines[-1] == "  ... and 5 more"
    assert len(ended.lines) == 22
    listed = run("cache_forget", "--pattern", "n*", "--dry-run", "--format", "json")
    assert len(listed.json["keys"]) == 25


def test_forgetting_a_key_that_is_not_there_is_a_failure(run: Run, store: Any) -> None:
    ended = run("cache_forget", "john", "no\x1bbody", "--noinput")

    assert ended.code == 1
    assert ended.out == "Forgot 1 key.\n"
    assert ended.err == "Failed: Not in alias 'default': no\\x1bbody\n"


def test_a_pattern_that_matches_nothing_is_no_failure(run: Run, store: Any) -> None:
    ended = run("cache_forget", "--pattern", "zz*")

    assert (ended.code, ended.out) == (0, "Forgot 0 keys.\n")


@pytest.mark.parametrize("arguments", [[], ["a", "--pattern", "b"]])
def test_keys_or_a_pattern_must_be_given(run: Run, store: Any, arguments: list[str]) -> None:
    ended = run("cache_forget", *arguments)

    assert (ended.code, ended.err) == (2, "Misused: Give keys, or --pattern.\n")


def test_signals_tell_of_what_commands_remove(run: Run, store: Any) -> None:
    heard: list[str] = []

    def receiver(key: str, **_: Any) -> None:
        heard.append(key)

    signals.key_forgotten.connect(receiver)
    try:
        run("cache_forget", "john", "--noinput")
    finally:
        signals.key_forgotten.disconnect(receiver)

    assert heard == ["john"]


def test_quietly_nothing_is_printed(run: Run, store: Any) -> None:
    assert run("cache_forget", "john", "--noinput", "-v0")[:] == (0, "", "")
