"""``cached_view`` keeps what ``cache_page`` keeps, and nothing else.

The same requests go to the same view under either, over a table of requests and responses: among
them all that the security releases of 2026 are about. Each must answer alike, headers and all, and
have run the view as often.
"""

import functools
import itertools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_page

from django_cachekit import cached_view
from tests.conftest import Clock
from tests.placing import placed
from tests.stores import BY_NAME

Make = Callable[[HttpRequest, str], HttpResponseBase]


def said(**headers: str) -> Make:
    """Return a maker of a response with these headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request, text: HttpResponse(text, headers=named)


def status(number: int) -> Make:
    return lambda request, text: HttpResponse("" if number == 304 else text, status=number)


def cookie(vary: str = "", **headers: str) -> Make:
    """Return a maker of a response that sets a cookie."""

    def make(request: HttpRequest, text: str) -> HttpResponse:
        response = HttpResponse(text, headers={**headers, **({"Vary": vary} if vary else {})})
        response.set_cookie("session", f"of {text}")
        return response

    return make


def streaming(request: HttpRequest, text: str) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([text.encode()]))


def template(vary: str = "") -> Make:
    """Return a maker of a response that is rendered later, and then says what it varies on."""

    def make(request: HttpRequest, text: str) -> TemplateResponse:
        page = engines["django"].from_string("{{ text }}")
        response = TemplateResponse(request, page, {"text": text})
        if vary:
            response.add_post_render_callback(lambda late: patch_vary_headers(late, [vary]))
        return response

    return make


def private_for_some(request: HttpRequest, text: str) -> HttpResponse:
    """Answer with what is for one alone, to those who log in."""
    response = HttpResponse(text)
    if "Cookie" in request.headers:
        response["Vary"] = "Cookie"
        response["Cache-Control"] = "private"
    return response


def varies_for_some(request: HttpRequest, text: str) -> HttpResponse:
    """Answer with another Vary from one request to the next."""
    response = HttpResponse(text)
    if request.headers.get("X-A"):
        patch_vary_headers(response, ["X-A", "Cookie"])
    return response


RESPONSES: dict[str, Make] = {
    "plain": said(),
    **{str(number): status(number) for number in (201, 206, 301, 304, 404, 500)},
    "streaming": streaming,
    "cookie": cookie(),
    "cookie, vary": cookie("Cookie"),
    "cookie, vary in other letters": cookie("Accept, cOOkie "),
    "cookie, public": cookie("Cookie", **{"Cache-Control": "public"}),
    **{
        f"vary {vary!r}": said(Vary=vary)
        for vary in ("Cookie", "*", " *", "X-A, *", "X-A", "x-a , Cookie", "Accept-Language", "")
    },
    **{
        f"control {control!r}": said(Cache_Control=control)
        for control in (
            "private", "PRIVATE", "no-store", "no-cache", "No-Cache, max-age=5", "public",
            'private="Set-Cookie"', 'no-cache="X-A"', "max-age=0", "max-age=5", "max-age=9999",
            "max-age=soon", "s-maxage=5", "must-revalidate", "public, max-age=5", "unprivate", "",
        )
    },
    "expires": said(Expires="Thu, 01 Jan 1970 00:00:00 GMT"),
    "never mind": said(Expires="tomorrow"),
    "pragma": said(Pragma="no-cache"),
    "template": template(),
    "template, vary later": template("Cookie"),
    "template, vary on all later": template("*"),
    "private for some": private_for_some,
    "varies for some": varies_for_some,
}  # fmt: skip

REQUESTS: dict[str, dict[str, Any]] = {
    "get": {},
    "query": {"QUERY_STRING": "page=2"},
    "path": {"PATH_INFO": "/other/"},
    "host": {"HTTP_HOST": "localhost"},
    "https": {"wsgi.url_scheme": "https"},
    "head": {"REQUEST_METHOD": "HEAD"},
    "post": {"REQUEST_METHOD": "POST"},
    "put": {"REQUEST_METHOD": "PUT"},
    "options": {"REQUEST_METHOD": "OPTIONS"},
    "purge": {"REQUEST_METHOD": "PURGE"},
    "token": {"HTTP_AUTHORIZATION": "token"},
    "other token": {"HTTP_AUTHORIZATION": "other"},
    "no token": {"HTTP_AUTHORIZATION": ""},
    "ada": {"HTTP_COOKIE": "user=ada"},
    "bob": {"HTTP_COOKIE": "user=bob"},
    "no cookie": {"HTTP_COOKIE": ""},
    "a": {"HTTP_X_A": "1"},
    "other a": {"HTTP_X_A": "2"},
    "empty a": {"HTTP_X_A": ""},
    "german": {"HTTP_ACCEPT_LANGUAGE": "de"},
    "no-cache": {"HTTP_CACHE_CONTROL": "no-cache"},
    "range": {"HTTP_RANGE": "bytes=0-1"},
    "if none match": {"HTTP_IF_NONE_MATCH": "*"},
}


class Side:
    """Serve one view under one of the two decorators, and note what comes out."""

    def __init__(self, decorator: Any, make: Make, *, awaited: bool = False) -> None:
        self.ran = 0
        self.make = make

        def view(request: HttpRequest) -> HttpResponseBase:
            self.ran += 1
            return self.make(request, f"{self.ran} for {sorted(request.headers.items())}")

        async def later(request: HttpRequest) -> HttpResponseBase:
            return view(request)

        self.view = async_to_sync(decorator(later)) if awaited else decorator(view)

    def answer(self, name: str) -> Any:
        """Return all that a client would see of the answer, and how often the view has run."""
        try:
            response = self.view(RequestFactory().generic("GET", "/view/", **REQUESTS[name]))
            if hasattr(response, "render"):
                response = response.render()
        except Exception as error:  # Django's own, over "max-age=soon"
            return name, self.ran, repr(error)
        headers = sorted(response.headers.items())
        cookies = response.cookies.output()
        body = b"".join(response)
        return name, self.ran, response.status_code, headers, cookies, body


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let time stand still until it is moved: the answers tell it."""
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.5)
    return Clock(monkeypatch)


@pytest.fixture
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Have a store of the table and, as ``theirs``, one of Django's."""
    locmem = "django.core.cache.backends.locmem.LocMemCache"
    with placed(BY_NAME[request.param], request, tmp_path):
        theirs = {"BACKEND": locmem, "LOCATION": f"{tmp_path}/theirs"}
        caches: dict[str, Any] = {**settings.CACHES, "theirs": theirs}
        for config in caches.values():
            if config["BACKEND"] == locmem:
                config["OPTIONS"] = {"MAX_ENTRIES": 100_000}  # what it culls, it does by chance
        with override_settings(CACHES=caches, CACHE_MIDDLEWARE_SECONDS=40):
            yield


def sides(make: Make, ttl: int | None, *, awaited: bool = False) -> tuple[Side, Side]:
    """Return the view under each, ours with tags."""
    ours = cached_view(ttl, tags=["people", "view:{request.path}"])
    return Side(ours, make, awaited=awaited), Side(cache_page(ttl, cache="theirs"), make)


over = functools.partial(pytest.mark.parametrize, "both", indirect=True)


def walk(names: list[str]) -> Iterator[str]:
    """Go over all names so that each comes once behind each, itself included."""
    for at, name in enumerate(names):
        yield name
        for other in names[at + 1 :]:
            yield from (name, other)


@over(argvalues=["array"])
@pytest.mark.parametrize("name", RESPONSES)
def test_every_pair_of_requests_is_answered_alike(both: None, clock: Clock, name: str) -> None:
    ours, theirs = sides(RESPONSES[name], 60)
    told = [*walk(list(REQUESTS)), "get"]
    assert set(itertools.pairwise(told)) == set(itertools.product(REQUESTS, repeat=2))
    for at, request in enumerate(told):
        assert ours.answer(request) == theirs.answer(request), told[: at + 1]


@over(argvalues=["array", "database"])
@pytest.mark.parametrize("name", ["plain", "cookie, vary", "template, vary later", "streaming"])
def test_what_is_awaited_is_answered_alike(both: None, clock: Clock, name: str) -> None:
    ours, theirs = sides(RESPONSES[name], 60, awaited=True)
    for request in [*REQUESTS, *REQUESTS]:
        assert ours.answer(request) == theirs.answer(request)


@over(argvalues=["array", "file", "locmem", "tagged-locmem"])
@pytest.mark.parametrize("ttl", [None, 0, 1, 5, 60])
def test_any_course_of_requests_is_answered_alike(
    both: None, clock: Clock, ttl: int | None
) -> None:
    dice = random.Random(str(ttl))
    for name in RESPONSES:
        ours, theirs = sides(RESPONSES[name], ttl)
        told = []
        for _ in range(25):
            request = dice.choice(list(REQUESTS))
            told.append(request)
            ours.make = theirs.make = RESPONSES[dice.choice([name, name, name, *RESPONSES])]
            assert ours.answer(request) == theirs.answer(request), told
            clock.advance(dice.choice([0, 0, 0, 1, 4, 50]))


@over(argvalues=["array"])
def test_languages_are_kept_apart_alike(both: None, clock: Clock) -> None:
    ours, theirs = sides(RESPONSES["plain"], 60)
    for language in ("en", "de", "en", "de", "fr"):
        with translation.override(language):
            assert ours.answer("get") == theirs.answer("get")
    assert ours.ran == 3


@over(argvalues=["array"])
def test_the_table_would_notice(both: None, clock: Clock) -> None:
    """Each kind of leak, made on purpose, or the comparison could be blind."""
    leaks: dict[str, Callable[[HttpResponseBase], Any]] = {
        "cookie, vary": lambda response: response.cookies.clear(),
        "vary 'Cookie'": lambda response: response.headers.pop("Vary"),
        "control 'private'": lambda response: response.headers.pop("Cache-Control"),
        "404": lambda response: setattr(response, "status_code", 200),
    }
    for number, (name, leak) in enumerate(leaks.items()):
        prefix = str(number)

        def leaking(
            request: HttpRequest,
            text: str,
            name: str = name,
            leak: Callable[[HttpResponseBase], Any] = leak,
        ) -> HttpResponseBase:
            response = RESPONSES[name](request, text)
            leak(response)
            return response

        ours = Side(cached_view(60, key_prefix=prefix), leaking)
        theirs = cache_page(60, cache="theirs", key_prefix=prefix)
        others = Side(theirs, RESPONSES[name])
        for request in ("ada", "bob", "ada"):
            ours.answer(request)
            others.answer(request)
        assert ours.ran < others.ran, name
