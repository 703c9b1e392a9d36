"""Measure each page and tell the visitor what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from time import perf_counter
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from .cache import bypassed
from .events import HIT, MISS, Page, Tally, log, tallied

MARK = b"<!-- meter -->"


class MeterMiddleware:
    """Time each request, count its cache reads and queries, and print both in the footer.

    The footer is filled in last and outside of all caching, so that a page that was
    cached whole still tells the truth. `?nocache=1` makes the request compute everything.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Serve the request and sign the page."""
        cached = "nocache" not in request.GET
        started = perf_counter()
        with tallied() as tally, _counted_queries(tally), _bypass(not cached):
            response = self.get_response(request)
        ms = (perf_counter() - started) * 1000
        page = _page(request, cached, ms, tally)
        response["Server-Timing"] = f"page;dur={ms:.2f}"
        if MARK in getattr(response, "content", b""):
            if page.hits or page.misses or not cached:
                log.pages.append(page)
            footer = render_to_string("places/_meter.html", {"page": page})
            response.content = response.content.replace(MARK, footer.encode())
        return response


def _page(request: HttpRequest, cached: bool, ms: float, tally: Tally) -> Page:
    query = request.GET.copy()
    for name in ("nocache", "seen"):  # the same page, computed anew; and after a button
        query.pop(name, None)
    path = request.path + (f"?{query.urlencode()}" if query else "")
    return Page(
        at=datetime.now(timezone.utc),
        path=path,
        cached=cached,
        ms=ms,
        hits=tally.counts[HIT],
        misses=tally.counts[MISS],
        queries=tally.queries,
    )


@contextmanager
def _bypass(on: bool) -> Iterator[None]:
    token = bypassed.set(on)
    try:
        yield
    finally:
        bypassed.reset(token)


@contextmanager
def _counted_queries(tally: Tally) -> Iterator[None]:
    def count(execute: Callable[..., Any], *args: Any) -> Any:
        tally.queries += 1
        return execute(*args)

    with connection.execute_wrapper(count):
        yield
