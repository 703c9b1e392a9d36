"""Tags found while computing, soft and joint flushes, namespaces: what tags can besides."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ...core import clock as time
from ...core.faces import BLOCKING, run_now
from ...core.operation import FLUSHES, Kind, Operation
from ..clock import Clock
from ..faced import Faced


def finding(*names: str, value: Any = 1, meanwhile: Callable[[], Any] | None = None) -> Any:
    """Return what computes a value that turns out to bear ``names``."""

    def make(entry: Any) -> Any:
        if meanwhile is not None:
            meanwhile()
        entry.tags.add(*names)
        return value

    return make


def evict(store: Faced, record: Any) -> None:
    """Lose a record, as a store that is full does."""
    driver = store.repository._home.stack().driver
    run_now(driver.perform(BLOCKING, Operation("delete", Kind.WRITE, (record,))))


# Tags found while computing


def test_tags_found_while_computing(store: Faced) -> None:
    make = store.callback(finding("a", "b"))
    assert store.remember("key", 60, make) == 1
    assert store.get("key") == 1
    assert store.tags("a", "b").get("key") == 1
    store.tags("b").flush()
    assert store.get("key") is None


def test_found_tags_join_the_declared_ones(store: Faced) -> None:
    assert store.tags("a").remember("key", 60, store.callback(finding("b"))) == 1
    assert store.tags("a", "b").get("key") == 1
    store.tags("a").flush()
    assert store.get("key") is None


def test_a_flush_of_a_tag_that_is_yet_to_be_found_wins(store: Faced) -> None:
    overtaken = finding("t", meanwhile=store.repository.tags("t").flush)
    assert store.remember("key", 60, store.callback(overtaken)) == 1
    assert store.get("key") is None
    # The second time the process knows what it will find, and has it in its stamp.
    assert store.remember("key", 60, store.callback(finding("t"))) == 1
    assert store.remember("key", 60, store.callback(overtaken)) == 1
    store.forget("key")
    assert store.remember("key", 60, store.callback(overtaken)) == 1
    assert store.get("key") is None


@pytest.mark.parametrize("verb", ["expire", "all"])
def test_so_do_soft_and_joint_flushes(store: Faced, verb: str) -> None:
    scope = store.repository.tags("t", "u")
    flush = scope.expire if verb == "expire" else lambda: scope.flush(match="all")
    overtaken = finding("t", "u", meanwhile=flush)
    assert store.remember("key", 60, store.callback(overtaken)) == 1
    assert store.get("key") is None


def test_no_number_of_flushes_is_no_excuse(store: Faced) -> None:
    def lose() -> None:
        store.repository.tags("t").flush()
        evict(store, FLUSHES)

    assert store.remember("key", 60, store.callback(finding("t", meanwhile=lose))) == 1
    assert store.get("key") is None


def test_tags_come_from_whatever_gives_them_one_by_one(store: Faced) -> None:
    def make(entry: Any) -> int:
        entry.tags.add(f"p:{number}" for number in range(3))
        entry.tags.add({"d": 1}.keys(), {"s"})
        return 1

    assert store.remember("key", 60, store.callback(make)) == 1
    assert store.tags("p:1", "p:2", "d", "s").get("key") == 1
    with pytest.raises(TypeError, match="bytes"):
        store.repository.tags(b"t")


# Every verb in a scope


def test_every_verb_in_a_scope_of_tags(store: Faced) -> None:
    scope = store.tags("t")
    assert scope.put_many({"a": 1, "b": 2}, 60) is True
    assert scope.many(["a", "b", "c"]) == {"a": 1, "b": 2, "c": None}
    assert scope.get_many(["a", "c"]) == {"a": 1}
    assert scope.set_many({"c": 3}, 60) == []
    assert scope.add("d", 4, 60) is True
    assert scope.add("d", 5, 60) is False
    assert scope.get_or_set("e", 5, 60) == 5
    assert scope.remember_forever("f", lambda: 6) == 6
    assert scope.pull("a") == 1
    assert store.tags("u").pull("b", "not of u") == "not of u"
    assert scope.integer("b") == 2
    assert scope.touch("b", 60) is True
    assert scope.forget("c") is True
    store.tags("t").flush()
    assert store.many(list("abcdef")) == dict.fromkeys("abcdef")


def test_another_list_of_tags_is_a_miss_and_takes_its_place(store: Faced) -> None:
    assert store.tags("a", "b").remember("key", 60, lambda: "ab") == "ab"
    assert store.tags("a").remember("key", 60, lambda: "a") == "ab"
    assert store.tags("a", "c").remember("key", 60, lambda: "ac") == "ac"
    assert store.tags("a", "b").get("key") is None
    store.tags("b").flush()
    assert store.get("key") == "ac"
    store.tags("c").flush()
    assert store.get("key") is None


# Soft flushes


def test_what_has_expired_is_gone_for_all_but_flexible(store: Faced) -> None:
    store.tags("t").put("key", 1, 600)
    assert store.tags("t").expire() is None
    assert store.get("key") is None
    assert store.many(["key"]) == {"key": None}
    assert store.has("key") is False
    assert store.tags("t").remember("key", 60, lambda: 2) == 2
    assert store.get("key") == 2


def test_flexible_serves_it_once_more_while_it_is_computed_anew(store: Faced, able: Any) -> None:
    able("threads")
    store.tags("t").put("key", "old", 600)
    store.tags("t").expire()
    done = threading.Event()

    def make() -> str:
        done.set()
        return "new"

    scope = store.repository.tags("t")  # blocking: an awaited one ends with its loop
    assert scope.flexible("key", (60, 600), make) == "old"
    assert done.wait(10)
    assert eventually(lambda: scope.get("key") == "new")
    assert scope.flexible("key", (60, 600), make) == "new"


def test_a_flush_is_never_softened(store: Faced) -> None:
    store.tags("t").put("key", "old", 600)
    store.tags("t").flush()
    store.tags("t").expire()
    assert store.tags("t").flexible("key", (60, 600), lambda: "new") == "new"
    store.tags("t").put("key", "old", 600)
    store.tags("t").expire()
    store.tags("t").flush()
    assert store.tags("t").flexible("key", (60, 600), lambda: "newer") == "newer"


def test_an_expiry_while_computing_counts(store: Faced) -> None:
    def overtaken() -> str:
        store.repository.tags("t").expire()
        return "old"

    assert store.tags("t").remember("key", 60, store.callback(overtaken)) == "old"
    assert store.get("key") is None


def test_what_is_stale_takes_part_in_nothing(store: Faced) -> None:
    def stale(key: str) -> str:
        store.tags("t").put(key, 1, 60)
        store.tags("t").expire()
        return key

    assert store.add(stale("a"), 2, 60) is True
    assert store.touch(stale("b"), 60) is False
    assert store.pull(stale("c"), "gone") == "gone"
    assert store.get_or_set(stale("d"), 5, 60) == 5


# Flexible


def test_flexible_computes_what_is_not_there(store: Faced) -> None:
    assert store.tags("t").flexible("key", (60, 600), lambda: 1) == 1
    assert store.flexible("key", (60, 600), lambda: 2) == 1
    store.tags("t").flush()
    assert store.flexible("key", (60, 600), lambda: 3) == 3


def test_flexible_serves_what_is_old_and_computes_anew(
    store: Faced, able: Any, clock: Clock
) -> None:
    able("threads")
    scope = store.repository.tags("t")
    assert scope.flexible("key", (60, 600), lambda: "first") == "first"
    clock.advance(61)
    assert scope.get("key") == "first"
    assert scope.flexible("key", (60, 600), lambda: "second") == "first"
    assert eventually(lambda: scope.get("key") == "second")
    clock.advance(601)
    assert scope.flexible("key", (60, 600), lambda: "third") == "third"


@pytest.mark.parametrize("ttl", [60, None, (60,), (600, 60), (None, 60)])
def test_flexible_wants_two_ages(store: Faced, ttl: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="fresh"):
        store.flexible("key", ttl, lambda: 1)


# Flushes of all


def test_a_joint_flush_takes_what_bears_all(store: Faced) -> None:
    for key, tags in {"ab": "ab", "abc": "abc", "a": "a", "b": "b", "ac": "ac"}.items():
        store.tags(*tags).put(key, 1, 60)
    assert store.tags("a", "b").flush(match="all") is None
    left = {key for key, value in store.many(["ab", "abc", "a", "b", "ac"]).items() if value}
    assert left == {"a", "b", "ac"}
    store.tags("a", "b").put("ab", 2, 60)
    assert store.get("ab") == 2


def test_joint_flushes_one_after_the_other(store: Faced) -> None:
    store.tags("a", "b").put("ab", 1, 60)
    store.tags("a", "b").flush(match="all")
    store.tags("a", "b", "c").flush(match="all")  # which names more, and hides the first
    assert store.get("ab") is None


def test_of_three_tags_two_are_not_all(store: Faced, plain: Any) -> None:
    if not hasattr(plain, "cachekit_driver"):
        pytest.skip("on a backend that is not ours two of the tags are enough")
    if "beside" in str(getattr(plain, "options", {})):
        pytest.skip("it may lie over one that is not ours")
    store.tags("a", "b").put("ab", 1, 60)
    store.tags("a", "b", "c").flush(match="all")
    assert store.get("ab") == 1


def test_a_joint_flush_of_one_tag_is_a_flush(store: Faced) -> None:
    store.tags("a").put("a", 1, 60)
    store.tags("a", "a").flush(match="all")
    assert store.get("a") is None


def test_a_joint_flush_while_computing_wins(store: Faced) -> None:
    def overtaken() -> str:
        store.repository.tags("a", "b").flush(match="all")
        return "old"

    assert store.tags("a", "b").remember("key", 60, store.callback(overtaken)) == "old"
    assert store.get("key") is None


def test_how_to_match_is_checked(store: Faced) -> None:
    with pytest.raises(ValueError, match="match is"):
        store.tags("a").flush(match="some")


# Namespaces


def test_a_namespace_keeps_keys_apart(store: Faced) -> None:
    people = Faced(store.repository.tags("people", namespace=True), store.face)
    artists = Faced(store.repository.tags("people", "artists", namespace=True), store.face)
    store.put("john", "plain", 60)
    people.put("john", "person", 60)
    artists.put("john", "artist", 60)
    assert [store.get("john"), people.get("john"), artists.get("john")] == [
        "plain",
        "person",
        "artist",
    ]
    assert people.many(["john", "jane"]) == {"john": "person", "jane": None}
    assert store.tags("people").get("john") is None
    assert people.forget("john") is True
    assert [store.get("john"), people.get("john"), artists.get("john")] == ["plain", None, "artist"]
    store.tags("people").flush()
    assert [store.get("john"), artists.get("john")] == ["plain", None]


def test_a_namespace_has_every_verb(store: Faced) -> None:
    space = Faced(store.repository.tags("a", namespace=True), store.face)
    assert space.remember("key", 60, lambda: 1) == 1
    assert space.remember("key", 60, lambda: 2) == 1
    assert space.add("key", 3, 60) is False
    assert space.touch("key", 60) is True
    assert space.remember_many(["key", "x"], 60, lambda keys: dict.fromkeys(keys, 9)) == {
        "key": 1,
        "x": 9,
    }
    assert space.put_many({"y": 1, "z": 2}, 60) is True
    assert space.get_many(["y", "z", "q"]) == {"y": 1, "z": 2}
    assert space.pull("key") == 1
    assert store.many(["key", "x", "y", "z"]) == dict.fromkeys(("key", "x", "y", "z"))
    nested = Faced(store.repository.tags("a", namespace=True).tags("b"), store.face)
    assert nested.get("x") is None
    space.flush()
    assert space.many(["x", "y", "z"]) == dict.fromkeys(("x", "y", "z"))


def test_a_namespaces_name_tells_its_tags_apart(store: Faced) -> None:
    store.repository.tags("ab", "c", namespace=True).put("key", 1, 60)
    assert store.repository.tags("a", "bc", namespace=True).get("key") is None


# Forgetting what is being computed


def test_forgetting_is_not_undone_by_a_late_write(store: Faced) -> None:
    def make() -> str:
        store.repository.forget("key")
        return "old"

    assert store.remember("key", 60, store.callback(make)) == "old"
    assert store.get("key") is None
    assert store.remember("key", 60, lambda: "new") == "new"
    assert store.get("key") == "new"


def test_nor_by_that_of_another_process(store: Faced) -> None:
    driver = store.repository._home.stack().driver

    def make() -> str:
        # By the driver: as another process would, of which this one's flights know nothing.
        if driver.shared:
            run_now(driver.perform(BLOCKING, Operation("delete", Kind.WRITE, ("key",))))
        else:
            store.repository.forget("key")
        return "old"

    assert store.remember("key", 60, store.callback(make)) == "old"
    assert store.get("key") is None
    assert store.tags("t").remember("key", 60, store.callback(make)) == "old"
    assert store.get("key") is None


def test_a_refresh_keeps_the_old_value_until_it_is_done(store: Faced) -> None:
    seen: list[Any] = []

    def make() -> str:
        seen.append(store.repository.get("key"))
        return "new"

    store.put("key", "old", 60)
    assert store.refresh("key", 60, store.callback(make)) == "new"
    assert seen == ["old"]
    assert store.get("key") == "new"
    assert store.touch("key", 60) is True


def test_forgetting_during_a_refresh_is_not_undone(store: Faced) -> None:
    def make() -> str:
        store.repository.forget("key")
        return "new"

    store.put("key", "old", 60)
    assert store.refresh("key", 60, store.callback(make)) == "new"
    assert store.get("key") is None


def test_what_is_put_while_it_is_computed_stays(store: Faced, plain: Any) -> None:
    if not hasattr(plain, "cachekit_driver") or not plain.cachekit_driver.shared:
        pytest.skip("only our stores that processes share can tell")
    if "beside" in str(getattr(plain, "options", {})):
        pytest.skip("it may lie over one that is not ours")

    def make() -> str:
        store.repository.put("key", "put", 60)
        return "computed"

    assert store.remember("key", 60, store.callback(make)) == "computed"
    assert store.get("key") == "put"


def test_a_refresh_may_remember_its_own_key(store: Faced) -> None:
    def make() -> str:
        return f"outer of {store.repository.remember('key', 60, lambda: 'inner')}"

    assert store.refresh("key", 60, store.callback(make)) == "outer of inner"
    assert store.get("key") == "outer of inner"


def test_who_waits_in_another_scope_computes_for_it(store: Faced, able: Any) -> None:
    able("threads")
    begun, go = threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        go.wait(10)
        return "of a"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.repository.tags("a").remember, "key", 60, make)
        assert begun.wait(10)
        second = pool.submit(store.repository.tags("b").remember, "key", 60, lambda: "of b")
        go.set()
        assert (first.result(20), second.result(20)) == ("of a", "of b")
    assert store.tags("b").get("key") == "of b"


def test_a_computation_that_fails_loses_nothing(store: Faced) -> None:
    def fail() -> None:
        raise LookupError("no such row")

    store.tags("a").put("key", 1, 60)
    with pytest.raises(LookupError):
        store.tags("b").remember("key", 60, store.callback(fail))
    assert store.get("key") == 1


def test_a_computation_that_fails_leaves_no_claim(store: Faced) -> None:
    def fail() -> None:
        raise LookupError("no such row")

    with pytest.raises(LookupError):
        store.remember("key", 60, store.callback(fail))
    assert store.has("key") is False
    assert store.remember("key", 60, lambda: 1) == 1


def test_a_claim_is_no_value(store: Faced, able: Any) -> None:
    able("threads")
    begun, go = threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        go.wait(10)
        return "value"

    with ThreadPoolExecutor(1) as pool:
        computing = pool.submit(store.repository.remember, "key", 60, make)
        try:
            assert begun.wait(10)
            assert store.get("key") is None
            assert store.many(["key"]) == {"key": None}
            assert store.has("key") is False
            assert store.touch("key", 60) is False
        finally:
            go.set()
        assert computing.result(10) == "value"
    assert store.get("key") == "value"


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait up to ten seconds for what others do behind one's back."""
    until = time.monotonic() + 10
    while not holds():
        if time.monotonic() > until:
            return False
        threading.Event().wait(0.01)
    return True
