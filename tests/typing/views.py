"""What a type checker must see of ``cached_view``; read by mypy and pyright, never run."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from typing_extensions import assert_type

from django_cachekit import cached_view
from django_cachekit.views import add_tags, surrogate_key


def tags(request: HttpRequest, pk: int) -> list[str]:
    return [request.path, f"city:{pk}"]


@cached_view(600, tags=["city:{pk}"], surrogate="Cache-Tag")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    add_tags(request, "cities", ["more"])
    return HttpResponse()


@cached_view(None, tags=tags, store="other", key_prefix="a", surrogate=True)
async def later(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse()


@method_decorator(cached_view(600), name="dispatch")
class Page(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


view: Callable[..., Any] = cached_view(600)(Page.as_view())


def seen(request: HttpRequest) -> None:
    assert_type(page(request, 7), HttpResponse)
    assert_type(page(request, pk=7), HttpResponse)
    assert_type(surrogate_key("a b"), str)


async def awaited(request: HttpRequest) -> None:
    assert_type(await later(request, 7), HttpResponse)


def wrong(request: HttpRequest) -> None:
    page(request, "7")  # type: ignore[arg-type]
    page(request)  # type: ignore[call-arg]
    cached_view(600, tag="a")  # type: ignore[call-arg]
    cached_view()  # type: ignore[call-arg]
