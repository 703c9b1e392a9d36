"""Locks and funnels, on the stores that can; that the others refuse them."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from ...errors import LockLost, LockTimeout, NotSupported
from ..faced import Faced
from ..heard import OF_LOCKS, listening

SHORT = 0.8
"""Seconds that a lock lasts where its end is waited for: a server's clock cannot be moved."""


def ends(lock: Any, within: float = SHORT + 2) -> bool:
    """Wait for a lock to end by itself; a store that knows whole seconds may round up."""
    until = time.monotonic() + within
    while lock.is_locked() and time.monotonic() < until:
        time.sleep(0.02)
    return not lock.is_locked()


def test_locks_are_refused_where_they_would_not_be_right(store: Faced, row: Any) -> None:
    if "locks" in row.can:
        pytest.skip("the store has locks")
    with pytest.raises(NotSupported, match="lock"):
        store.lock("name", 10).acquire()
    with pytest.raises(NotSupported, match="lock"):
        store.funnel("name").block(0)
    with pytest.raises(NotSupported, match="lock"):
        store.without_overlapping("name", store.callback(lambda: 1))


def test_a_lock_is_had_once(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one, other = store.lock("name", 10), store.lock("name", 10)
    assert one.fence is None
    assert one.remaining() == 0
    assert one.get() is True
    assert other.get() is False
    assert other.fence is None
    assert one.acquire() is False  # it is not re-entrant
    assert 8 < other.remaining() <= 10
    assert store.lock("another", 10).acquire() is True


def test_only_its_owner_gives_a_lock_back(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one, other = store.lock("name", 10), store.lock("name", 10)
    assert one.release() is False
    assert one.acquire() is True
    assert other.release() is False
    assert one.is_locked() is True
    assert one.release() is True
    assert one.release() is False
    assert one.is_locked() is False
    assert other.acquire() is True


def test_owners_are_random_and_can_be_given(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one, other = store.lock("name", 10), store.lock("name", 10)
    assert len(bytes.fromhex(one.owner)) == 16
    assert one.owner != other.owner
    assert one.owner not in repr(one)
    named = store.lock("other", 10, owner="me")
    assert named.owner == "me"
    assert named.acquire() is True
    assert one.is_owned_by("me") is False
    assert store.lock("other", 10).is_owned_by("me") is True
    assert named.is_owned_by_current_process() is True
    assert store.lock("other", 10).is_owned_by_current_process() is False


def test_fences_only_grow(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    fences = []
    for turn in range(6):
        lock = store.lock("name", SHORT if turn == 2 else 30)
        if turn == 3:
            assert ends(lock)
        assert lock.acquire() is True
        fences.append(lock.fence)
        if turn == 1:
            store.flush()
        if turn != 2:
            assert lock.release() is True
        if turn == 4:
            store.flush()
    assert all(type(fence) is int and fence > 0 for fence in fences)
    assert fences == sorted(set(fences))


def test_a_lock_ends_by_itself(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one, other = store.lock("name", SHORT), store.lock("name", 30)
    assert one.acquire() is True
    assert other.acquire() is False
    assert ends(one)
    assert other.acquire() is True
    assert one.lost is True
    assert one.release() is False
    assert one.refresh() is False
    assert other.is_owned_by_current_process() is True
    assert one.fence < other.fence


def test_a_lock_is_refreshed(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one, other = store.lock("name", 10), store.lock("name", 10)
    assert one.refresh() is False
    assert one.acquire() is True
    fence = one.fence
    assert one.refresh(100) is True
    assert 90 < one.remaining() <= 100.5
    assert other.refresh(500) is False
    assert one.refresh() is True
    assert 8 < one.remaining() <= 10.5
    assert one.fence == fence


def test_a_lock_is_restored_elsewhere(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one = store.lock("name", 10)
    assert one.acquire() is True
    again = store.restore_lock("name", one.owner)
    assert again.is_owned_by_current_process() is True
    assert again.refresh(60) is True
    with pytest.raises(ValueError, match="ttl"):
        again.refresh()
    with pytest.raises(ValueError, match="ttl"):
        again.acquire()
    assert store.restore_lock("name", "another").release() is False
    assert again.release() is True
    assert one.is_locked() is False


def test_a_lock_is_taken_from_whoever_has_it(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one = store.lock("name", 10)
    assert one.acquire() is True
    store.lock("name", 10).force_release()
    assert one.is_locked() is False
    assert one.release() is False
    store.lock("nobody's", 10).force_release()


def test_no_flush_and_no_key_reaches_a_lock(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    one = store.lock("name", 30)
    assert one.acquire() is True
    store.put("name", 1)
    store.put("lock:name", 1)
    store.put("\0lock\0name", 1)
    assert store.forget("name") is True
    assert store.forget("\0lock\0name") is True
    store.tags("name").put("x", 1)
    store.tags("name").flush()
    store.flush()
    assert store.lock("name", 10).acquire() is False
    assert one.refresh() is True
    assert one.release() is True


@pytest.mark.parametrize("ttl", [None, 0, -1, float("inf"), 10**9])
def test_a_lock_needs_an_end(store: Faced, ttl: Any) -> None:
    with pytest.raises(ValueError, match="ttl"):
        store.lock("name", ttl)


def test_what_is_no_lock_is_refused(store: Faced) -> None:
    with pytest.raises(ValueError, match="name"):
        store.lock("", 10)
    with pytest.raises(ValueError, match="owner"):
        store.lock("name", 10, owner="")
    with pytest.raises(ValueError, match="owner"):
        store.restore_lock("name", "")
    with pytest.raises(TypeError, match="ttl"):
        store.lock("name", "10")
    with pytest.raises(ValueError, match="funnel"):
        store.funnel("name", limit=0)


def test_a_callback_has_the_lock(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    lock, other = store.lock("name", 10), store.lock("name", 10)
    assert lock.get(store.callback(lambda: "done")) == "done"
    assert lock.is_locked() is False
    assert lock.block(1, store.callback(lambda: "done")) == "done"
    assert other.acquire() is True
    assert lock.get(store.callback(lambda: "done")) is False

    def fails() -> None:
        raise RuntimeError("of the callback")

    other.release()
    with pytest.raises(RuntimeError, match="of the callback"):
        lock.get(store.callback(fails))
    assert lock.is_locked() is False


def test_a_block_has_the_lock(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    lock, other = store.lock("name", 10), store.lock("name", 10)

    def inside() -> None:
        assert other.acquire() is False
        with pytest.raises(LockTimeout, match="name"):
            store.inside(other, lambda: None)
        with pytest.raises(LockTimeout, match="name"):
            store.inside(other, lambda: None, 0.05)

    store.inside(lock, inside)
    store.inside(lock, inside, 1)
    assert other.acquire() is True


def test_a_lock_that_ended_in_its_block_is_made_known(
    store: Faced, able: Callable[..., None]
) -> None:
    able("locks")
    lock, other = store.lock("name", 10), store.lock("name", 10)

    def fails() -> None:
        other.force_release()
        raise RuntimeError("of the block")

    with pytest.raises(LockLost, match="name"):
        store.inside(lock, other.force_release)
    with pytest.raises(LockLost, match="name"):
        lock.get(store.callback(other.force_release))
    with pytest.raises(RuntimeError, match="of the block"):
        store.inside(lock, fails)
    store.inside(lock, lock.release)  # given back within is no loss


def test_who_waits_is_woken(store: Faced, able: Callable[..., None]) -> None:
    able("locks", "threads")
    lock, other = store.lock("name", 30), store.lock("name", 30)
    assert lock.acquire() is True
    releasing = threading.Timer(0.1, lock.release)
    releasing.start()
    began = time.monotonic()
    assert other.block(20)
    assert time.monotonic() - began < 10
    releasing.join()
    assert other.is_owned_by_current_process() is True
    assert other.fence > lock.fence


def test_who_waits_for_a_dead_holder_has_it_at_its_end(
    store: Faced, able: Callable[..., None]
) -> None:
    able("locks")
    assert store.lock("name", SHORT).acquire() is True
    began = time.monotonic()
    assert store.lock("name", 30).block(20)
    assert time.monotonic() - began < SHORT + 5


def test_threads_exclude_each_other(store: Faced, able: Callable[..., None]) -> None:
    able("locks", "threads")
    inside, most, had = [0], [0], list[int]()

    def work() -> None:
        lock = store.lock("name", 30)

        def count() -> None:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            had.append(lock.fence)
            time.sleep(0.001)
            inside[0] -= 1

        for _ in range(3):
            lock.block(60, store.callback(count))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert len(had) == 12
    assert had == sorted(set(had))


def test_a_funnel_lets_so_many_in(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    funnel = store.funnel("name", limit=2, ttl=30)
    seen = list[Any]()

    def third() -> None:
        for slot in range(2):  # a slot is no lock of that name
            assert store.lock(f"{slot}:name", 10).acquire() is True
        with pytest.raises(LockTimeout, match="name"):
            store.inside(funnel, lambda: None)
        with pytest.raises(LockTimeout, match="name"):
            funnel.block(0.05)

        def full(error: LockTimeout) -> str:
            seen.append(type(error))
            return "full"

        told = store.callback(full)
        assert funnel.block(0, store.callback(lambda: "in"), told) == "full"
        assert store.funnel("other", limit=1).block(0, store.callback(lambda: "in")) == "in"

    store.inside(funnel, lambda: store.inside(funnel, third))
    assert seen == [LockTimeout]
    with pytest.raises(RuntimeError, match="of the block"):
        store.inside(funnel, _fails, 1)
    store.inside(funnel, lambda: store.inside(funnel, lambda: None))


def _fails() -> None:
    raise RuntimeError("of the block")


def test_a_slot_is_freed_at_its_end(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    funnel = store.funnel("name", limit=1, ttl=SHORT)
    funnel.block(0)
    began = time.monotonic()
    funnel.block(20)
    assert time.monotonic() - began < SHORT + 5


def test_without_overlapping(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    assert store.without_overlapping("name", store.callback(lambda: 7)) == 7
    assert store.lock("name", 30).acquire() is True
    with pytest.raises(LockTimeout, match="name"):
        store.without_overlapping("name", store.callback(lambda: 7), wait_for=0.05)


def test_what_becomes_of_locks_is_told(store: Faced, able: Callable[..., None]) -> None:
    able("locks")
    with listening(OF_LOCKS) as heard:
        lock, other = store.lock("name", 30), store.lock("name", 30)
        lock.acquire()
        other.acquire()
        with pytest.raises(LockTimeout):
            other.block(0)
        lock.refresh()
        lock.release()
        lock.acquire()
        other.force_release()
        lock.release()
    assert heard.names() == [
        "lock_acquired",
        "lock_timed_out",
        "lock_refreshed",
        "lock_released",
        "lock_acquired",
        "lock_released",
        "lock_lost",
    ]


def test_a_lock_is_kept_alive_while_its_holder_lives(
    store: Faced, able: Callable[..., None]
) -> None:
    able("locks", "threads")
    lock, other = store.lock("name", 1, auto_refresh=True), store.lock("name", 30)

    def inside() -> None:
        time.sleep(2.5)
        assert other.acquire() is False
        assert lock.lost is False

    store.inside(lock, inside)
    assert other.acquire() is True
