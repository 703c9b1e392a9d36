"""Views that ask caches, blocking and awaited, by the facade and as plain Django does."""

from collections.abc import Iterator
from typing import Any

from debug_toolbar.toolbar import debug_toolbar_urls
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from django_cachekit import cache

PAGE = "<!doctype html><html><body><p>page</p></body></html>"


def facade(request: HttpRequest) -> HttpResponse:
    alias = request.GET["alias"]
    store = cache.store(alias)
    store.put("secret", "the value", 60)
    store.get("secret")
    store.get("nothing")
    store.many(["secret", "nothing"])
    store.tags("people").remember("<b>key</b>", 60, lambda: "another value")
    return HttpResponse(PAGE)


async def afacade(request: HttpRequest) -> HttpResponse:
    alias = request.GET["alias"]
    store = cache.store(alias)
    await store.aput("secret", "the value", 60)
    await store.aget("secret")
    await store.aget("nothing")
    await store.amany(["secret", "nothing"])
    await store.tags("people").aremember("<b>key</b>", 60, _value)
    return HttpResponse(PAGE)


async def _value() -> str:
    return "another value"


def plain(request: HttpRequest) -> HttpResponse:
    store: Any = caches[request.GET["alias"]]
    store.set("a", 1)
    store.get("a")
    store.get("b")
    store.get_many(["a", "b"])
    return HttpResponse(PAGE)


async def aplain(request: HttpRequest) -> HttpResponse:
    store: Any = caches[request.GET["alias"]]
    await store.aset("a", 1)
    await store.aget("a")
    await store.aget("b")
    await store.aget_many(["a", "b"])
    return HttpResponse(PAGE)


def failing(request: HttpRequest) -> HttpResponse:
    cache.get("nothing")
    raise ValueError("a view that fails")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    cache.get("before")

    def body() -> Iterator[str]:
        cache.get("while it streams")
        yield PAGE

    return StreamingHttpResponse(body())


urlpatterns = [
    path("facade", facade),
    path("afacade", afacade),
    path("plain", plain),
    path("aplain", aplain),
    path("failing", failing),
    path("streaming", streaming),
    *debug_toolbar_urls(),
]
