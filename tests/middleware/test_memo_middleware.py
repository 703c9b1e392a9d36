"""One memory per request, by Django's own handlers: what is read in one is not seen in another."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.cache import caches
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, override_settings
from django.urls import path

from django_cachekit import cache
from django_cachekit.layers import memo
from django_cachekit.middleware import MemoMiddleware

pytestmark = pytest.mark.django_db  # Django looks after connections when a request ends

ARRAY = {"default": {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "memo-m"}}
OURS = ["django_cachekit.middleware.MemoMiddleware"]


class Ticking:
    """Be what another process writes: a number that only grows."""

    def __init__(self) -> None:
        self.number = 0
        self.lock = threading.Lock()

    def tick(self) -> int:
        """Write the next number where no memory notices."""
        with self.lock:
            self.number += 1
            caches["default"].set("n", self.number)
            return self.number


clock = Ticking()


def text(*numbers: Any) -> HttpResponse:
    return HttpResponse(" ".join(map(str, numbers)))


async def awaited(request: Any) -> HttpResponse:
    owed = clock.tick()
    first = await cache.memo().aget("n")
    clock.tick()
    await asyncio.sleep(0.001)
    return text(owed, first, await cache.memo().aget("n"))


def blocking(request: Any) -> HttpResponse:
    owed = clock.tick()
    first = cache.memo().get("n")
    clock.tick()
    return text(owed, first, cache.memo().get("n"))


async def mixed(request: Any) -> HttpResponse:
    """Read in the task, in a thread and in tasks of one's own."""
    owed = clock.tick()
    first = await cache.memo().aget("n")
    clock.tick()
    second = await sync_to_async(cache.memo().get)("n")
    more = await asyncio.gather(*(cache.memo().aget("n") for _ in range(2)))
    return text(owed, first, second, *more)


async def streamed(request: Any) -> StreamingHttpResponse:
    owed = clock.tick()
    first = await cache.memo().aget("n")

    async def pieces() -> AsyncIterator[str]:
        yield f"{owed} {first}"
        for _ in range(2):
            clock.tick()
            await asyncio.sleep(0.001)
            yield f" {await cache.memo().aget('n')}"

    return StreamingHttpResponse(pieces())


def streamed_blocking(request: Any) -> StreamingHttpResponse:
    owed = clock.tick()
    first = cache.memo().get("n")

    def pieces() -> Iterator[str]:
        yield f"{owed} {first}"
        for _ in range(2):
            clock.tick()
            yield f" {cache.memo().get('n')}"

    return StreamingHttpResponse(pieces())


kept = list[Any]()


def lingering(request: Any) -> HttpResponse:
    """Leave the memory to somebody who outlives the request."""
    kept.append(memo.current())
    if "fail" in request.GET:
        raise ValueError("as asked")
    return text(cache.memo().get("n"))


def a_file(request: Any) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


VIEWS: list[Callable[..., Any]] = [awaited, blocking, mixed, streamed, streamed_blocking]
urlpatterns = [path(view.__name__, view) for view in [*VIEWS, lingering, a_file]]


@pytest.fixture(params=[[], OURS], ids=["bare", "ours"])
def middleware(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def site(middleware: Any) -> Iterator[None]:
    kept.clear()
    with override_settings(CACHES=ARRAY, ROOT_URLCONF=__name__, MIDDLEWARE=middleware):
        yield


async def asked(app: Any, url: str) -> str:
    """Have an ASGI application answer, and return the body."""
    where, _, query = url.partition("?")
    scope = {"type": "http", "method": "GET", "path": where, "headers": []}
    scope["query_string"] = query.encode()
    body, said = b"", [{"type": "http.request"}]

    async def receive() -> Any:
        if said:
            return said.pop()
        await asyncio.sleep(60)  # until it is cancelled: this client does not hang up

    async def send(message: Any) -> None:
        nonlocal body
        body += message.get("body", b"")

    await app(scope, receive, send)
    return body.decode()


def judge(answers: list[str], *, shared: bool) -> None:
    """See that each request read for itself; where its memory is shared, once."""
    for answer in answers:
        owed, *read = map(int, answer.split())
        assert min(read) >= owed, "it was read before this request began"
        assert len(read) > 1
        if shared:
            assert len(set(read)) == 1, "it was read once"


SINGLE = {"awaited", "blocking"}
"""Views that read in one task or thread, for which a memory is kept without the middleware too."""


@pytest.mark.parametrize("view", [view.__name__ for view in VIEWS])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_requests_by_asgi_share_nothing(view: str, middleware: Any) -> None:
    async def storm() -> list[str]:
        app = ASGIHandler()
        clock.tick()
        await cache.memo().aget("n")  # a server's own task has a memory, which is nobody else's
        together = await asyncio.gather(*(asked(app, f"/{view}") for _ in range(30)))
        return [*together, *[await asked(app, f"/{view}") for _ in range(10)]]

    judge(async_to_sync(storm)(), shared=bool(middleware) or view in SINGLE)


@pytest.mark.parametrize("view", [view.__name__ for view in VIEWS if view is not streamed])
def test_requests_by_wsgi_share_nothing(view: str, middleware: Any) -> None:
    def answer(_: int) -> str:
        client = Client()
        said = []
        for _ in range(5):
            response = client.get(f"/{view}")
            said.append(response.getvalue().decode())
        return "\n".join(said)

    with ThreadPoolExecutor(6) as pool:
        answers = "\n".join(pool.map(answer, range(6))).splitlines()
    judge(answers, shared=bool(middleware) or view in {"blocking", "streamed_blocking"})


@pytest.mark.parametrize("middleware", [OURS], indirect=True)
@pytest.mark.parametrize("face", ["sync", "async"])
def test_it_ends_with_the_request(face: str) -> None:
    def ask(url: str) -> Any:
        if face == "async":
            return async_to_sync(asked)(ASGIHandler(), url)
        return Client(raise_request_exception=False).get(url)

    ask("/lingering")
    ask("/lingering?fail")
    assert len(kept) == 2
    assert all(memory.ended for memory in kept)
    assert kept[0] is not kept[1]


@pytest.mark.parametrize("middleware", [OURS], indirect=True)
def test_one_that_is_not_sent_to_its_end_ends_too() -> None:
    def view(request: Any) -> StreamingHttpResponse:
        kept.append(memo.current())
        return streamed_blocking(request)

    response = MemoMiddleware(view)(HttpRequest())
    next(iter(response))
    assert kept[0].ended is False
    response.close()
    assert kept[0].ended is True


@pytest.mark.parametrize("middleware", [OURS], indirect=True)
def test_an_error_of_the_view_ends_it() -> None:
    def fail(request: Any) -> Any:
        kept.append(memo.current())
        raise LookupError

    async def afail(request: Any) -> Any:
        fail(request)

    for call in (MemoMiddleware(fail), async_to_sync(MemoMiddleware(afail))):
        with pytest.raises(LookupError):
            call(None)
    assert [memory.ended for memory in kept] == [True, True]
    assert memo.current() not in kept


@pytest.mark.parametrize("middleware", [OURS], indirect=True)
def test_a_file_is_left_as_it_is() -> None:
    response = MemoMiddleware(a_file)(HttpRequest())
    assert response.file_to_stream is not None, "the server may send it by itself"
    assert b"One memory per request" in response.getvalue()
    response.close()
