"""The database store through Django's own verbs, on a real SQLite file."""

import itertools
import pickle
import re
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_cachekit import cache as facade
from django_cachekit.backends.rotation import rotate
from django_cachekit.backends.sql.rows import to_ms
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation, Stamp
from django_cachekit.errors import Misconfigured, StoreUnavailable, TypeMismatch
from django_cachekit.layers.policy import LOST
from tests.conftest import Clock

from .helping import (
    INDEX_KEY,
    KEY,
    OTHER_KEY,
    Look,
    another_process,
    config,
    driver_of,
    only,
    queries,
    tables,
)

pytestmark = pytest.mark.usefixtures("never_due")

HOSTILE = "'; DROP TABLE cache; --"


def test_every_verb(cache: Any) -> None:
    assert cache.get("k") is None
    assert cache.add("k", None) is True
    assert cache.get("k", "there is none") is None
    assert cache.add("k", 1) is False
    cache.set("k", {"a": (1, b"2")})
    assert cache.get("k") == {"a": (1, b"2")}
    assert cache.set_many({"n": 5, "m": 6}) == []
    assert cache.get_many(["n", "m", "missing"]) == {"n": 5, "m": 6}
    assert [cache.incr("n"), cache.decr("n", 3)] == [6, 3]
    assert cache.touch("n", 60) is True
    assert cache.touch("missing") is False
    assert "n" in cache
    assert cache.incr_version("n") == 2
    assert cache.get("n", version=2) == 3
    assert cache.get_or_set("made", lambda: [1]) == [1]
    assert cache.delete("m") is True
    assert cache.delete("m") is False
    cache.delete_many(["k", "made"])
    assert cache.get_many(["k", "made"]) == {}
    cache.clear()
    assert cache.get("n", version=2) is None


def test_every_awaited_verb(cache: Any) -> None:
    async def all_of_them() -> None:
        assert await cache.aadd("k", 1) is True
        assert await cache.aget("k") == 1
        await cache.aset_many({"n": 5, "m": 6})
        assert await cache.aget_many(["n", "m"]) == {"n": 5, "m": 6}
        assert await cache.aincr("n") == 6
        assert await cache.atouch("n", 60) is True
        assert await cache.ahas_key("n") is True
        assert await cache.adelete("n") is True
        await cache.aclear()
        assert await cache.aget("m") is None

    async_to_sync(all_of_them)()


def test_what_django_asks_of_counting(cache: Any) -> None:
    with pytest.raises(ValueError, match="not found"):
        cache.incr("missing")
    cache.set("text", "1")
    with pytest.raises(TypeMismatch):
        cache.incr("text")

    assert cache.get("text") == "1"


def test_expiry(cache: Any, clock: Clock) -> None:
    cache.set("short", 1, 0.5)
    cache.set("long", 1, timedelta(days=365 * 200))
    cache.set("ever", 1, None)
    cache.set("count", 1, 10)
    clock.advance(9)
    cache.incr("count")

    assert cache.get("short") is None
    assert cache.add("short", 2) is True
    clock.advance(2)
    assert cache.get("count") is None
    assert cache.touch("count", 60) is False
    assert cache.get_many(["short", "long", "ever"]) == {"short": 2, "long": 1, "ever": 1}


def test_the_expired_does_not_even_travel(cache: Any, look: Look, clock: Clock) -> None:
    cache.set("a", 1, 10)
    name = driver_of().entries.name("a", None)
    assert list(driver_of().table.read([name])[1]) == [name]
    clock.advance(11)

    assert driver_of().table.read([name])[1] == {}
    assert look.count() == 1


@pytest.mark.parametrize(
    ("seconds", "ms"), [(1.0, 1000), (1.0001, 1001), (1e30, 2**63 - 1), (1.5, 1500)]
)
def test_a_row_never_goes_before_its_entry(seconds: float, ms: int) -> None:
    assert to_ms(seconds) == ms


def test_a_timeout_beyond_all_numbers_of_a_database(look: Look) -> None:
    with tables(default=config(TIMEOUT=10**17)):
        caches["default"].set("a", 1)

        assert caches["default"].get("a") == 1


def test_the_facades_own_verbs(cache: Any) -> None:
    facade.put("user:1", "ada", 60)
    facade.put("user:2", "bob")

    assert sorted(facade.keys("user:*")) == ["user:1", "user:2"]
    assert 59 < (facade.ttl("user:1") or 0) <= 60
    assert facade.pull("user:1") == "ada"
    assert facade.pull("user:1") is None
    assert facade.forget_pattern("user:*") == 1
    facade.tags("people").put("john", 1)
    assert cache.get("john") == 1
    facade.tags("people").flush()
    assert cache.get("john") is None


def test_more_rows_than_one_statement_may_have_parameters(cache: Any) -> None:
    many = {f"k{number}": number for number in range(2500)}
    cache.set_many(many)

    assert cache.get_many(many) == many
    assert sorted(facade.keys()) == sorted(many)
    cache.delete_many(many)
    assert cache.get_many(many) == {}


def test_statements_keep_to_the_databases_limit_of_parameters(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(connections["disk"].features), "max_query_params", 50)
    with tables(default=config(STORE_ID="limited")):
        cache, many = caches["default"], {str(number): number for number in range(100)}
        cache.set("first", 1)

        assert queries(lambda: cache.set_many(many)) == ["INSERT"] * 12
        assert queries(lambda: cache.get_many(many)) == ["SELECT"] * 3
        removed = queries(lambda: cache.delete_many(many))
        assert [word for word in removed if word == "DELETE"] == ["DELETE"] * 3
        assert cache.get_many(many) == {}


def test_rows_are_written_in_one_order(cache: Any) -> None:
    """So that no two writers hold a row each that the other one waits for."""
    with CaptureQueriesContext(connections["disk"]) as captured:
        cache.set_many({str(number): number for number in range(50)})
    names = re.findall("'([0-9a-f]{64})'", captured.captured_queries[-1]["sql"])

    assert len(names) == 50
    assert names == sorted(names)


def test_a_flush_by_another_process_reaches_this_one(cache: Any) -> None:
    cache.set("a", 1)
    another_process().table.clear()

    assert cache.get("a") is None


def test_what_is_set_after_a_flush_by_another_process_is_there(cache: Any) -> None:
    cache.set("a", 1)
    another_process().table.clear()

    assert queries(lambda: cache.set("a", 2)) == ["INSERT", "SELECT", "INSERT"]
    assert cache.get("a") == 2


def test_a_value_computed_before_a_flush_does_not_take_a_newer_ones_place(cache: Any) -> None:
    def make() -> str:
        cache.clear()
        cache.set("a", "newer")
        return "older"

    assert facade.remember("a", 60, make) == "older"
    assert cache.get("a") == "newer"


def test_a_value_computed_before_a_flush_is_dropped_without_a_word(cache: Any, look: Look) -> None:
    cache.set("a", "newer")
    past = Operation("write", Kind.WRITE, ("a",), values={"a": "older"}, stamp=Stamp(12345, {}))

    assert run_now(driver_of().perform(BLOCKING, past)) == set()
    assert cache.get("a") == "newer"


def test_a_value_computed_after_a_read_that_failed_is_not_stored(cache: Any) -> None:
    op = Operation("write", Kind.WRITE, ("a",), values={"a": 1}, stamp=LOST)

    assert run_now(driver_of().perform(BLOCKING, op)) == {"a"}
    assert cache.get("a") is None


def test_rows_put_back_after_a_flush_stay_dead(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    cache.set("b", 1)
    saved = look.entries()
    cache.clear()
    assert look.count() == 0
    for row in saved:
        look("INSERT INTO cache (space, name, value, expires, number) VALUES (?, ?, ?, ?, ?)", *row)

    assert look.count() == 2
    assert cache.get_many(["a", "b"]) == {}
    look("DELETE FROM cache WHERE name = 'epoch'")
    assert cache.get_many(["a", "b"]) == {}
    cache.set("a", 2)
    assert cache.get_many(["a", "b"]) == {"a": 2}


def test_every_flush_makes_an_epoch_that_never_was(cache: Any, look: Look) -> None:
    seen = set()
    for _ in range(3):
        cache.clear()
        seen.add(look("SELECT value FROM cache WHERE name = 'epoch'")[0][0])

    assert {len(value) for value in seen} == {8}
    assert len(seen) == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE cache SET value = substr(value, 1, 20) WHERE name <> 'epoch'",
        "UPDATE cache SET value = x'' WHERE name <> 'epoch'",
        "UPDATE cache SET value = 'text' WHERE name <> 'epoch'",
        "UPDATE cache SET value = 12 WHERE name <> 'epoch'",
        "UPDATE cache SET value = CAST(x'ff' AS TEXT) WHERE name <> 'epoch'",
        "UPDATE cache SET value = CAST(substr(value, 1, length(value) - 1) || 'x' AS BLOB)"
        " WHERE name <> 'epoch'",
    ],
)
@only["sqlite"]
def test_a_damaged_row_is_a_miss_and_counted(cache: Any, look: Look, damage: str) -> None:
    cache.set("a", 1)
    look(damage)
    before = sum(driver_of().unreadable.values())

    assert cache.get("a", "a miss") == "a miss"
    assert sum(driver_of().unreadable.values()) == before + 1
    assert cache.add("a", 2) is True
    assert cache.get("a") == 2


@pytest.mark.parametrize("damage", ["substr(value, 1, 20)", "'text'", "''"])
@only["servers"]
def test_a_damaged_row_of_a_server_is_a_miss_too(cache: Any, look: Look, damage: str) -> None:
    cache.set("a", 1)
    look(f"UPDATE cache SET value = {damage} WHERE name <> 'epoch'")  # noqa: S608  # a test's own

    assert cache.get("a", "a miss") == "a miss"
    assert cache.add("a", 2) is True
    assert cache.get("a") == 2


@pytest.mark.parametrize("number", ["5", "NULL", "0", "-1"])
def test_a_number_that_somebody_put_there(cache: Any, look: Look, number: str) -> None:
    """Who can write to a table that is not sealed can change what was counted, and nothing else."""
    cache.set_many({"value": "text", "n": 41, "set": 7})
    cache.incr("n")
    look(f"UPDATE cache SET number = {number} WHERE name <> 'epoch'")  # noqa: S608  # a test's own

    assert cache.get("value", "a miss") == ("text" if number == "NULL" else "a miss")
    assert cache.get("n", "a miss") == ("a miss" if number == "NULL" else int(number))
    assert cache.get("set", "a miss") == (7 if number == "NULL" else "a miss")
    assert facade.increment("n", initial=100) == (101 if number == "NULL" else int(number) + 1)
    cache.set("value", 1)
    assert cache.get("value") == 1


@only["sqlite"]
def test_a_number_that_is_none(cache: Any, look: Look) -> None:
    cache.set("n", 1)
    cache.incr("n")
    look("UPDATE cache SET number = 'text' WHERE name <> 'epoch'")

    assert cache.get("n") is None
    assert facade.increment("n") == 1


def test_a_row_under_anothers_name_is_a_miss(cache: Any, look: Look) -> None:
    cache.set("alice", "her secret")
    (hers,) = look.entries()
    cache.set("bob", "his own")
    look("UPDATE cache SET value = ? WHERE name NOT IN (?, 'epoch')", hers[2], hers[1])

    assert cache.get("alice") == "her secret"
    assert cache.get("bob") is None


def test_an_expiry_that_was_edited_gives_no_more_life(cache: Any, look: Look, clock: Clock) -> None:
    cache.set("a", 1, 10)
    look("UPDATE cache SET expires = NULL")
    clock.advance(11)

    assert cache.get("a") is None


def test_a_pickle_that_was_put_there_is_not_loaded(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    look("UPDATE cache SET value = ? WHERE name <> 'epoch'", pickle.dumps(Trap()))

    assert cache.get("a") is None


class Trap:
    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle from the table was loaded",)


@pytest.mark.parametrize("epoch", [b"", b"short", "text", b"\0" * 8, b"x" * 40, b"12345678", 5])
@pytest.mark.parametrize("verb", ["set", "add", "get_or_set"])
def test_a_damaged_epoch_is_as_a_flush(cache: Any, look: Look, epoch: Any, verb: str) -> None:
    cache.set("a", 1)
    if look.vendor != "sqlite" and not isinstance(epoch, bytes):
        epoch = b"bytes of another length"  # all others keep bytes in a column of bytes
    look("UPDATE cache SET value = ? WHERE name = 'epoch'", epoch)

    assert cache.get("a") is None
    getattr(cache, verb)("a", 2)
    assert cache.get("a") == 2


def test_rows_of_somebody_else_are_passed_over(cache: Any, look: Look) -> None:
    cache.set("a", 1)
    space = look.entries()[0][0]
    for name in ("", "zz", "0" * 62, "Z" * 64, "F" * 64, "aa " * 20):
        look("INSERT INTO cache VALUES (?, ?, 'text', NULL, NULL)", space, name)
    if look.vendor == "sqlite":
        look("INSERT INTO cache VALUES (?, ?, 'text', NULL, NULL)", space, "ff" * 40)
        odd = "INSERT INTO cache VALUES (?, CAST(zeroblob(30) || x'ff' AS TEXT), x'', NULL, NULL)"
        look(odd, space)

    assert list(facade.keys()) == ["a"]
    assert len(list(driver_of().table.scan())) == 1


def test_entries_are_sealed_anew_under_another_key(look: Look) -> None:
    old = config(STORE_ID="turn", ENCRYPTION_KEYS=[KEY], INDEX_KEY=INDEX_KEY)
    new = config(STORE_ID="turn", ENCRYPTION_KEYS=[OTHER_KEY, KEY], INDEX_KEY=INDEX_KEY)
    with tables(default=old):
        caches["default"].set_many({f"k{number}": number for number in range(250)})
    with tables(default=new):
        assert [turn.outcome for turn in rotate(driver_of())] == ["resealed"]
        assert [turn.outcome for turn in rotate(driver_of())] == ["current"]
        assert caches["default"].get("k249") == 249


def test_two_prefixes_in_one_table(look: Look) -> None:
    one, two = (config(KEY_PREFIX=prefix, STORE_ID="same") for prefix in ("one", "two"))
    with tables(default=one, other=two):
        caches["default"].set("a", 1)
        caches["other"].set("a", 2)
        assert (caches["default"].get("a"), caches["other"].get("a")) == (1, 2)
        caches["default"].clear()

        assert (caches["default"].get("a"), caches["other"].get("a")) == (None, 2)
        assert caches["other"].incr("a") == 3
        assert list(facade.store("other").keys()) == ["a"]
        assert list(facade.store("default").keys()) == []


def test_aliases_with_one_store_id_share_their_entries(look: Look) -> None:
    with tables(default=config(STORE_ID="x"), same=config(STORE_ID="x"), other=config()):
        caches["default"].set("a", 1)

        assert (caches["same"].get("a"), caches["other"].get("a")) == (1, None)
        caches["same"].clear()
        assert caches["default"].get("a") is None


@pytest.mark.parametrize("key", [HOSTILE, "%s", "%(a)s", "a" * 5000, "null\0byte", "\ud800", "é☃"])
@pytest.mark.filterwarnings("ignore::django.core.cache.CacheKeyWarning")
def test_any_text_is_a_key(cache: Any, key: str) -> None:
    cache.set("bystander", 1)
    facade.put(key, 1)

    assert facade.increment(key) == 2
    assert key in list(facade.keys())
    assert facade.forget(key) is True
    assert cache.get("bystander") == 1


@pytest.mark.parametrize(
    "table", [HOSTILE, "100% of (it)", "%s", "%(name)s %%", "select", "with space", "tábla"]
)
def test_any_text_without_quotes_is_a_table(look: Look, table: str) -> None:
    with tables(default=config(), hostile=config(table, TIMEOUT=None)):
        caches["default"].set("bystander", 1)
        hostile = caches["hostile"]
        hostile.set_many({"a": 1, "b": 2})
        hostile.incr("a")
        hostile.delete("b")
        driver_of("hostile").table.prune()

        assert hostile.get_many(["a", "b"]) == {"a": 2}
        assert [key for key in facade.store("hostile").keys()] == ["a"]  # noqa: C416, SIM118
        hostile.clear()
        assert caches["default"].get("bystander") == 1


@pytest.mark.parametrize("table", ["", 'a"b', "a`b", "a\0b"])
def test_no_table_is_told_with_the_alias(look: Look, table: str) -> None:
    with (
        override_settings(CACHES={"default": config(table)}),
        pytest.raises(Misconfigured, match=r"CACHES\['default'\].*LOCATION"),
    ):
        caches["default"].get("a")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"MAX_ENTRIES": 0}, "MAX_ENTRIES is a whole number"),
        ({"MAX_BYTES": "1 MB"}, "MAX_BYTES is a whole number"),
        ({"database": "nowhere"}, "DATABASE names 'nowhere'"),
        ({"ENCRYPTION_KEYS": ["short"]}, "ENCRYPTION_KEYS"),
    ],
)
def test_a_wrong_option_is_told(look: Look, options: dict[str, Any], told: str) -> None:
    with (
        override_settings(CACHES={"default": config(**options)}),
        pytest.raises(Misconfigured, match=told),
    ):
        caches["default"].get("a")


@pytest.mark.parametrize("sealed", [True, False])
def test_what_the_table_tells(look: Look, sealed: bool) -> None:
    keys = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY} if sealed else {}
    with tables(default=config(KEY_PREFIX="prefix-of-mine", STORE_ID="store-of-mine", **keys)):
        facade.tags("tag-of-mine").put("key-of-mine", {"value-of-mine": 1}, 60)
        assert facade.get("key-of-mine") == {"value-of-mine": 1}
        raw = look.raw()

    assert (b"value-of-mine" in raw) is not sealed
    assert (b"key-of-mine" in raw) is not sealed
    assert (b"tag-of-mine" in raw) is not sealed
    assert b"prefix-of-mine" not in raw
    assert b"store-of-mine" not in raw


def test_an_update_that_never_wins_says_so(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_cachekit.backends.sql.table.TRIES", 5)
    cache.set("n", 1)
    name = driver_of().entries.name("n", None)
    another = another_process()

    rivals = itertools.count()

    def change(data: Any, epoch: int) -> Any:
        cache.set("n", next(rivals))
        entry = another.entries.entry(0, Operation("incr", Kind.ATOMIC, ("n",)))
        return another.entries.blob(name, "n", entry, epoch), None

    with pytest.raises(StoreUnavailable, match="times in a row"):
        another.table.update(name, change)
