"""``TAG_STALENESS``: records taken from a copy for a while, and one's own flush always seen."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.marks import fresh
from django_cachekit.core.operation import Kind, Operation, Reply, tag_record
from django_cachekit.errors import Misconfigured
from django_cachekit.layers import copies
from django_cachekit.layers.tags import Tags
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import BY_NAME

SECONDS = 5


@pytest.fixture(params=["redis", "memcached", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    row = BY_NAME[request.param]
    with placed(row, request, tmp_path):
        server = request.getfixturevalue(row.server) if row.server else None
        stores = row.caches(tmp_path, server)
        options = {**stores["default"].get("OPTIONS", {}), "TAG_STALENESS": SECONDS}
        stores["default"]["OPTIONS"] = options
        with override_settings(CACHES=stores):
            yield request.param


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def asked(store: str, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the keys that each read asks the store for, as they come."""
    driver = cache._home.stack().driver
    seen: list[Any] = []
    read = driver.do_read  # type: ignore[attr-defined]  # a store of bytes has it

    async def counted(face: Any, op: Operation) -> Reply:
        seen.append(op.keys)
        return await read(face, op)  # type: ignore[no-any-return]  # a Reply

    monkeypatch.setattr(driver, "do_read", counted)
    return seen


def flush_elsewhere(tag: str = "t") -> None:
    """Flush a tag as another process does."""
    record = tag_record(tag)
    write = Operation("write", Kind.ADMIN, (record,), values={record: fresh()})
    run_now(cache._home.stack().driver.perform(BLOCKING, write))


def test_a_copy_saves_asking_for_the_record(asked: list[Any]) -> None:
    cache.tags("t").put("key", 1, 60)
    assert cache.get("key") == 1
    asked.clear()
    assert cache.get("key") == 1
    assert asked == [("key",)]


def test_a_flush_of_another_process_is_seen_when_the_copy_is_old(store: str, clock: Clock) -> None:
    cache.tags("t").put("key", 1, 60)
    assert cache.get("key") == 1
    flush_elsewhere()
    clock.advance(SECONDS - 1)
    assert cache.get("key") == 1
    clock.advance(2)
    assert cache.get("key") is None


def test_what_is_counted_or_won_is_not_born_flushed(store: str) -> None:
    """Under an old copy each of these would begin anew, and be lost, until the copy is old."""
    scope = cache.tags("t")
    scope.put("key", 1, 60)
    assert scope.get("key") == 1
    flush_elsewhere()
    assert [scope.increment("n") for _ in range(3)] == [1, 2, 3]
    assert [scope.add("won", 1, 60) for _ in range(2)] == [True, False]
    assert [scope.cas("log", lambda log: [*log, 1], default=list) for _ in range(2)] == [
        [1],
        [1, 1],
    ]


@pytest.mark.parametrize("how", ["any", "all", "expire"])
def test_ones_own_flush_is_seen_at_once(store: str, how: str) -> None:
    cache.tags("t", "u").put("key", 1, 60)
    assert cache.get("key") == 1
    scope = cache.tags("t", "u")
    scope.expire() if how == "expire" else scope.flush(match=how)
    assert cache.get("key") is None


def test_a_record_read_before_ones_own_flush_is_not_kept_after_it(store: str) -> None:
    """A read that began before a flush and ends after it must not leave its copy behind."""
    (layer,) = (one for one in cache._home.stack().layers if isinstance(one, Tags))
    cache.tags("t").put("key", 1, 60)
    record = tag_record("t")
    began = layer.copies.began()
    old = run_now(
        cache._home.stack().driver.perform(BLOCKING, Operation("read", Kind.READ, (record,)))
    ).values
    cache.tags("t").flush()
    layer.copies.keep(began, old)
    assert layer.copies.young([record]) == {}
    assert cache.get("key") is None


def test_nor_one_that_is_kept_while_the_flush_writes() -> None:
    held, record = copies.Copies(SECONDS), tag_record("t")
    with held.flushing([record]):
        held.keep(held.began(), {record: b"old"})
    assert held.young([record]) == {}


def test_nor_one_that_is_being_kept_when_the_flush_ends() -> None:
    held, record = copies.Copies(SECONDS), tag_record("t")

    class Found(dict[Any, Any]):
        def items(self) -> Any:
            with held.flushing([record]):
                pass
            return super().items()

    held.keep(held.began(), Found({record: b"old"}))
    assert held.young([record]) == {}


def test_without_the_option_nothing_is_copied(tmp_path: Path) -> None:
    with override_settings(CACHES=BY_NAME["file"].caches(tmp_path)):
        cache.tags("t").put("key", 1, 60)
        (layer,) = (one for one in cache._home.stack().layers if isinstance(one, Tags))
        assert cache.get("key") == 1
        assert layer.copies.young([tag_record("t")]) == {}


def test_a_store_in_the_database_takes_no_copies(
    postgresql: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """What a transaction has flushed and not committed must not reach other threads by a copy."""
    row = BY_NAME["postgresql"]
    with placed(row, request, tmp_path):
        stores = row.caches(tmp_path, postgresql)
        stores["default"]["OPTIONS"] = {**stores["default"]["OPTIONS"], "TAG_STALENESS": SECONDS}
        with override_settings(CACHES=stores):
            cache.tags("t").put("key", 1, 60)
            assert cache.get("key") == 1
            flush_elsewhere()
            assert cache.get("key") is None


@pytest.mark.parametrize("given", ["5", -1, True, float("nan"), float("inf"), None])
def test_a_number_of_seconds_is_asked_for(given: Any, tmp_path: Path) -> None:
    stores = BY_NAME["file"].caches(tmp_path)
    stores["default"]["OPTIONS"] = {**stores["default"]["OPTIONS"], "TAG_STALENESS": given}
    with override_settings(CACHES=stores), pytest.raises(Misconfigured, match="TAG_STALENESS"):
        cache.get("key")


def test_copies_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "RECORDS", 3)
    held = copies.Copies(SECONDS)
    for number in range(10):
        held.keep(held.began(), {tag_record(str(number)): b"x"})
    assert len(held.young(tag_record(str(number)) for number in range(10))) == 3


def test_threads_flush_and_read(store: str) -> None:
    """Each thread sees its own flush, whatever the others read meanwhile."""
    stop, late = threading.Event(), list[int]()

    def read() -> None:
        while not stop.is_set():
            cache.tags("t").get("key")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(100):
            cache.tags("t").put("key", turn, 60)
            cache.tags("t").flush()
            if cache.get("key") is not None:
                late.append(turn)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert late == []
