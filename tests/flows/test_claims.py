"""Claims: what a late write, a renewal and those who wait may do when the claim is gone."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import MISSING, UNSURE, Kind, Operation
from django_cachekit.errors import StoreUnavailable
from django_cachekit.flows import compute, compute_many, jobs, leases
from django_cachekit.layers.base import compose
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import BY_NAME

SHARED = ["file", "redis", "memcached", "postgresql", "django-file"]


@pytest.fixture(params=SHARED)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with placed(BY_NAME[request.param], request, tmp_path):
        yield request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def tell(verb: str, kind: Kind, key: str = "key", **more: Any) -> Any:
    """Speak to the store itself, as another process does."""
    driver = cache._home.stack().driver
    return run_now(driver.perform(BLOCKING, Operation(verb, kind, (key,), **more)))


def forget_elsewhere() -> None:
    tell("delete", Kind.WRITE)


def claim(token: bytes = b"t" * 16, match: str = "absent", ttl: float = 10) -> Any:
    return tell("claim", Kind.ATOMIC, token=token, match=match, ttl=ttl)


def test_a_claim_is_had_once(store: str) -> None:
    assert claim(b"a" * 16) is MISSING
    assert claim(b"b" * 16) is UNSURE
    assert cache.get("key") is None
    assert cache.add("key", 1, 60) is True


def test_what_is_there_needs_no_claim(store: str) -> None:
    cache.put("key", "there", 60)
    assert claim() == "there"
    assert cache.get("key") == "there"


def test_a_claim_over_a_value_leaves_it_readable(store: str) -> None:
    cache.put("key", "old", 60)
    assert claim(b"a" * 16, "present") is MISSING
    assert cache.get("key") == "old"
    assert claim(b"b" * 16, "present") is UNSURE
    assert claim(b"b" * 16, "taken") is MISSING
    late = tell("write", Kind.WRITE, values={"key": "a"}, token=b"a" * 16, ttl=60, stamp=stamp())
    assert late == {"key"}
    good = tell("write", Kind.WRITE, values={"key": "b"}, token=b"b" * 16, ttl=60, stamp=stamp())
    assert good == set()
    assert cache.get("key") == "b"


def test_a_claim_over_a_value_ends_with_its_time(store: str, clock: Clock) -> None:
    if store == "django-file":
        pytest.skip("its server keeps its own time")
    cache.put("key", "old", 600)
    assert claim(b"a" * 16, "present") is MISSING
    clock.advance(9)
    assert claim(b"b" * 16, "present") is UNSURE
    clock.advance(2)
    assert claim(b"b" * 16, "present") is MISSING
    assert cache.get("key") == "old"


def test_a_value_that_ends_before_the_claim_over_it_is_read_until_then(
    store: str, clock: Clock
) -> None:
    if store == "django-file":
        pytest.skip("its server keeps its own time")
    cache.put("key", "old", 5)
    assert claim(b"a" * 16, "present") is MISSING
    assert cache.get("key") == "old"
    assert cache.ttl("key") <= 5
    clock.advance(6)
    assert cache.get("key") is None
    assert claim(b"b" * 16) is UNSURE
    assert tell("delete", Kind.WRITE, token=b"a" * 16) == {"key"}
    assert claim(b"b" * 16) is MISSING


def test_a_claim_outlives_the_value_it_lies_over(store: str, clock: Clock) -> None:
    if store == "django-file":
        pytest.skip("its server keeps its own time")

    def make() -> str:
        clock.advance(6)
        return "new"

    cache.put("key", "old", 5)
    assert cache.refresh("key", 60, make) == "new"
    assert cache.get("key") == "new"
    cache.put("key", "old", 12)
    claim(b"a" * 16, "present")
    clock.advance(9)
    assert cache.get("key") == "old"
    assert tell("touch", Kind.WRITE, token=b"a" * 16, ttl=10) == {"key"}
    clock.advance(4)
    assert claim(b"b" * 16) is UNSURE


def test_a_claim_that_was_removed_is_not_brought_back_by_renewing_it(store: str) -> None:
    claim()
    assert tell("touch", Kind.WRITE, token=b"t" * 16, ttl=10) == {"key"}
    forget_elsewhere()
    assert tell("touch", Kind.WRITE, token=b"t" * 16, ttl=10) == set()
    assert claim(b"n" * 16) is MISSING


def test_a_claim_ends_with_its_time(store: str, clock: Clock) -> None:
    if store == "django-file":
        pytest.skip("its server keeps its own time")
    claim(b"a" * 16)
    clock.advance(9)
    assert claim(b"b" * 16) is UNSURE
    tell("touch", Kind.WRITE, token=b"a" * 16, ttl=10)
    clock.advance(9)
    assert claim(b"b" * 16) is UNSURE
    clock.advance(2)
    assert claim(b"b" * 16) is MISSING
    late = tell("write", Kind.WRITE, values={"key": "a"}, token=b"a" * 16, ttl=60, stamp=stamp())
    assert late == {"key"}


def test_a_claim_is_no_leave_to_write_what_was_computed_before_a_flush(store: str) -> None:
    claim()
    old = stamp()
    old.epoch = old.epoch + 4 if isinstance(old.epoch, int) else b"another!"
    late = tell("write", Kind.WRITE, values={"key": "old"}, token=b"t" * 16, ttl=60, stamp=old)
    assert late == {"key"}
    assert cache.get("key") is None


def test_giving_back_another_ones_claim_does_nothing(store: str) -> None:
    claim(b"a" * 16)
    assert tell("delete", Kind.WRITE, token=b"b" * 16) == set()
    assert claim(b"b" * 16) is UNSURE
    assert tell("delete", Kind.WRITE, token=b"a" * 16) == {"key"}
    assert claim(b"b" * 16) is MISSING


def test_a_flush_of_its_tag_ends_a_claim(store: str) -> None:
    """Who comes after a flush does not wait for a computation that it has overtaken."""
    if store == "django-file":
        pytest.skip("a claim beside the entry bears no tags")
    begun, go = threading.Event(), threading.Event()

    def old() -> str:
        begun.set()
        go.wait(10)
        return "old"

    scope = cache.tags("t")
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(scope.remember, "key", 60, old)
        try:
            assert begun.wait(10)
            scope.flush()
            lease = run_now(leases.take(scope._now, "key", None, "absent", stamp({"t": fresh()})))
            assert isinstance(lease, leases.Lease)
            run_now(leases.give_back(scope._now, lease))
        finally:
            go.set()
        assert first.result(10) == "old"
    assert cache.get("key") is None


def test_who_waits_is_not_given_what_was_forgotten_elsewhere(store: str) -> None:
    begun, go = threading.Event(), threading.Event()

    def old() -> str:
        begun.set()
        go.wait(10)
        forget_elsewhere()
        return "old"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.remember, "key", 60, old)
        assert begun.wait(10)
        second = pool.submit(cache.remember, "key", 60, lambda: "new")
        go.set()
        assert (first.result(10), second.result(10)) == ("old", "new")
    assert cache.get("key") == "new"


def test_nor_is_who_comes_between_the_write_and_the_landing(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, go = threading.Event(), threading.Event()
    back = leases.give_back

    async def slowly(port: Any, lease: Any) -> Any:
        if lease.ended and not written.is_set():
            written.set()
            go.wait(10)
        return await back(port, lease)

    monkeypatch.setattr(compute, "give_back", slowly)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.remember, "key", 60, lambda: "old")
        assert written.wait(10)
        forget_elsewhere()
        second = pool.submit(cache.remember, "key", 60, lambda: "new")
        assert second.result(10) == "new"
        go.set()
        assert first.result(10) == "old"


def test_a_pattern_reaches_what_another_process_computes(store: str) -> None:
    if store in ("memcached", "django-file"):
        pytest.skip("it cannot list its keys")
    claim()
    before = stamp()
    assert cache.forget_pattern("k*") == 0
    late = tell("write", Kind.WRITE, values={"key": 1}, token=b"t" * 16, ttl=60, stamp=before)
    assert late == {"key"}


def test_a_pattern_reaches_what_this_process_computes(tmp_path: Path) -> None:
    def old() -> str:
        cache.forget_pattern("k*")
        return "old"

    with override_settings(CACHES=BY_NAME["array"].caches(tmp_path)):
        assert cache.remember("key", 60, old) == "old"
        assert cache.get("key") is None
        assert cache.remember("other", 60, old) == "old"
        assert cache.get("other") == "old"


def test_a_count_is_not_lost_to_a_late_write(store: str) -> None:
    if store == "django-file":
        pytest.skip("a claim beside the entry is not ended by a write")
    cache.put("n", 2**70, 60)  # no server counts that by itself
    tell("claim", Kind.ATOMIC, "n", token=b"t" * 16, match="present", ttl=10)
    before = stamp()
    assert cache.increment("n") == 2**70 + 1
    tell("write", Kind.WRITE, "n", values={"n": 7}, token=b"t" * 16, ttl=60, stamp=before)
    assert cache.get("n") == 2**70 + 1


def test_without_a_claim_nothing_is_kept(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> Any:
        return MISSING

    monkeypatch.setattr(jobs, "take", refused)
    begun, go = threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        go.wait(10)
        return "first"

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(cache.remember, "key", 60, make)
        assert begun.wait(10)
        second = pool.submit(cache.remember, "key", 60, lambda: "second")
        go.set()
        # The key may have been forgotten elsewhere since, unheard: each has what he made himself.
        assert (first.result(10), second.result(10)) == ("first", "second")
    assert cache.get("key") is None


def test_without_a_claim_nothing_is_refreshed(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> Any:
        return MISSING

    cache.put("key", "old", 60)
    monkeypatch.setattr(jobs, "take", refused)
    assert cache.refresh("key", 60, lambda: "new") == "new"
    assert cache.get("key") == "old"


def test_who_waits_for_many_keys_claims_them_when_they_are_free(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, looked, free = [], threading.Event(), compute_many.Batch._free

    async def counted(*args: Any) -> Any:
        tried.append(1)
        return await leases.take_all(*args)

    async def waiting(*args: Any) -> Any:
        looked.set()
        return await free(*args)

    monkeypatch.setattr(compute_many, "take_all", counted)
    monkeypatch.setattr(compute_many.Batch, "_free", waiting)
    claim()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cache.remember_many, ["key"], 60, lambda keys: {"key": 1})
        assert looked.wait(10)
        assert len(tried) == 1
        tell("delete", Kind.WRITE, token=b"t" * 16)
        assert asked.result(10) == {"key": 1}
    assert len(tried) == 2
    assert cache.get("key") == 1


def test_claims_that_were_laid_in_part_are_taken_back(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or others would wait for nobody until they end."""
    driver: Any = cache._home.stack().driver
    perform = driver.perform

    async def broken(face: Any, op: Operation) -> Any:
        done = await perform(face, op)
        if op.verb == "claim_all":
            raise StoreUnavailable("after some of it was done")
        return done

    with monkeypatch.context() as trouble:
        trouble.setattr(driver, "perform", broken)
        trouble.setattr(cache._now.stack, "call", compose(cache._now.stack.layers, driver))
        assert cache.remember_many(["key", "b"], 60, lambda keys: {"key": 1}) == {"key": 1}
    assert cache.get("key") is None
    assert claim() is MISSING


def test_keys_do_not_list_claims(store: str) -> None:
    if store in ("memcached", "django-file"):
        pytest.skip("it cannot list its keys")
    claim()
    cache.put("other", 1, 60)
    assert list(cache.keys()) == ["other"]
    assert cache.forget("key") is False


def stamp(nonces: Any = None) -> Any:
    """Return the stamp of a computation that begins now."""
    op = Operation("read", Kind.READ, ("key",), snapshot=True)
    found = run_now(cache._now.call(op)).stamp
    found.nonces = nonces or {}
    return found


def fresh() -> bytes:
    return b"f" * 24
