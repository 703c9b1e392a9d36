"""``cache_get``."""

from datetime import date
from typing import Any

import pytest

from django_cachekit import signals
from django_cachekit.testing import frozen_time

from .conftest import Run


def test_it_shows_what_an_entry_is(run: Run, store: Any) -> None:
    with frozen_time() as time:
        store.tags("people", "artists").put("john", {"born": date(1940, 10, 9)}, 600)
        time.advance(60)
        ended = run("cache_get", "john")

    assert ended.code == 0
    assert ended.lines == [
        "key    john",
        "store  default (django_cachekit.backends.file.EncryptedFileCache)",
        "type   dict",
        "ttl    540.0 s left",
        "tags   artists, people",
        "value  {'born': datetime.date(1940, 10, 9)}",
    ]


def test_json_tells_the_same(run: Run, store: Any) -> None:
    store.tags("people").put("john", {"age": [40]})

    assert run("cache_get", "john", "--format", "json").json == {
        "key": "john",
        "store": "default",
        "type": "dict",
        "tags": ["people"],
        "ttl": None,
        "value": {"age": [40]},
    }


def test_what_json_cannot_hold_is_shown_by_its_repr(run: Run, store: Any) -> None:
    store.put("when", date(2026, 1, 2))

    told = run("cache_get", "when", "--format", "json").json
    assert (told["type"], told["value"]) == ("datetime.date", "datetime.date(2026, 1, 2)")


def test_a_stored_none_is_no_miss(run: Run, store: Any) -> None:
    store.put("nothing", None)

    assert run("cache_get", "nothing").lines[-1] == "value  None"


@pytest.mark.parametrize(("tags", "ttl"), [((), "not told by this store"), (("t",), "s left")])
def test_a_store_that_does_not_tell_the_ttl(
    run: Run, store: Any, tags: tuple[str, ...], ttl: str
) -> None:
    locmem = store.store("locmem")
    (locmem.tags(*tags) if tags else locmem).put("a", 1, 60)

    ended = run("cache_get", "a", "--store", "locmem")

    assert ended.lines[3].endswith(ttl)
    told = run("cache_get", "a", "--store", "locmem", "--format", "json").json
    assert ("ttl" in told) is bool(tags)


def test_a_miss_is_one_line(run: Run, store: Any) -> None:
    ended = run("cache_get", "no\nbody")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "Failed: Not in alias 'default': no\\nbody\n"


def test_an_entry_whose_tag_was_flushed_is_a_miss(run: Run, store: Any) -> None:
    store.tags("people").put("john", 1)
    store.tags("people").flush()

    assert run("cache_get", "john").code == 1


def test_a_store_that_cannot_be_reached_is_no_miss(run: Run, store: Any) -> None:
    ended = run("cache_get", "a", "--store", "down")

    assert ended.code == 1
    assert ended.err.startswith("Failed: alias 'down': 'get' failed: OperationalError. See whether")


def test_an_unknown_alias_is_wrong_use(run: Run, store: Any) -> None:
    assert run("cache_get", "a", "--store", "nowhere").code == 2


def test_a_value_cannot_speak_to_the_terminal(run: Run, store: Any) -> None:
    store.put("evil", "\x1b[31m\u202e\n")

    assert run("cache_get", "evil").lines[-1] == r"value  '\x1b[31m\u202e\n'"


def test_a_long_value_has_lines_of_its_own(run: Run, store: Any) -> None:
    store.put("long", ["x" * 60, "y" * 60])

    assert run("cache_get", "long").lines[-2:] == [
        f"value  ['{'x' * 60}',",
        f"        '{'y' * 60}']",
    ]


def test_looking_is_no_hit(run: Run, store: Any) -> None:
    store.put("a", 1)
    heard: list[Any] = []

    def receiver(**named: Any) -> None:
        heard.append(named)

    for signal in (signals.cache_hit, signals.cache_missed):
        signal.connect(receiver)
    try:
        run("cache_get", "a")
        run("cache_get", "b")
    finally:
        for signal in (signals.cache_hit, signals.cache_missed):
            signal.disconnect(receiver)

    assert heard == []
