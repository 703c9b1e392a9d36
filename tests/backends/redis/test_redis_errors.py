"""What a server says in place of an answer, and what comes of it: no error of the client's."""

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.held import lock_record
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable
from tests.servers.redis import Redis

from .helping import SEALED, alone, client, driver_of, key_of
from .test_redis_places import works

VERBS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "put": (lambda cache: cache.put("a", 2, 60), False),
    "put_many": (lambda cache: cache.put_many({"a": 2, "b": 3}), False),
    "touch": (lambda cache: cache.touch("a", 60), False),
    "add": (lambda cache: cache.add("fresh", 1), StoreUnavailable),
    "increment": (lambda cache: cache.increment("n"), StoreUnavailable),
    "flush": (lambda cache: cache.flush(), StoreUnavailable),
    "flush of tags": (lambda cache: cache.tags("t").flush(), StoreUnavailable),
}


def outcome(cache: Any, verb: str) -> None:
    """Assert that a write answers as it should where the server refuses to write."""
    work, answer = VERBS[verb]
    if answer is StoreUnavailable:
        with pytest.raises(StoreUnavailable) as caught:
            work(cache)
        assert not isinstance(caught.value, OutcomeUnknown)
    else:
        assert work(cache) is answer


@pytest.fixture
def cache(empty: Any) -> Iterator[Any]:
    with alone(empty.url) as made:
        made.put("a", 1, 600)
        made.increment("n")
        yield made


@pytest.mark.parametrize("verb", VERBS)
def test_read_only(verb: str, cache: Any, raw: Any) -> None:
    raw.replicaof("127.0.0.1", "1")
    try:
        assert cache.get("a") == 1
        outcome(cache, verb)
        assert cache.many(["a", "b"]) == {"a": 1, "b": None}
    finally:
        raw.replicaof("NO", "ONE")
    assert cache.increment("n") == 2


@pytest.mark.parametrize("face", ["blocking", "awaited"])
def test_a_master_no_more_is_connected_to_anew(face: str, empty: Any, raw: Any) -> None:
    """Its name may lead to another one by now."""

    def ids() -> set[str]:
        return {one["id"] for one in raw.client_list() if one["name"] == face}

    async def awaited(cache: Any) -> None:
        assert await cache.aput("a", 1) is True
        before = ids()
        raw.replicaof("127.0.0.1", "1")
        assert await cache.aput("a", 2) is False
        assert await cache.aget("a") == 1
        assert ids().isdisjoint(before)

    with alone(empty.url, CONNECTION_POOL_KWARGS={"client_name": face}) as cache:
        try:
            if face == "awaited":
                asyncio.run(awaited(cache))
                return
            assert cache.put("a", 1) is True
            before = ids()
            raw.replicaof("127.0.0.1", "1")
            assert cache.put("a", 2) is False
            assert cache.get("a") == 1
            assert ids().isdisjoint(before)
        finally:
            raw.replicaof("NO", "ONE")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if not verb.startswith("flush")])
def test_out_of_memory(verb: str, cache: Any, raw: Any) -> None:
    raw.config_set("maxmemory", 1)
    try:
        outcome(cache, verb)
        assert cache.get("a") == 1
        assert cache.forget("a") is True  # which needs no memory
    finally:
        raw.config_set("maxmemory", 0)


@pytest.mark.parametrize("verb", VERBS)
def test_the_disk_is_broken(verb: str) -> None:
    with Redis("--save", "3600 1") as server, alone(server.url) as cache:
        cache.put("a", 1)
        cache.increment("n")
        with client(server) as raw:
            (server.folder / "dump.rdb").mkdir()  # where the file should be
            raw.bgsave()
            while raw.info("persistence")["rdb_bgsave_in_progress"]:
                pass
            assert raw.info("persistence")["rdb_last_bgsave_status"] == "err"
        assert cache.get("a") == 1
        outcome(cache, verb)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_password_is_missing_or_wrong(password: str, empty: Any, raw: Any) -> None:
    raw.config_set("requirepass", "right")
    try:
        with alone(empty.url, **({"PASSWORD": password} if password else {})) as cache:
            assert cache.get("a", "default") == "default"
            assert cache.many(["a"]) == {"a": None}
            for verb in VERBS:
                outcome(cache, verb)
        with alone(empty.url, PASSWORD="right") as cache:
            assert cache.put("a", 1) is True
            assert cache.get("a") == 1
    finally:
        raw.config_set("requirepass", "")


def test_a_user_who_may_not(empty: Any, raw: Any) -> None:
    raw.acl_setuser(
        "guest", enabled=True, passwords=["+p"], keys="*", commands=["+@all", "-@write"]
    )
    try:
        with alone(empty.url, USERNAME="guest", PASSWORD="p") as cache:
            assert cache.get("a", "default") == "default"
            for verb in VERBS:
                outcome(cache, verb)
    finally:
        raw.acl_deluser("guest")


PAGE = Path(__file__).parents[3] / "docs/stores/redis.md"
RULES = re.search(r"~ck:.*?\+ping", PAGE.read_text(), re.DOTALL)


def locks(cache: Any) -> None:
    """Assert that locks are taken, waited for and given back."""
    lock, hooks = cache.lock("name", 30), driver_of().locks
    assert lock.acquire() is True
    assert cache.lock("name", 30).acquire() is False
    assert lock.refresh() is True
    assert lock.is_locked() is True
    assert lock.release() is True
    name = driver_of().entries.name(lock_record("name"), None)
    assert run_now(hooks.wait(BLOCKING, [name], 5)) is True
    assert lock.acquire() is True
    assert run_now(hooks.wipe(BLOCKING)) == 1


def test_a_user_who_may_what_the_page_says(empty: Any, raw: Any) -> None:
    assert RULES is not None
    raw.execute_command("ACL LOG", "RESET")
    raw.execute_command("ACL SETUSER", "shop", "on", ">p", *RULES.group().split())
    try:
        with alone(empty.url, USERNAME="shop", PASSWORD="p", RAISE=True) as cache:
            works(cache)
            locks(cache)
            more = re.findall(r"\+(?:script\|load|del|pttl)\b", PAGE.read_text())
            raw.execute_command("ACL SETUSER", "shop", *more)
            raw.script_flush()
            backend: Any = caches["default"]
            with backend.lock("plain", timeout=30) as plain:
                assert plain.extend(30) is True
        denied = {one[b"object"] for one in raw.execute_command("ACL LOG")}
        assert denied <= {b"client|setinfo", b"client"}  # known from Redis 7.2 on
    finally:
        raw.acl_deluser("shop")


def test_it_is_still_loading() -> None:
    server = Redis("--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
    with server:
        with client(server) as raw:
            raw.mset({f"filler{number}": "x" * 100 for number in range(3000)})
        with alone(server.url) as cache:
            cache.put("a", 1)
            with client(server) as raw:
                raw.save()
            server.kill()
            _start_without_waiting(server)
            try:
                assert cache.get("a", "default") == "default"
                assert cache.put("a", 1) is False
                with pytest.raises(StoreUnavailable) as caught:
                    cache.increment("n")
                assert not isinstance(caught.value, OutcomeUnknown)
                assert "BusyLoading" in str(caught.value)
            finally:
                server.kill()


def _start_without_waiting(server: Any) -> None:
    """Start it, and be content when it says that it loads."""

    def loads() -> bool:
        try:
            return bool(server.ask("PING")[0].startswith("-LOADING"))
        except OSError:
            return False

    server.ready = loads
    server.start()


@pytest.mark.parametrize("options", [{}, SEALED], ids=["signed", "sealed"])
def test_a_value_of_another_type_is_a_miss_and_is_overwritten(
    options: Any, empty: Any, raw: Any
) -> None:
    with alone(empty.url, **options) as cache:
        cache.put_many({"a": 1, "b": 2, "c": 3})
        for work in VERBS_ON_WRONG:
            raw.delete(key_of("a"))
            raw.rpush(key_of("a"), "not", "ours")
            assert cache.get("a", "miss") == "miss"
            assert cache.many(["a", "b", "c"]) == {"a": None, "b": 2, "c": 3}
            assert cache.has("a") is False
            assert cache.forget("a") is False
            assert cache.pull("a") is None
            assert cache.touch("a") is False
            work(cache)
            assert cache.get("a") == 7


VERBS_ON_WRONG: list[Callable[[Any], Any]] = [
    lambda cache: cache.put("a", 7),
    lambda cache: cache.put_many({"a": 7}),
    lambda cache: cache.add("a", 7),
    lambda cache: cache.increment("a", 7),
    lambda cache: cache.remember("a", 60, lambda: 7),
]


def test_a_corrupt_value_leaves_the_others(cache: Any, raw: Any) -> None:
    cache.put_many({"b": 2, "c": 3})
    raw.set(key_of("b"), raw.get(key_of("b"))[:-1] + b"?")
    assert cache.many(["a", "b", "c"]) == {"a": 1, "b": None, "c": 3}
    assert sum(driver_of().unreadable.values()) == 1
