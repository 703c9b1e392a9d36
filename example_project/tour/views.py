"""The pages of the tour: an index, and one page for all stops."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from django_cachekit import cache

from . import code
from .stop import Stop
from .stops import PARTS, STOPS

KEPT = 600  # seconds for which what came of an action can be looked at again


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List the stops."""
    context = {"section": "tour", "parts": PARTS, "count": len(STOPS), "store": settings.STORE_SAID}
    return render(request, "tour/index.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a stop; a button does something, and the page it leads to says what came of it."""
    stop = next((stop for stop in STOPS if stop.slug == slug), None)
    if stop is None:
        raise Http404(f"There is no stop {slug}.")
    if request.method == "POST":
        return _done(request, stop)
    return render(request, "tour/stop.html", _context(stop, request.GET.get("seen", "")))


def _done(request: HttpRequest, stop: Stop) -> HttpResponse:
    action = stop.action(request.POST.get("do", ""))
    if action is None:
        return HttpResponseBadRequest("There is no such button.")
    token = get_random_string(12)
    cache.store("memory").put(_key(stop, token), action.run(request.POST), KEPT)
    return redirect(f"{reverse('tour-stop', args=[stop.slug])}?seen={token}#came")


def _context(stop: Stop, token: str) -> dict[str, Any]:
    at = STOPS.index(stop)
    return {
        "section": "tour",
        "stop": stop,
        "number": at + 1,
        "count": len(STOPS),
        "before": STOPS[at - 1] if at else None,
        "after": STOPS[at + 1] if at + 1 < len(STOPS) else None,
        "came": cache.store("memory").get(_key(stop, token)) if token else None,
        "now": stop.now() if stop.now else None,
        "code": code.of(stop),
        "store": settings.STORE_SAID,
    }


def _key(stop: Stop, token: str) -> str:
    return f"tour:came:{stop.slug}:{token}"
