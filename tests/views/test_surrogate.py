"""The header that names a page's tags to the caches on the way."""

from typing import Any

import pytest
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory

from django_cachekit import cached_view
from django_cachekit.views import surrogate_key

from .conftest import Counter


def view_with(**given: Any) -> Any:
    """Return a view that sends surrogate keys."""
    counter = Counter()
    return cached_view(600, **given)(lambda request, **_: HttpResponse(counter.next()))


@pytest.mark.parametrize(
    ("surrogate", "header", "value"),
    [
        (True, "Surrogate-Key", "cities city:7"),
        ("xkey", "xkey", "cities city:7"),
        ("Cache-Tag", "Cache-Tag", "cities,city:7"),
        ("edge-cache-tag", "Edge-Cache-Tag", "cities,city:7"),
        ("X-Cache-Tags", "X-Cache-Tags", "cities,city:7"),
    ],
)
def test_the_tags_are_in_the_header(
    store: Any, rf: RequestFactory, surrogate: Any, header: str, value: str
) -> None:
    view = view_with(tags=["city:{pk}", "cities"], surrogate=surrogate)

    for _ in range(2):
        response = view(rf.get("/"), pk=7)
        assert (response.content, response[header]) == (b"1", value)


def test_none_is_sent_unasked(array: Any, rf: RequestFactory) -> None:
    plain = view_with(tags=["cities"])(rf.get("/"))
    without_tags = view_with(surrogate=True)(rf.get("/other/"))

    assert "Surrogate-Key" not in plain
    assert "Surrogate-Key" not in without_tags


NASTY = [
    "a b",
    "a,b",
    "a\r\nSet-Cookie: x=1",
    "a\tb",
    "ä",
    "100%",
    "%20",
    "\ud800",
    '"',
    "\x00",
    " ",
]


@pytest.mark.parametrize("surrogate", [True, "Cache-Tag"])
def test_no_tag_parts_or_ends_it(array: Any, rf: RequestFactory, surrogate: Any) -> None:
    response = view_with(tags=NASTY, surrogate=surrogate)(rf.get("/"))

    value = response["Surrogate-Key" if surrogate is True else "Cache-Tag"]
    keys = value.split(" " if surrogate is True else ",")
    assert len(keys) == len(NASTY) == len(set(keys))
    assert sorted(keys) == sorted(map(surrogate_key, NASTY))
    assert all(" " < char <= "~" and char not in ',"' for key in keys for char in key)


def test_a_key_is_what_a_purge_has_to_name() -> None:
    assert surrogate_key("product:7") == "product:7"
    assert surrogate_key("tea & coffee") == "tea%20&%20coffee"


def test_what_comes_from_the_url_cannot_add_a_header(array: Any, rf: RequestFactory) -> None:
    view = view_with(tags=["word:{word}"], surrogate=True)

    response = view(rf.get("/"), word="x\r\nSet-Cookie: session=1 other")
    assert response["Surrogate-Key"] == "word:x%0D%0ASet-Cookie:%20session=1%20other"


def test_a_view_may_name_more(array: Any, rf: RequestFactory) -> None:
    @cached_view(600, tags=["b"], surrogate=True)
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(headers={"Surrogate-Key": "a"})

    assert [view(rf.get("/"))["Surrogate-Key"] for _ in range(2)] == ["a b", "a b"]


def test_a_page_kept_before_it_was_asked_for_gets_it(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next())

    cached_view(600, tags=["a"])(view)(rf.get("/"))
    hit = cached_view(600, tags=["a"], surrogate=True)(view)(rf.get("/"))
    assert (hit.content, hit["Surrogate-Key"]) == (b"1", "a")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_only_what_a_cache_may_keep_has_it(array: Any, rf: RequestFactory, method: str) -> None:
    asked = []

    def tags(request: HttpRequest) -> str:
        asked.append(request.method)
        return "a"

    response = view_with(tags=tags, surrogate=True)(rf.generic(method, "/"))

    cacheable = method in ("GET", "HEAD")
    assert ("Surrogate-Key" in response) == cacheable
    assert asked == [method] * cacheable


@pytest.mark.parametrize(
    "response",
    [HttpResponse(status=404), StreamingHttpResponse(), HttpResponse(headers={"Vary": "*"})],
)
def test_so_has_what_only_others_may_keep(array: Any, rf: RequestFactory, response: Any) -> None:
    """A cache on the way keeps a 404 too, which a flush of the tag is to purge."""
    view: Any = cached_view(600, tags=["a"], surrogate=True)(lambda request: response)

    assert view(rf.get("/"))["Surrogate-Key"] == "a"


def test_an_error_is_answered_outside_of_the_view(array: Any, rf: RequestFactory) -> None:
    @cached_view(600, tags=["a"], surrogate=True)
    def view(request: HttpRequest) -> HttpResponse:
        raise Http404

    with pytest.raises(Http404):
        view(rf.get("/"))


def test_template_responses_have_it_once(array: Any, rf: RequestFactory) -> None:
    @cached_view(600, tags=["a"], surrogate=True)
    def view(request: HttpRequest) -> TemplateResponse:
        return TemplateResponse(request, engines["django"].from_string("x"))

    for _ in range(2):
        response = view(rf.get("/"))
        assert response.render()["Surrogate-Key"] == "a"
