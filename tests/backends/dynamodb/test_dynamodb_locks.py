"""Locks in a table: by whose clock, in how many requests, and what is not touched."""

import asyncio
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache as facade
from django_cachekit.backends.dynamo import locks, times
from django_cachekit.backends.dynamo.sweep import prune
from django_cachekit.backends.dynamo.times import Times
from django_cachekit.backends.locking import LINGER
from django_cachekit.core import clock as one_clock
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable
from django_cachekit.testing.clock import Clock
from tests.backends.locked import (
    NAME,
    end_with_the_holder,
    heed_no_wall_clock,
    lose_nothing,
    outlive_a_stopped_holder,
)

from .helping import Look, config, configured, driver_of
from .rewriting import Endpoint, error

LATE = 1.6
"""Seconds: what a first answer leaves open, and the pause of one who is told of nothing."""


def held() -> locks.HeldItems:
    found = driver_of().locks
    assert isinstance(found, locks.HeldItems)
    return found


def key() -> dict[str, Any]:
    """Return the key of the lock's item."""
    name = driver_of().entries.name(lock_record(NAME), None)
    return {"k": {"S": held()._space.key(name)}}


def item(look: Look) -> dict[str, Any]:
    """Return the lock's item."""
    return dict(look.client.get_item(TableName=look.table, Key=key()).get("Item") or {})


def put(look: Look, **attributes: Any) -> None:
    """Change attributes of the lock's item."""
    look.put({**item(look), **key(), **attributes})


# -- between processes -----------------------------------------------------------------------


def test_processes_exclude_each_other(cache: Any, tmp_path: Path) -> None:
    lose_nothing(facade, tmp_path, processes=3, turns=8)


def test_a_killed_holder_keeps_nothing(cache: Any) -> None:
    end_with_the_holder(facade, 1, late=LATE)


def test_a_stopped_holder_harms_nobody(cache: Any) -> None:
    outlive_a_stopped_holder(facade, 1)


@pytest.mark.parametrize("off", [-3600, 3600])
def test_no_clients_clock_matters(cache: Any, monkeypatch: pytest.MonkeyPatch, off: float) -> None:
    heed_no_wall_clock(facade, monkeypatch, off, late=LATE)


@pytest.mark.parametrize("off", [-7200, 7200])
def test_a_client_that_begins_with_a_wrong_clock(
    cache: Any, look: Look, monkeypatch: pytest.MonkeyPatch, off: float
) -> None:
    now = time.time
    monkeypatch.setattr(one_clock, "now", lambda: now() + off)
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    assert float(item(look)["u"]["N"]) == pytest.approx(now() + 30, abs=2.5)
    assert int(item(look)["f"]["N"]) / 1000 == pytest.approx(now(), abs=2.5)
    assert int(item(look)["e"]["N"]) == pytest.approx(now() + 30 + LINGER, abs=3)


def test_what_is_uncertain_ends_nothing_early(
    cache: Any, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncertain = [0.0]
    monkeypatch.setattr(
        held()._times,
        "now",
        lambda: times.Span(time.time() - uncertain[0], time.time() + uncertain[0]),
    )
    lock, other = facade.lock(NAME, 20), facade.lock(NAME, 20)
    assert lock.acquire()
    uncertain[0] = 100
    assert other.acquire() is False
    assert lock.is_locked() is True
    assert lock.refresh() is True
    assert float(item(look)["u"]["N"]) > time.time() + 100
    assert lock.release() is True


# -- what is sent, and where it lies ---------------------------------------------------------


def test_each_step_is_one_request(watched: Any, endpoint: Endpoint) -> None:
    lock, other = facade.lock(NAME, 30), facade.lock(NAME, 30)
    with endpoint.noting() as first:
        lock.acquire()
    assert first == ["BatchGetItem", "UpdateItem"]  # before it, what time it is
    for verb in (other.acquire, lock.refresh, lock.release, other.release, other.acquire):
        with endpoint.noting() as seen:
            verb()
        assert seen == ["UpdateItem"], verb
    with endpoint.noting() as seen:
        lock.is_locked()
    assert seen == ["BatchGetItem"]


def test_no_flush_scan_or_prune_sees_a_lock(cache: Any, look: Look, clock: Clock) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    facade.put("k", 1)
    assert list(facade.keys()) == ["k"]
    before = item(look)
    facade.flush()
    table = driver_of().table
    clock.advance(10 * LINGER)
    assert prune(table.door, table.space) == 0
    clock.advance(-10 * LINGER)
    assert item(look) == before
    assert facade.lock(NAME, 30).acquire() is False
    assert lock.release() is True
    facade.flush()
    again = facade.lock(NAME, 30)
    assert again.acquire()
    assert again.fence == (lock.fence or 0) + 1


def test_what_is_freed_is_deleted_a_week_later(cache: Any, look: Look) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    assert lock.release()
    assert set(item(look)) == {"k", "f", "e"}
    assert int(item(look)["e"]["N"]) == pytest.approx(time.time() + LINGER, abs=3)


def test_all_can_be_given_back(cache: Any, look: Look, server: Any, table: str) -> None:
    both = {
        "default": config(server.url, table),
        "other": config(server.url, table, KEY_PREFIX="other"),
    }
    with configured(**both):
        all_of = [facade.lock(f"{number}", 30) for number in range(5)]
        theirs = facade.store("other").lock("0", 30)
        assert all(lock.acquire() for lock in (*all_of, theirs))
        assert all_of[0].release()
        assert run_now(held().wipe(BLOCKING)) == 4
        assert run_now(held().wipe(BLOCKING)) == 0
        assert not any(lock.is_locked() for lock in all_of)
        assert theirs.is_locked()
        again = facade.lock("1", 30)
        assert again.acquire()
        assert again.fence == (all_of[1].fence or 0) + 1


# -- what is odd ------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [{"S": "far"}, {"B": b"far"}, {"NULL": True}])
def test_an_end_that_is_none_is_over(cache: Any, look: Look, end: Any) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    put(look, u=end)
    assert lock.is_locked() is False
    assert lock.release() is False
    assert lock.acquire() is True


def test_what_is_over_is_not_the_owners_any_more(cache: Any, look: Look) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    put(look, u={"N": str(time.time() - 5)})
    assert lock.refresh() is False
    assert lock.release() is False
    assert lock.is_locked() is False


def test_an_owner_that_is_none_holds_it(cache: Any, look: Look) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    put(look, o={"S": "somebody"})
    assert lock.is_locked() is True
    assert lock.is_owned_by_current_process() is False
    assert lock.release() is False
    lock.force_release()
    assert lock.acquire() is True


def test_a_number_that_is_none_is_an_error(cache: Any, look: Look) -> None:
    put(look, f={"S": "five"})
    with pytest.raises(StoreUnavailable):
        facade.lock(NAME, 30).acquire()
    assert facade.lock(NAME, 30).is_locked() is False


def test_who_is_told_nothing_asks_seldom(watched: Any, endpoint: Endpoint) -> None:
    assert facade.lock(NAME, 30).acquire()
    with endpoint.noting() as seen, pytest.raises(Exception, match="was not had in 1 s"):
        facade.lock(NAME, 30).block(1)
    assert 2 <= len(seen) <= 20


def test_where_dynamodb_tells_who_has_it_that_is_known(
    watched: Any, endpoint: Endpoint, look_behind: Look
) -> None:
    assert facade.lock(NAME, 30).acquire()
    ends = item(look_behind)["u"]

    def tell(operation: str, body: Any, forward: Any) -> Any:
        status, reply = forward(body)
        if status == 400:
            there = {"o": {"B": endpoint.wire(b"x" * 16)}, "u": ends, "t": {"N": "30"}}
            return error("ConditionalCheckFailedException", Item={**key(), **there})
        return status, reply

    name = driver_of().entries.name(lock_record(NAME), None)
    with endpoint.ruled(tell):
        taken = run_now(held().take(BLOCKING, name, b"y" * 16, 30))
    assert taken.fence == 0
    assert 25 < taken.left <= 30


def test_where_the_answer_is_lost_nobody_knows(watched: Any, endpoint: Endpoint) -> None:
    lock = facade.lock(NAME, 30)
    assert lock.is_locked() is False
    lost = [True]

    def lose(operation: str, body: Any, forward: Any) -> Any:
        answer = forward(body)
        return error("InternalServerError", 500) if lost and lost.pop() else answer

    with endpoint.ruled(lose), pytest.raises(OutcomeUnknown):
        lock.acquire()
    until = time.monotonic() + 10
    while not facade.lock(NAME, 30).acquire():  # it is given back behind the caller
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_answer_without_a_number_is_none(watched: Any, endpoint: Endpoint) -> None:
    with endpoint.ruled(lambda operation, body, forward: (200, {})):
        for verb in ("acquire", "is_locked"):
            with pytest.raises(StoreUnavailable):
                getattr(facade.lock(NAME, 30), verb)()
    assert facade.lock(NAME, 30).is_locked() is False
    with endpoint.ruled(lambda operation, body, forward: (200, {})), pytest.raises(OutcomeUnknown):
        facade.lock(NAME, 30).acquire()


def test_without_a_server_nobody_has_it(dynamodb: Any, faulty: Any, table: str) -> None:
    proxy = faulty(dynamodb)
    brief = dict.fromkeys(("CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE"), 0.5)
    with configured(default=config(proxy.url, table, **brief)):
        lock = facade.lock(NAME, 30)
        assert lock.acquire()
        proxy.refuse()
        for verb in (facade.lock(NAME, 30).acquire, lock.refresh, lock.release, lock.is_locked):
            with pytest.raises(StoreUnavailable):
                verb()
        proxy.healthy()
        assert lock.release() is True


def test_who_stops_waiting_spoils_nothing(cache: Any) -> None:
    async def wait() -> None:
        lock = facade.lock(NAME, 30)
        assert await lock.aacquire()
        waiting = asyncio.ensure_future(facade.lock(NAME, 30).wait(20))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await lock.arelease()
        assert await facade.lock(NAME, 30).aacquire()

    asyncio.run(wait())


# -- the server's time -----------------------------------------------------------------------


class Server:
    """Be a server whose clock is ``ahead`` of ours, and answers after ``slow`` seconds."""

    def __init__(self, clock: Clock, ahead: float, slow: float = 0.02) -> None:
        self.clock, self.ahead, self.slow = clock, ahead, slow

    @property
    def time(self) -> float:
        return one_clock.now() + self.ahead

    def answer(self, known: Times) -> None:
        sent = one_clock.monotonic()
        self.clock.advance(self.slow / 2)
        date = formatdate(int(self.time), usegmt=True)
        self.clock.advance(self.slow / 2)
        known.heard({"ResponseMetadata": {"HTTPHeaders": {"date": date}}}, sent)


@pytest.fixture
def frozen(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time pass by hand alone."""
    clock.moved = 0.3
    monkeypatch.setattr(one_clock, "now", lambda: 1_800_000_000 + clock.moved)
    monkeypatch.setattr(one_clock, "monotonic", lambda: 5000 + clock.moved)
    return clock


@pytest.mark.parametrize("slow", [0.02, 1.5])
@pytest.mark.parametrize("ahead", [0, 3600.7, -3600.2])
def test_every_answer_narrows_what_is_known(frozen: Clock, ahead: float, slow: float) -> None:
    server, known = Server(frozen, ahead, slow), Times()
    assert known.now() is None
    widths = []
    for _ in range(40):
        server.answer(known)
        frozen.advance(0.13)
        now = known.now()
        assert now is not None
        assert now.low <= server.time <= now.high
        widths.append(now.high - now.low)
    assert widths[0] <= 1 + times.LAG + server.slow + 0.01
    assert widths[-1] <= times.LAG + 0.2 + slow
    assert now is not None
    assert now.middle == pytest.approx(server.time, abs=0.2 + slow)


def test_clocks_drift_apart(frozen: Clock) -> None:
    server, known = Server(frozen, 0), Times()
    server.answer(known)
    before = known.now()
    frozen.advance(500)
    after = known.now()
    assert before is not None
    assert after is not None
    assert after.high - after.low == pytest.approx(
        before.high - before.low + 2 * 500 * times.DRIFT, abs=0.01
    )


@pytest.mark.parametrize("by", [-100, 100])
def test_a_server_whose_clock_was_set_is_believed(frozen: Clock, by: float) -> None:
    server, known = Server(frozen, 0), Times()
    server.answer(known)
    server.ahead += by
    server.answer(known)
    now = known.now()
    assert now is not None
    assert now.low <= server.time <= now.high


def test_what_nobody_confirmed_is_forgotten(frozen: Clock) -> None:
    server, known = Server(frozen, 0), Times()
    server.answer(known)
    frozen.advance(times.AGE + 1)
    assert known.now() is None


def test_after_a_sleep_nothing_is_known(frozen: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    server, known = Server(frozen, 0), Times()
    server.answer(known)
    monkeypatch.setattr(one_clock, "now", lambda: 1_800_000_060 + frozen.moved)  # and no monotonic
    assert known.now() is None


@pytest.mark.parametrize(
    "response",
    [
        None,
        "nonsense",
        {},
        {"ResponseMetadata": {"HTTPHeaders": {}}},
        {"ResponseMetadata": {"HTTPHeaders": {"date": "yesterday"}}},
        {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 28 Nov 99999999999999 25:00:00 GMT"}}},
    ],
)
def test_an_answer_may_tell_no_time(response: Any) -> None:
    known = Times()
    known.heard(response, 1.0)
    assert known.now() is None


def test_where_no_answer_tells_the_time_ours_counts(
    cache: Any, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "_second", lambda response: None)
    lock = facade.lock(NAME, 30)
    assert lock.acquire()
    assert float(item(look)["u"]["N"]) == pytest.approx(time.time() + 30, abs=1)
    assert facade.lock(NAME, 30).acquire() is False
    assert 25 < lock.remaining() <= 30
    assert lock.release() is True
