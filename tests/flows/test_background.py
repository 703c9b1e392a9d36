"""Where that is computed which is computed behind a caller: ``CACHEKIT["BACKGROUND"]``."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

from django_cachekit import cache
from django_cachekit.core import background
from django_cachekit.flows import behind
from django_cachekit.testing.clock import Clock
from django_cachekit.testing.conformance.aging_options import settled
from tests.stores import BY_NAME

said: list[str] = []
"""What happened, in order."""


def compute() -> str:
    """Say where it is computed."""
    thread = "ours" if threading.current_thread().name.startswith("cachekit") else "the request's"
    said.append(f"computed in {thread}, {'in' if connection.in_atomic_block else 'no'} transaction")
    return "new"


async def acompute() -> str:
    """Say so in a coroutine."""
    await asyncio.sleep(0)
    said.append("computed in a task")
    return "new"


def view(request: HttpRequest) -> HttpResponse:
    """Ask for what is stale."""
    found = cache.flexible("key", (60, 600), compute)
    said.append(f"answered {found}")
    return HttpResponse(found)


async def aview(request: HttpRequest) -> HttpResponse:
    """Ask for what is stale, awaited."""
    found = await cache.aflexible("key", (60, 600), acompute)
    await asyncio.sleep(0.05)
    said.append(f"answered {found}")
    return HttpResponse(found)


@transaction.atomic
def atomic_view(request: HttpRequest) -> HttpResponse:
    """Ask for it in a transaction."""
    return view(request)


urlpatterns = [path("", view), path("a/", aview), path("atomic/", atomic_view)]


@pytest.fixture(autouse=True)
def stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a stale value, and pages that ask for it."""
    clock = Clock(monkeypatch)
    caches = BY_NAME["array"].caches(tmp_path)
    with override_settings(CACHES=caches, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        cache.flexible("key", (60, 600), lambda: "old")
        clock.advance(61)
        said.clear()
        yield
        settled()


def place(name: str) -> Any:
    return override_settings(CACHEKIT={"BACKGROUND": name})


def seen(url: str) -> str:
    """Return what a client of a blocking server is answered."""
    return Client().get(url).content.decode()


@pytest.mark.django_db(transaction=True)
def test_in_a_thread_it_is_in_no_transaction_of_the_request() -> None:
    assert seen("/atomic/") == "old"
    settled()
    assert sorted(said) == ["answered old", "computed in ours, no transaction"]
    assert cache.get("key") == "new"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("url", ["/", "/atomic/"])
def test_after_the_response_it_is_done_in_the_thread_of_the_request(url: str) -> None:
    with place("after_response"):
        assert seen(url) == "old"
    assert said == ["answered old", "computed in the request's, no transaction"]
    assert cache.get("key") == "new"


@pytest.mark.django_db(transaction=True)
def test_but_never_in_a_transaction() -> None:
    with place("after_response"), transaction.atomic():
        assert seen("/") == "old"
        settled()
    assert said == ["answered old", "computed in ours, no transaction"]


@pytest.mark.django_db
def test_the_transaction_around_a_test_is_none() -> None:
    with place("after_response"):
        assert seen("/") == "old"
    assert said == ["answered old", "computed in the request's, in transaction"]


def test_outside_of_a_request_it_is_done_in_a_thread() -> None:
    with place("after_response"):
        assert cache.flexible("key", (60, 600), compute) == "old"
        settled()
    assert said == ["computed in ours, no transaction"]


async def served(url: str) -> bytes:
    """Return what a client of an awaiting server is answered, when all that follows is done."""
    scope = {"type": "http", "method": "GET", "path": url, "headers": [], "query_string": b""}
    client = ApplicationCommunicator(get_asgi_application(), scope)
    await client.send_input({"type": "http.request"})
    await client.receive_output()
    said.append("sent")
    body = await client.receive_output()
    await client.wait()
    for _ in range(200):
        await asyncio.sleep(0.01)
        if not behind.REFRESHES._under_way:
            break
    return bytes(body["body"])


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("thread", ["computed in a task", "answered old", "sent"]),
        ("after_response", ["answered old", "sent", "computed in a task"]),
    ],
)
def test_awaited_it_is_a_task_of_the_loop(name: str, order: list[str]) -> None:
    with place(name):
        assert asyncio.run(served("/a/")) == b"old"
    assert said == order
    assert cache.get("key") == "new"


@pytest.mark.django_db(transaction=True)
def test_so_it_is_in_a_blocking_view_of_an_awaiting_server() -> None:
    with place("after_response"):
        assert asyncio.run(served("/atomic/")) == b"old"
    assert said == ["answered old", "sent", "computed in the request's, no transaction"]


def test_without_a_server_no_response_is_waited_for() -> None:
    async def ask() -> bytes:
        return bytes((await AsyncClient().get("/a/")).content)

    with place("after_response"):
        assert asyncio.run(ask()) == b"old"
        settled()
    assert sorted(said) == ["answered old", "computed in a task"]


def test_awaited_under_wsgi_it_is_done_by_a_loop_of_its_own() -> None:
    with place("after_response"):
        assert seen("/a/") == "old"
        settled()
    assert said == ["answered old", "computed in a task"]
    assert cache.get("key") == "new"


def test_a_request_leaves_so_much_behind_and_no_more() -> None:
    answer = background.Answer()
    done = list[int]()
    taken = [answer.take_on(lambda: done.append(1)) for _ in range(background.WAITING + 5)]
    assert taken.count(False) == 5
    answer.end()
    assert len(done) == background.WAITING


def test_one_that_fails_keeps_no_other_from_being_done(caplog: pytest.LogCaptureFixture) -> None:
    answer, done = background.Answer(), list[int]()

    def fails() -> None:
        raise LookupError("private")

    answer.take_on(fails)
    answer.take_on(lambda: done.append(1))
    answer.end()
    assert done == [1]
    assert "LookupError" in caplog.text
    assert "private" not in caplog.text


def test_with_soft_timeout_it_is_begun_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits for it cannot have it done after him."""
    with place("after_response"):
        background._begin()
        try:
            assert cache.refresh("key", 60, compute, soft_timeout=10) == "new"
        finally:
            background._end()


Work = Callable[[], Any]


@pytest.mark.django_db(transaction=True)
def test_threads_close_their_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[int] = []

    def close_all() -> None:
        closed.append(threading.get_ident())

    monkeypatch.setattr(background.connections, "close_all", close_all)
    used: list[int] = []

    def make() -> str:
        connection.ensure_connection()
        used.append(threading.get_ident())
        connection.close()
        return "new"

    assert cache.flexible("key", (60, 600), make) == "old"
    settled()
    done = threading.Event()
    background.CREW.take_on(done.set)
    assert done.wait(10)
    assert closed[0] == used[0]
