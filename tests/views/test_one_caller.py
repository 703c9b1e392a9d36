"""One request renders a page; those that come meanwhile wait, unless that would be in vain."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings

from django_cachekit import cached_view
from django_cachekit.core.flights import BOARD
from django_cachekit.views import add_tags
from tests.stores import BY_NAME

from .conftest import Counter
from .test_cached_view import shown

IN_VAIN: dict[str, Callable[[str], Any]] = {
    "private": lambda text: HttpResponse(text, headers={"Cache-Control": "private"}),
    "an error": lambda text: HttpResponse(text, status=500),
    "streaming": lambda text: StreamingHttpResponse([text]),
}


class Slow:
    """Be a view that begins, and ends when it is told to."""

    def __init__(self, answer: Callable[[str], Any] = HttpResponse) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.counter, self.answer = Counter(), answer
        self.together = threading.Barrier(3, timeout=10)
        self.first = True

    def __call__(self, request: HttpRequest) -> Any:
        number = self.counter.next()
        if self.first:
            self.first = False
            self.begun.set()
            assert self.go.wait(10)
        elif self.answer is not HttpResponse:
            self.together.wait()  # they run at the same time, or this breaks
        return self.answer(number)


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(8) as pool:
        yield pool
    assert not BOARD.busy()


def others(pool: Any, view: Any, slow: Slow, rf: RequestFactory, count: int) -> list[Future[Any]]:
    """Have one render, and others wait for it; then let it go on."""
    first = pool.submit(view, rf.get("/"))
    assert slow.begun.wait(10)
    more = [pool.submit(view, rf.get("/")) for _ in range(count)]
    (flight,) = BOARD._flights.values()
    while not flight.followed:
        pass
    slow.go.set()
    return [first, *more]


def test_threads_render_once(store: Any, rf: RequestFactory, pool: Any, request: Any) -> None:
    if request.node.callspec.params["store"] in ("django-db", "database", "database-sealed"):
        pytest.skip("its tests are in one thread")
    slow = Slow()
    asked = others(pool, cached_view(600, tags=["t"])(slow), slow, rf, 5)
    assert [future.result(10).content for future in asked] == [b"1"] * 6


def test_tasks_render_once(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600, tags=["t"])
    async def view(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.05)
        return HttpResponse(counter.next())

    async def crowd() -> list[bytes]:
        return [one.content for one in await asyncio.gather(*(view(rf.get("/")) for _ in range(9)))]

    assert async_to_sync(crowd)() == [b"1"] * 9
    assert not BOARD.busy()


@pytest.mark.parametrize("why", IN_VAIN)
def test_nobody_waits_twice_for_what_is_not_kept(
    array: Any, rf: RequestFactory, pool: Any, why: str
) -> None:
    slow = Slow(IN_VAIN[why])
    asked = others(pool, cached_view(600)(slow), slow, rf, 3)
    assert len({future.result(10) for future in asked}) == 4


def test_nobody_waits_twice_for_a_view_that_raises(
    array: Any, rf: RequestFactory, pool: Any
) -> None:
    def missing(number: str) -> Any:
        raise Http404(number)

    slow = Slow(missing)
    for future in others(pool, cached_view(600)(slow), slow, rf, 3):
        with pytest.raises(Http404):
            future.result(10)
    assert slow.counter.next() == "5"


def test_what_is_never_kept_is_not_waited_for(array: Any, rf: RequestFactory, pool: Any) -> None:
    slow = Slow()
    view = cached_view(600)(slow)
    first = pool.submit(view, rf.post("/"))
    assert slow.begun.wait(10)
    assert pool.submit(view, rf.post("/")).result(10).content == b"2"
    slow.go.set()
    assert first.result(10).content == b"1"


def test_a_page_that_varies_is_rendered_once_for_each(
    array: Any, rf: RequestFactory, pool: Any
) -> None:
    """Nobody knows yet that it varies, so a stranger waits too, and then renders his own."""
    counter, begun, go = Counter(), threading.Event(), threading.Event()

    @cached_view(600)
    def view(request: HttpRequest) -> HttpResponse:
        number = counter.next()
        begun.set()
        assert go.wait(10)
        return HttpResponse(request.headers["X"] + number, headers={"Vary": "X"})

    asked = [pool.submit(view, rf.get("/", headers={"X": "a"}))]
    assert begun.wait(10)
    asked += [pool.submit(view, rf.get("/", headers={"X": of})) for of in "aabb"]
    go.set()
    given = [future.result(10).content.decode() for future in asked]
    assert given == ["a1", "a1", "a1", "b2", "b2"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_page_that_is_rendered_later_is_waited_for_until_then(
    array: Any, rf: RequestFactory, pool: Any, fails: bool
) -> None:
    counter = Counter()

    def number() -> str:
        text = counter.next()
        if fails and text == "1":
            raise LookupError(text)
        return text

    @cached_view(600)
    def view(request: HttpRequest) -> TemplateResponse:
        return TemplateResponse(
            request, engines["django"].from_string("{{ number }}"), {"number": number}
        )

    first = view(rf.get("/"))
    second = pool.submit(shown, view, rf.get("/"))
    (flight,) = BOARD._flights.values()
    while not flight.followed:
        pass
    if fails:
        with pytest.raises(LookupError):
            first.render()
    else:
        assert first.render().content == b"1"
    assert second.result(10) == ("2" if fails else "1")


def test_a_page_that_nobody_renders_is_waited_for_no_longer_than_that(
    array: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_cachekit.flows.pages.PATIENCE", 0.2)
    counter = Counter()

    @cached_view(600)
    def view(request: HttpRequest) -> TemplateResponse:
        template = engines["django"].from_string(counter.next())
        return TemplateResponse(request, template)

    view(rf.get("/"))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(shown, view, rf.get("/")).result(10) == "2"
    assert not BOARD.busy()


def test_a_page_that_shows_itself_does_not_wait(array: Any, rf: RequestFactory) -> None:
    depth = []

    @cached_view(600)
    def view(request: HttpRequest) -> HttpResponse:
        depth.append(1)
        inner = b"" if len(depth) > 1 else view(request).content
        return HttpResponse(b"(%b)" % inner)

    assert shown(view, rf.get("/")) == "(())"


def test_who_waits_bears_the_tags_that_are_found(array: Any, rf: RequestFactory, pool: Any) -> None:
    """What shows the page is flushed with it, whoever rendered it."""
    slow = Slow()

    @cached_view(600, key_prefix="in")
    def inner(request: HttpRequest) -> Any:
        add_tags(request, "found")
        return slow(request)

    outer = [cached_view(600, key_prefix=of)(inner) for of in ("a", "b")]
    asked = [pool.submit(outer[0], rf.get("/"))]
    assert slow.begun.wait(10)
    asked.append(pool.submit(outer[1], rf.get("/")))
    slow.go.set()
    assert [future.result(10).content for future in asked] == [b"1", b"1"]
    array.tags("found").flush()
    assert [shown(view, rf.get("/")) for view in outer] == ["2", "2"]


@pytest.mark.parametrize("kind", ["array", "file"])
def test_who_has_the_turn_when_the_page_was_just_kept_is_given_it(
    kind: str,
    tmp_path: Path,
    rf: RequestFactory,
    pool: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its key was not known when he looked, so what lies under the probable one says nothing."""
    slow = Slow(lambda number: HttpResponse(number, headers={"Vary": "X"}))
    join, kept = BOARD.join, threading.Event()

    def late(name: Any, *, blocking: bool) -> Any:
        if slow.begun.is_set():
            slow.go.set()
            assert kept.wait(10)
        return join(name, blocking=blocking)

    monkeypatch.setattr(BOARD, "join", late)
    view = cached_view(600)(slow)
    with override_settings(CACHES=BY_NAME[kind].caches(tmp_path)):
        first = pool.submit(view, rf.get("/"))
        assert slow.begun.wait(10)
        second = pool.submit(view, rf.get("/"))
        assert first.result(10).content == b"1"
        kept.set()
        assert second.result(10).content == b"1"
