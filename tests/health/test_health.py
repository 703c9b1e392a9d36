"""Health: what is said of a store, by both faces, and that a store that hangs hangs nobody."""

import inspect
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import InvalidCacheBackendError, caches
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from django_cachekit import cache, signals
from django_cachekit import health as module
from django_cachekit.errors import StoreUnavailable
from django_cachekit.flows.health import reason_of
from django_cachekit.health import Health, ahealth, asurvey, health, survey
from tests.placing import placed
from tests.stores import BY_NAME, DJANGO, OURS

from . import stores

Ask = Callable[..., Health]
LOCMEM = {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": "health"}


@pytest.fixture(params=[health, async_to_sync(ahealth)], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]  # one of the two


@pytest.fixture
def changes() -> Iterator[list[tuple[Any, ...]]]:
    """Hear ``health_changed``: alias, status, reason, what it was before."""
    heard: list[tuple[Any, ...]] = []

    def hear(store: str, status: str, reason: str, before: str, **_: Any) -> None:
        heard.append((store, status, reason, before))

    signals.health_changed.connect(hear)
    yield heard
    signals.health_changed.disconnect(hear)


@pytest.fixture
def hanging() -> Iterator[type[stores.Hanging]]:
    """Configure a store that hangs as default, and let it go in the end."""
    stores.Hanging.go = threading.Event()
    stores.Hanging.asked = 0
    with override_settings(CACHES={"default": stores.config(stores.Hanging), "other": LOCMEM}):
        yield stores.Hanging
        stores.Hanging.go.set()
        _until(lambda: not _threads())


def _threads() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("cachekit-health")]


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", BY_NAME)
def test_every_store_that_works_is_up(
    name: str, ask: Ask, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with placed(BY_NAME[name], request, tmp_path):
        found = ask(deadline=30)
        assert found == ("default", "up", "", found.latency)
        assert 0 < found.latency < 30


@pytest.mark.parametrize("name", ["locmem", "array", "file", "django-file"])
def test_nothing_is_left_behind_and_nothing_is_told(name: str, ask: Ask, tmp_path: Path) -> None:
    told: list[Any] = []

    def hear(signal: Any, **_: Any) -> None:
        told.append(signal)

    listened = [signals.cache_missed, signals.key_written, signals.key_forgotten]
    with override_settings(CACHES=BY_NAME[name].caches(tmp_path)):
        cache.put("mine", 1, 60)
        for signal in listened:
            signal.connect(hear)
        before = _held(tmp_path)
        assert ask(deadline=30).status == "up"
        for signal in listened:
            signal.disconnect(hear)
        assert _held(tmp_path) == before
        assert cache.get("mine") == 1
    assert told == []


def _held(root: Path) -> Any:
    """Return what the store holds, as far as can be seen from outside."""
    backend = caches["default"]
    files = sorted(p.name for p in root.rglob("*") if p.suffix in (".djcache", "") and p.is_file())
    driver = getattr(backend, "cachekit_driver", None)
    listed = sorted(cache.keys()) if driver is not None else sorted(getattr(backend, "_cache", {}))
    return listed, [name for name in files if len(name) > 30]


ILL = [
    (stores.Refusing, "down", "refused"),
    (stores.ReadOnly, "degraded", "read only"),
    (stores.Keeping, "degraded", "read only"),
    (stores.Deaf, "down", "wrong answer"),
    (stores.Lying, "down", "wrong answer"),
    (stores.Forgetful, "down", "wrong answer"),
]


@pytest.mark.parametrize(("kind", "status", "reason"), ILL)
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_wrong_is_told_by_its_class(
    kind: type, status: str, reason: str, strict: bool, ask: Ask
) -> None:
    under = stores.config(kind)
    over = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": {"STORE": "under", "RAISE": strict}}
    with override_settings(CACHES={"default": over, "under": under}):
        for alias in ("default", "under"):
            found = ask(alias)
            assert found[:3] == (alias, status, reason)
            assert "hunter2" not in repr(found)
            assert "10.0.0.7" not in repr(found)


def test_a_store_that_keeps_nothing_by_design_is_up(ask: Ask) -> None:
    null, dummy = OURS + "null.NullCache", DJANGO + "dummy.DummyCache"
    for backend in (null, dummy):
        with override_settings(CACHES={"default": {"BACKEND": backend}}):
            assert ask()[:3] == ("default", "up", "keeps nothing")


BROKEN = [
    {"BACKEND": "no.such.Cache"},
    {"BACKEND": OURS + "tagged.TaggedCache"},
    {"BACKEND": OURS + "file.EncryptedFileCache", "LOCATION": "/dev/null/x"},
]


@pytest.mark.parametrize("config", BROKEN)
def test_an_alias_that_cannot_be_made_is_misconfigured(
    config: Any, ask: Ask, changes: list[Any]
) -> None:
    with override_settings(CACHES={"default": config}):
        assert ask()[:3] == ("default", "down", "misconfigured")
    assert changes == [("default", "down", "misconfigured", "up")]


def test_a_table_that_is_not_there_is_misconfigured(ask: Ask, transactional_db: None) -> None:
    config = {"BACKEND": OURS + "database.DatabaseCache", "LOCATION": "no_such_table"}
    with override_settings(CACHES={"default": config}):
        assert ask(deadline=30)[1:3] == ("down", "misconfigured")


def test_an_answer_after_half_of_the_deadline_is_slow(ask: Ask, clock: Any) -> None:
    stores.Slow.moved = clock
    with override_settings(CACHES={"default": stores.config(stores.Slow)}):
        # Two reads, of 0.4 seconds each.
        assert ask(deadline=2)[1:3] == ("up", "")
        found = ask(deadline=1)
        assert found[1:3] == ("degraded", "slow")
        assert 0.8 <= found.latency < 1
        assert ask(deadline=0.5)[1:3] == ("down", "timeout")


def test_a_store_that_hangs_hangs_nobody(ask: Ask, hanging: type[stores.Hanging]) -> None:
    began = time.monotonic()
    found = ask(deadline=0.2)
    assert 0.2 <= time.monotonic() - began < 5
    assert found[:3] == ("default", "down", "timeout")
    assert found.latency >= 0.2
    assert ask("other", deadline=30).status == "up"


def test_while_it_hangs_it_is_not_asked_again(ask: Ask, hanging: type[stores.Hanging]) -> None:
    ask(deadline=0.05)
    began = time.monotonic()
    for _ in range(20):
        assert ask(deadline=0.5).status == "down"
    assert time.monotonic() - began < 5, "the further checks wait as well"
    assert hanging.asked == 1
    assert len(_threads()) == 1


def test_what_was_left_behind_removes_its_key_when_it_can(
    ask: Ask, hanging: type[stores.Hanging]
) -> None:
    ask(deadline=0.05)
    hanging.go.set()
    _until(lambda: not _threads())
    assert caches["default"]._cache == {}
    assert ask(deadline=30).status == "up"


def test_a_loop_goes_on_while_a_store_hangs(hanging: type[stores.Hanging]) -> None:
    import asyncio

    async def beside() -> tuple[int, Health]:
        turns = 0
        asked = asyncio.ensure_future(ahealth(deadline=0.2))
        while not asked.done():
            await asyncio.sleep(0.005)
            turns += 1
        return turns, asked.result()

    # run() waits for the threads of its own pool: none of them may be the one that hangs.
    turns, found = asyncio.run(beside())
    assert found.status == "down"
    assert turns > 5


def test_all_are_asked_at_once(hanging: type[stores.Hanging]) -> None:
    configs = {f"h{n}": stores.config(stores.Hanging, str(n)) for n in range(5)}
    with override_settings(CACHES={"default": LOCMEM, **configs}):
        began = time.monotonic()
        found = survey(deadline=1)
        assert time.monotonic() - began < 4, "one waits for the other"
    assert [(one.alias, one.status == "down") for one in found] == [
        ("default", False),
        *[(alias, True) for alias in configs],
    ]


@pytest.mark.parametrize("face", [survey, async_to_sync(asurvey)], ids=["sync", "async"])
def test_some_can_be_named(face: Any) -> None:
    with override_settings(CACHES={"default": LOCMEM, "a": LOCMEM, "b": LOCMEM}):
        assert [one.alias for one in face(["b", "default", "b"])] == ["b", "default"]
        with pytest.raises(InvalidCacheBackendError, match=r"Not in CACHES: nope\. There: def"):
            face(["nope"])


@pytest.mark.parametrize("deadline", [0, -1, float("nan")])
def test_a_deadline_is_over_nothing(ask: Ask, deadline: float) -> None:
    with pytest.raises(ValueError, match="deadline"):
        ask(deadline=deadline)


def test_a_change_is_told_once(ask: Ask, changes: list[Any], monkeypatch: Any) -> None:
    with override_settings(CACHES={"default": stores.config(stores.Refusing), "other": LOCMEM}):
        for alias in ("other", "default", "default"):
            ask(alias)
        assert changes == [("default", "down", "refused", "up")]
        monkeypatch.delattr(stores.Refusing, "set")
        ask("default")
        monkeypatch.delattr(stores.Refusing, "get")
        for _ in range(2):
            ask("default")
        assert changes[1:] == [("default", "up", "", "down")]


def test_who_sends_it_is_the_backend(ask: Ask) -> None:
    senders: list[Any] = []

    def hear(sender: Any, **_: Any) -> None:
        senders.append(sender)

    signals.health_changed.connect(hear)
    with override_settings(CACHES={"default": stores.config(stores.Refusing)}):
        ask()
    signals.health_changed.disconnect(hear)
    assert senders == [stores.Refusing]


def test_an_alias_without_signals_tells_nothing(ask: Ask, changes: list[Any]) -> None:
    options = {"STORE": "under", "SIGNALS": False}
    over = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": options}
    with override_settings(CACHES={"default": over, "under": stores.config(stores.Refusing)}):
        assert ask().status == "down"
    assert changes == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_does_not_wait_for_its_parents_thread(hanging: type[stores.Hanging]) -> None:
    health(deadline=0.05)
    pid = os.fork()
    if pid == 0:
        hanging.go = threading.Event()
        hanging.go.set()
        os._exit(0 if health(deadline=20).status == "up" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class _Client:
    """Make errors as client libraries have them, by name alone."""

    def __getattr__(self, name: str) -> type[Exception]:
        return type(name, (Exception,), {})


CLIENT = _Client()


def _from(cause: BaseException) -> StoreUnavailable:
    error = StoreUnavailable("alias")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ConnectionRefusedError(), "refused"),
        (_from(ConnectionRefusedError()), "refused"),
        (_from(ConnectionResetError()), "unreachable"),
        (_from(TimeoutError()), "timeout"),
        (CLIENT.ReadTimeoutError(), "timeout"),
        (_from(CLIENT.ConnectTimeout()), "timeout"),
        (CLIENT.AuthenticationError(), "forbidden"),
        (PermissionError(), "forbidden"),
        (CLIENT.ConnectionError(), "unreachable"),
        (ImproperlyConfigured(), "misconfigured"),
        (ImportError(), "misconfigured"),
        (ValueError(stores.SECRET), "error"),
        (StoreUnavailable(stores.SECRET), "error"),
    ],
)
def test_reasons_are_classes(error: Exception, word: str) -> None:
    assert reason_of(error) == word


def test_a_circle_of_causes_ends() -> None:
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert reason_of(first) == "error"


def test_both_faces_say_what_they_do() -> None:
    for name in ("health", "survey"):
        assert "Return the health" in inspect.getdoc(getattr(module, name))
        assert inspect.iscoroutinefunction(getattr(module, "a" + name))
