"""A database server that goes away, hangs, or ends a connection, verb by verb."""

import ast
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError, connections, transaction

from django_cachekit import cache as facade
from django_cachekit.errors import OutcomeUnknown, StoreUnavailable
from tests.faultproxy import FaultProxy
from tests.servers.databases import entry

from .helping import ROOT, Look, config, only, queries, tables

pytestmark = pytest.mark.usefixtures("never_due")

BOUNDS = {
    "postgresql": {"connect_timeout": 2, "options": "-c statement_timeout=300"},
    "mysql": {"connect_timeout": 2, "read_timeout": 1, "write_timeout": 1},
}
"""The options that docs/stores/database.md shows."""

ANSWERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "get": (lambda: facade.get("a", "default"), "default"),
    "many": (lambda: facade.many(["a"]), {"a": None}),
    "has": (lambda: facade.has("a"), False),
    "put": (lambda: facade.put("a", 1), False),
    "put_many": (lambda: facade.put_many({"a": 1}), False),
    "forget": (lambda: facade.forget("a"), False),
    "touch": (lambda: facade.touch("a", 60), False),
    "pull": (lambda: facade.pull("a", "default"), "default"),
    "remember": (lambda: facade.remember("a", 60, lambda: "made"), "made"),
}
RAISING: dict[str, Callable[[], Any]] = {
    "add": lambda: facade.add("b", 1),
    "increment": lambda: facade.increment("n"),
    "cas": lambda: facade.cas("n", str),
    "flush": lambda: facade.flush(),
    "ttl": lambda: facade.ttl("a"),
    "keys": lambda: list(facade.keys()),
}


@pytest.fixture
def server(look: Look, request: pytest.FixtureRequest) -> Any:
    """Give the server that the cache is in."""
    return request.getfixturevalue("mariadb" if look.vendor == "mysql" else "postgresql")


def end_connections(look: Look) -> None:
    """Have the server end every connection but the one that looks."""
    if look.vendor == "mysql":
        for (pid,) in look(
            "SELECT id FROM information_schema.processlist WHERE id <> connection_id()"
        ):
            look(f"KILL {pid}")
    else:
        look(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )


@pytest.mark.parametrize("verb", [*ANSWERS, *RAISING])
@only["servers"]
def test_a_connection_that_was_ended(cache: Any, look: Look, verb: str) -> None:
    cache.set_many({"a": 1, "n": 1})
    end_connections(look)
    if verb in ANSWERS:
        work, answer = ANSWERS[verb]
        assert work() in (answer, 1)  # a plain read asks again at once, by another connection
    else:
        expected = OutcomeUnknown if verb in ("add", "increment") else StoreUnavailable
        with pytest.raises(expected):
            RAISING[verb]()

    assert connections["disk"].connection is None or cache.get("n") == 1
    assert cache.get("n") == 1
    cache.set("after", 1)
    assert cache.get("after") == 1


@pytest.mark.parametrize("verb", [*ANSWERS, *RAISING])
@only["servers"]
def test_a_server_that_is_down(cache: Any, look: Look, server: Any, verb: str) -> None:
    cache.set_many({"a": 1, "n": 1})
    connections["look"].close()
    server.stop()
    for _ in range(2):
        if verb in ANSWERS:
            work, answer = ANSWERS[verb]
            assert work() == answer
        else:
            with pytest.raises(StoreUnavailable) as caught:
                RAISING[verb]()
    if verb in RAISING:
        # Nobody was there to be asked: it was certainly not done.
        assert type(caught.value) is StoreUnavailable
    server.start()

    assert cache.get("n") == 1
    cache.set("after", 1)
    assert cache.get("after") == 1


@only["servers"]
def test_a_connection_lost_in_a_transaction_is_the_databases_own_error(
    cache: Any, look: Look
) -> None:
    """A miss would let the caller go on in a transaction that is no more."""
    cache.set("a", 1)

    def caller(verb: Any) -> None:
        with transaction.atomic(using="disk"):
            cache.set("b", 1)
            end_connections(look)
            verb("a")

    for verb in (cache.get, cache.incr, lambda key: cache.set(key, 2)):
        with pytest.raises(OperationalError):
            caller(verb)
        assert cache.get_many("ab") == {"a": 1}


@pytest.fixture
def bounded(look: Look, server: Any, faulty: Any) -> Iterator[FaultProxy]:
    """Give a proxy between the alias ``bounded``, with its timeouts, and the server."""
    proxy: FaultProxy = faulty(server)
    settings = {**server.settings, "PORT": proxy.port, "OPTIONS": BOUNDS[look.vendor]}
    with entry("bounded", **settings), tables(default=config(database="bounded")):
        yield proxy


@only["servers"]
def test_a_new_connection_that_gets_no_answer_is_bounded(bounded: FaultProxy) -> None:
    caches["default"].set("a", 1)
    connections["bounded"].close()
    bounded.blackhole()
    began = time.monotonic()

    assert facade.put("a", 2) is False
    assert 1 <= time.monotonic() - began < 5
    bounded.healthy()
    assert caches["default"].get("a") == 1


@only["mariadb"]
def test_a_statement_that_gets_no_answer_is_bounded(bounded: FaultProxy) -> None:
    """As the clients of MySQL have it; that of PostgreSQL has no such timeout."""
    facade.put("n", 1)
    bounded.blackhole()
    began = time.monotonic()

    with pytest.raises(OutcomeUnknown):
        facade.increment("n")
    assert 0.9 <= time.monotonic() - began < 4
    bounded.healthy()
    assert facade.get("n") in (1, 2)


@only["postgresql"]
def test_a_statement_that_waits_for_a_lock_is_bounded(bounded: FaultProxy, look: Look) -> None:
    facade.put("n", 1)
    with transaction.atomic(using="look"):
        look("SELECT * FROM cache FOR UPDATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as caught:
            facade.increment("n")

    assert type(caught.value) is StoreUnavailable
    assert 0.2 <= time.monotonic() - began < 3
    assert connections["bounded"].connection is not None, "it was fit for use"
    assert queries(lambda: None) == []
    assert facade.increment("n") == 2


@only["servers"]
@pytest.mark.parametrize("verb", ["add", "increment", "cas"])
def test_a_lost_answer_is_told_and_nothing_is_done_twice(
    bounded: FaultProxy, look: Look, verb: str
) -> None:
    facade.put("n", 0)
    facade.increment("n")
    given: list[int] = []
    # MariaDB's UPDATE tells no number, so it is read before; so is what a cas swaps.
    before = {"add": 0, "increment": int(look.vendor == "mysql"), "cas": 1}[verb]

    def change(number: int) -> int:
        given.append(number)
        bounded.lose_one_reply(after=before)
        return number + 1

    works: dict[str, Callable[[], Any]] = {
        "add": lambda: facade.add("new", 1),
        "increment": lambda: facade.increment("n"),
        "cas": lambda: facade.cas("n", change),
    }
    if verb != "cas":
        bounded.lose_one_reply(after=before)
    with pytest.raises(OutcomeUnknown):
        works[verb]()
    bounded.healthy()
    assert given == ([1] if verb == "cas" else [])
    assert facade.get("n") == (1 if verb == "add" else 2)
    assert facade.get("new") == (1 if verb == "add" else None)


@only["servers"]
def test_threads_leave_no_transaction_open(cache: Any, look: Look) -> None:
    cache.set("n", 0)

    def work() -> None:
        cache_here = caches["default"]
        cache_here.incr("n")
        assert not connections["disk"].in_atomic_block
        connections["disk"].close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("n") == 4


@pytest.mark.parametrize(("name", "vendor"), [("postgresql", "postgresql"), ("mariadb", "mysql")])
def test_the_page_shows_the_timeouts_that_are_tried_here(name: str, vendor: str) -> None:
    page = (ROOT / "docs" / "stores" / "database.md").read_text()
    example = page[page.index("DATABASES = {") :].partition("```")[0]
    shown = ast.literal_eval(example.removeprefix("DATABASES = "))

    assert shown[name]["OPTIONS"] == BOUNDS[vendor]
