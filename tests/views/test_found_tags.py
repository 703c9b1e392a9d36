"""Tags that a page turns out to bear: those of its fragments, and what ``add_tags`` says."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template, engines
from django.template.response import TemplateResponse
from django.test import RequestFactory

from django_cachekit import cached_view
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import Kind, Operation, tag_record
from django_cachekit.manager import manager
from django_cachekit.views import add_tags

from .conftest import Counter
from .test_cached_view import shown

INNER = "{% load cachekit %}{% cachekit 600 'in' tags='inner' %}i{% endcachekit %}"


def direct(request: HttpRequest, text: str) -> HttpResponse:
    return HttpResponse(text + engines["django"].from_string(INNER).render({}, request))


def without_request(request: HttpRequest, text: str) -> HttpResponse:
    return HttpResponse(text + Template(INNER).render(Context()))


def deferred(request: HttpRequest, text: str) -> HttpResponse:
    return TemplateResponse(request, engines["django"].from_string(text + INNER))


def told(request: HttpRequest, text: str) -> HttpResponse:
    add_tags(request, "inner", ["more"])
    return HttpResponse(text + "i")


WAYS = [direct, without_request, deferred, told]


def counted(way: Callable[[HttpRequest, str], HttpResponse], **given: Any) -> Any:
    counter = Counter()

    @cached_view(600, tags=["page"], **given)
    def view(request: HttpRequest) -> HttpResponse:
        return way(request, counter.next())

    return view


@pytest.mark.parametrize("kept", [False, True], ids=["rendered", "found"])
@pytest.mark.parametrize("way", WAYS)
def test_a_flush_of_a_found_tag_takes_the_page_away(
    array: Any, rf: RequestFactory, way: Any, kept: bool
) -> None:
    view = counted(way)
    if kept:
        Template(INNER).render(Context())
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1i", "1i"]

    array.tags("other").flush()
    assert shown(view, rf.get("/")) == "1i"
    array.tags("inner").flush()
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["2i", "2i"]
    array.tags("page").flush()
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["3i", "3i"]


def test_on_every_store(store: Any, rf: RequestFactory) -> None:
    view = counted(deferred)
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1i", "1i"]

    store.tags("inner").flush()
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["2i", "2i"]


@pytest.mark.parametrize("way", WAYS)
def test_a_flush_of_a_found_tag_while_the_page_is_made(
    store: Any, rf: RequestFactory, way: Any
) -> None:
    def flushing(request: HttpRequest, text: str) -> HttpResponse:
        response: HttpResponse = way(request, text)
        if text == "1":
            if isinstance(response, TemplateResponse):
                response.render()
            store.tags("inner").flush()
        return response

    view = counted(flushing)
    assert shown(view, rf.get("/")) == "1i"
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["2i", "2i"]


def test_they_are_in_the_header_too(array: Any, rf: RequestFactory) -> None:
    for way in WAYS[:-1]:
        view = counted(way, surrogate=True, key_prefix=way.__name__)
        for _ in range(2):
            response = view(rf.get("/"))
            if hasattr(response, "render"):
                response.render()
            assert response["Surrogate-Key"] == "inner page", way


def test_coroutines_find_them_too(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600)
    async def view(request: HttpRequest) -> HttpResponse:
        return without_request(request, counter.next())

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1i", "1i"]
    array.tags("inner").flush()
    assert shown(view, rf.get("/")) == "2i"


def test_coroutines_at_once_find_their_own(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600)
    async def view(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        add_tags(request, request.path)
        await asyncio.sleep(0)
        return HttpResponse(counter.next())

    async def crowd() -> dict[str, bytes]:
        paths = [f"/{number}" for number in range(8)]
        asked = await asyncio.gather(*(view(rf.get(path)) for path in paths))
        return {path: one.content for path, one in zip(paths, asked, strict=True)}

    first = async_to_sync(crowd)()
    array.tags("/3").flush()
    again = async_to_sync(crowd)()
    assert {path for path in first if first[path] != again[path]} == {"/3"}


def test_what_is_added_in_a_fragment_stays_with_it(array: Any, rf: RequestFactory) -> None:
    """The fragment bears it, so a page that finds the fragment does."""
    request = rf.get("/")
    template = engines["django"].from_string(
        "{% load cachekit %}{% cachekit 600 'in' %}{{ tell }}i{% endcachekit %}"
    )

    def way(request: HttpRequest, text: str) -> HttpResponse:
        def tell() -> str:
            add_tags(request, "told")
            return ""

        return HttpResponse(text + template.render({"tell": tell}, request))

    first, second = counted(way, key_prefix="a"), counted(way, key_prefix="b")
    assert [shown(view, request) for view in (first, second)] == ["1i", "1i"]
    array.tags("told").flush()
    assert [shown(view, request) for view in (first, second)] == ["2i", "2i"]


def test_records_are_made_only_for_what_is_kept(array: Any, rf: RequestFactory) -> None:
    """Where anybody can make up an argument, ``add_tags`` leaves nothing of it behind."""
    driver = manager.home("default").stack().driver

    def there(tag: str) -> bool:
        read = Operation("read", Kind.READ, (tag_record(tag),))
        return bool(run_now(driver.perform(BLOCKING, read)).values)

    @cached_view(600, tags=["declared:{pk}"])
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        if pk > 1:
            return HttpResponse(status=404)
        add_tags(request, f"added:{pk}")
        return HttpResponse()

    for pk in (1, 2):
        view(rf.get(f"/{pk}"), pk=pk)
    assert [there(f"declared:{pk}") for pk in (1, 2)] == [True, True]
    assert [there(f"added:{pk}") for pk in (1, 2)] == [True, False]


def test_without_a_page_nothing_is_added(rf: RequestFactory) -> None:
    add_tags(rf.get("/"), "a")

    with pytest.raises(ValueError, match="name"):
        add_tags(rf.get("/"), None)


@pytest.mark.parametrize("kept", [False, True], ids=["rendered", "found"])
@pytest.mark.parametrize("way", WAYS)
def test_a_page_in_a_page_lends_it_its_tags(
    array: Any, rf: RequestFactory, way: Any, kept: bool
) -> None:
    """One that is found is asked by a request of its own: by the same, Django keeps no other."""
    inner = counted(way, key_prefix="inner")
    counter = Counter()

    @cached_view(600, tags=["outer"])
    def outer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next() + shown(inner, rf.get("/") if kept else request))

    if kept:
        shown(inner, rf.get("/"))
    assert [shown(outer, rf.get("/")) for _ in range(2)] == ["11i", "11i"]
    for number, tag in enumerate(["inner", "page"], 2):
        array.tags(tag).flush()
        assert [shown(outer, rf.get("/")) for _ in range(2)] == [f"{number}{number}i"] * 2
    array.tags("outer").flush()
    assert shown(outer, rf.get("/")) == "43i"


def test_a_fragment_around_a_page_bears_its_tags(array: Any, rf: RequestFactory) -> None:
    view = counted(told)
    template = engines["django"].from_string(
        "{% load cachekit %}{% cachekit 600 'out' %}{{ page }}{% endcachekit %}"
    )

    def seen() -> str:
        return template.render({"page": lambda: shown(view, rf.get("/"))})

    assert seen() == "1i"
    for number, tag in enumerate(["page", "more"], 2):
        array.tags(tag).flush()
        assert seen() == f"{number}i"
