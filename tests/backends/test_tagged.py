"""A ``TaggedCache`` with a prefix: its tags lie apart, and the alias underneath judges by them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.cache import caches
from django.db import transaction
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.backends.tagged import Led
from django_cachekit.core.entry import Entry
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation, Reply, tag_record
from django_cachekit.testing.background import wait_for_background
from django_cachekit.testing.faced import Faced
from tests.placing import placed
from tests.stores import BY_NAME, OURS

ABLE = ["array", "file", "database", "redis", "memcached"]
STORES = [*ABLE, "locmem"]


def over(prefix: str) -> dict[str, Any]:
    """Configure an alias over the default one."""
    options = {"STORE": "default"}
    return {"BACKEND": OURS + "tagged.TaggedCache", "KEY_PREFIX": prefix, "OPTIONS": options}


@pytest.fixture(params=STORES)
def under(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Have two aliases of different prefixes, and one of none, over one store."""
    with placed(BY_NAME[request.param], request, tmp_path):
        stores = {"shop": over("shop"), "blog": over("blog"), "bare": over("")}
        with override_settings(CACHES={**settings.CACHES, **stores}):
            yield request.param


@pytest.fixture(params=["sync", "async"])
def shop(under: str, request: pytest.FixtureRequest) -> Faced:
    return Faced(cache.store("shop"), request.param)


def plain(store: Faced, key: str) -> Any:
    """Read as plain Django does."""
    one = caches["shop"]
    return one.get(key) if store.face == "sync" else async_to_sync(one.aget)(key)


def found(key: str, hunch: int) -> dict[Any, Any]:
    """Read below the layers, the store being more or less sure that what is there bears tags."""
    driver: Any = cache.store("shop")._home.stack().driver
    driver.inner.hunch = hunch
    if driver.inner.guesses is not None:
        driver.inner.guesses.clear()
    reply = run_now(driver.perform(BLOCKING, Operation("read", Kind.READ, (key,))))
    return dict(reply.values)


def computing(value: Any, made: list[Any], *tags: str) -> Any:
    """Return what computes a value, notes that it did, and finds tags."""

    def make(entry: Any) -> Any:
        made.append(value)
        entry.tags.add(*tags)
        return value

    return make


def test_a_tagged_entry_is_served_until_its_flush(shop: Faced) -> None:
    assert shop.tags("t").put("tea", "Assam", 60) is True
    assert shop.get("tea") == plain(shop, "tea") == shop.tags("t").get("tea") == "Assam"
    assert shop.many(["tea", "milk"]) == {"tea": "Assam", "milk": None}
    assert shop.has("tea") is True
    assert shop.tags("other").get("tea") is None
    shop.tags("t").flush()
    assert shop.get("tea") is plain(shop, "tea") is None


def test_one_computation_with_tags_named_and_found(shop: Faced) -> None:
    made = list[Any]()
    for _ in range(2):
        make = shop.callback(computing(1, made, "found"))
        assert shop.tags("t").remember("tea", 60, make) == 1
    assert made == [1]
    assert shop.tags("t", "found").get("tea") == 1
    shop.tags("found").flush()
    assert shop.tags("t").remember("tea", 60, lambda: 2) == 2


def test_a_flush_while_it_is_computed_is_not_undone(shop: Faced) -> None:
    def late() -> str:
        cache.store("shop").tags("t").flush()
        return "old"

    assert shop.tags("t").remember("tea", 60, shop.callback(late)) == "old"
    assert shop.get("tea") is plain(shop, "tea") is None


def test_an_expired_tag_is_served_once_more(shop: Faced, under: str) -> None:
    shop.tags("t").put("tea", "old", 600)
    shop.tags("t").expire()
    assert shop.get("tea") is None
    scope = cache.store("shop").tags("t")  # blocking: an awaited one ends with its loop
    if under == "database":
        return  # what is computed behind is another connection's
    assert scope.flexible("tea", (60, 600), lambda: "new") == "old"
    wait_for_background(10)
    assert shop.get("tea") == "new"


def test_pull_takes_what_bears_the_tags(shop: Faced) -> None:
    shop.tags("t").put("tea", 1, 60)
    assert shop.tags("u").pull("tea") is None
    assert shop.tags("t").pull("tea") == 1
    shop.tags("t").put("tea", 2, 60)
    assert shop.pull("tea") == 2
    assert shop.get("tea") is None
    shop.tags("t").put("tea", 3, 60)
    shop.tags("t").flush()
    assert shop.pull("tea", "gone") == "gone"


def test_a_touch_leaves_it_alive(shop: Faced) -> None:
    shop.tags("t").put("tea", 1, 60)
    assert shop.touch("tea", 600) is True
    assert shop.get("tea") == 1
    shop.tags("t").flush()
    assert shop.touch("tea", 600) is False


def test_an_add_stands_back_for_what_is_alive(shop: Faced) -> None:
    assert shop.tags("t").add("tea", 1, 60) is True
    assert shop.tags("t").add("tea", 2, 60) is False
    shop.tags("t").flush()
    assert shop.add("tea", 3, 60) is True


def test_a_joint_flush_takes_what_bears_all(shop: Faced) -> None:
    shop.tags("a").put("one", 1, 60)
    shop.tags("a", "b").put("both", 2, 60)
    shop.tags("a", "b").flush(match="all")
    assert shop.many(["one", "both"]) == {"one": 1, "both": None}


def test_a_namespace_is_one_of_this_alias(shop: Faced) -> None:
    space = Faced(shop.repository.tags("a", namespace=True), shop.face)
    assert space.remember("tea", 60, lambda: 1) == space.get("tea") == 1
    assert shop.get("tea") is None
    shop.tags("a").flush()
    assert space.get("tea") is None


@pytest.mark.parametrize("under", ABLE, indirect=True)
def test_a_counter_goes_on_until_its_flush(shop: Faced) -> None:
    for number in (1, 2):
        assert shop.tags("t").increment("n") == number
    assert shop.increment("n") == 3
    assert shop.get("n") == 3
    shop.tags("t").flush()
    assert shop.tags("t").increment("n") == 1


@pytest.mark.parametrize("under", ABLE, indirect=True)
def test_cas_keeps_the_tags(shop: Faced) -> None:
    def more(n: int | None) -> int:
        return (n or 0) + 1

    assert shop.tags("t").cas("n", more) == 1
    assert shop.tags("t").cas("n", more) == 2
    assert shop.cas("n", more) == 3
    assert shop.tags("t").get("n") == 3
    shop.tags("t").flush()
    assert shop.cas("n", more) == 1


def test_what_is_flushed_elsewhere_stays_here(shop: Faced) -> None:
    aliases = [cache.store(name) for name in ("shop", "blog", "default")]
    for store in aliases:
        for turn in aliases:
            turn.tags("t").put("tea", turn.alias, 60)
        store.tags("t").flush()
        left = [turn.get("tea") for turn in aliases]
        assert left == [None if turn is store else turn.alias for turn in aliases]


@pytest.mark.parametrize("under", ["array", "file", "database"], indirect=True)
def test_the_alias_underneath_removes_only_what_is_dead(shop: Faced) -> None:
    shop.tags("t").put_many({"tea": 1, "milk": 2}, 60)
    cache.store("default").prune()
    assert shop.many(["tea", "milk"]) == {"tea": 1, "milk": 2}


@pytest.mark.parametrize("alias", ["shop", "bare"])
def test_records_that_come_along_uncalled_for(under: str, alias: str) -> None:
    """A server that looks for the tags of one cold key answers with their records too."""
    store = cache.store(alias)
    driver = store._home.stack().driver
    keys = [f"key {n}" for n in range(12)]
    for key in keys:
        store.tags("t").put(key, key, 60)
    if driver.guesses is not None:
        driver.guesses.clear()
    for key in keys:
        assert store.get(key) == key
        if driver.guesses is not None:
            driver.guesses.clear()
    store.tags("t").flush()
    assert store.get(keys[0]) is None


@pytest.mark.parametrize("hunch", [0, 8])
def test_what_another_put_here_under_tags_of_its_own_is_not_of_this_alias(
    under: str, hunch: int
) -> None:
    inner = cache.store("default")
    inner.tags("other", "shop:t").put("shop:1:tea", 1, 60)
    assert found("tea", hunch).keys() <= {tag_record("t")}
    assert cache.store("shop").get("tea") is None


@pytest.mark.parametrize("under", ["array", "file", "redis"], indirect=True)
def test_the_index_underneath_has_the_tag_by_its_whole_name(under: str) -> None:
    caches_now: dict[str, Any] = dict(settings.CACHES)
    options = {**caches_now["default"].get("OPTIONS", {}), "TAG_INDEX": True}
    caches_now["default"] = {**caches_now["default"], "OPTIONS": options}
    with override_settings(CACHES=caches_now):
        cache.store("shop").tags("t").put("tea", 1, 60)
        inner = cache.store("default")
        assert list(inner.tags("shop:t").keys()) == ["shop:1:tea"]
        assert list(inner.tags("t").keys()) == []


@pytest.mark.parametrize("under", ["redis"], indirect=True)
def test_a_record_that_comes_along_is_that_of_the_tag(under: str) -> None:
    cache.store("shop").tags("t").put("tea", 1, 60)
    assert set(found("tea", 8)) == {"tea", tag_record("t")}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("under", ["array", "file"], indirect=True)
def test_cas_does_not_take_what_a_transaction_will_flush(shop: Faced) -> None:
    if shop.face == "async":
        return  # a transaction is of its thread
    shop.tags("t").put("n", 5, 60)
    with transaction.atomic():
        shop.tags("t").flush()
        assert shop.cas("n", int, default=1) == 1


def test_what_was_given_stays_as_it_was() -> None:
    entry = Entry("tea", 0.0, stamps={"t": b"mark"})
    op = Operation("write", Kind.WRITE, ("k",), values={"k": entry})
    under = Led("shop:").down(op).values["k"]
    assert (dict(under.stamps), dict(entry.stamps)) == ({"shop:t": b"mark"}, {"t": b"mark"})
    Led("shop:").up(Reply({"k": under}))
    assert dict(under.stamps) == {"shop:t": b"mark"}
