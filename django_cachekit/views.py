"""``@cached_view``: whole responses kept under tags, by Django's own cache middleware.

What is kept, under which key and for how long is decided by ``django.middleware.cache``; only the
cache behind it is ours. See ``docs/views``.
"""

import functools
import math
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from typing import Any, NamedTuple, TypeVar, cast
from urllib.parse import quote

from django.http import HttpResponseBase
from django.middleware.cache import CacheMiddleware
from django.utils.cache import get_cache_key

from .core.arguments import filled
from .core.faces import AWAITING, BLOCKING, Face, is_coroutine_function, run_now
from .core.flights import leading
from .core.ttl import seconds
from .flows.collecting import bearers, begin_page, collecting
from .flows.pages import Shelf
from .manager import manager
from .scopes import FoundTags, tag_names

V = TypeVar("V", bound=Callable[..., Any])
Tags = Iterable[Any] | Callable[..., Iterable[Any]]

LONGEST = 2**31 - 1
"""The greatest ``max-age`` that every cache on the way can hold (RFC 9111, section 1.2.2)."""

PREFIX = "cachekit"
"""Keeps our pages apart from those of ``cache_page``, which bear no tags."""

HARMLESS = ":/@!$&'()*+;="
"""What stands in a surrogate key as it is, beside letters, digits and ``_.-~``."""


def cached_view(
    ttl: Any,
    *,
    tags: Tags = (),
    store: str | None = None,
    key_prefix: str | None = None,
    surrogate: bool | str = False,
) -> Callable[[V], V]:
    """Keep the responses of a view, as ``cache_page`` does, under tags that can be flushed.

    ``ttl`` takes every form; with None it is the ``max-age`` of the response, else
    ``CACHE_MIDDLEWARE_SECONDS``. ``tags`` may hold ``{argument}`` fields, or be a function of the
    request and the view's arguments. ``surrogate`` names the tags to the caches on the way, in the
    header ``Surrogate-Key`` or in the one it names.
    """
    kept = Pages(ttl, tags, store, key_prefix, surrogate)

    def decorator(view: V) -> V:
        serve = _awaited(kept, view) if _awaits(view) else _blocking(kept, view)
        return cast(V, functools.wraps(view)(serve))

    return decorator


def add_tags(request: Any, *tags: Any) -> None:
    """Let the response to a request bear ``tags`` too, if it is kept: call it while it is made.

    In a template it is the innermost fragment that bears them, and with it all around it.
    """
    names = tag_names(tags)
    for found in bearers(request):
        found.add(*names)


def surrogate_key(tag: Any) -> str:
    """Return a tag as it stands in the header: what could part or end it there is encoded."""
    return quote(tag_names((tag,))[0], HARMLESS, errors="surrogatepass")


class Call(NamedTuple):
    """Hold one call of a view, and the tags that are found in it."""

    view: Any
    request: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    found: FoundTags

    def named(self) -> dict[str, Any]:
        """Return the arguments by name: those of the URL, and the defaults of a function."""
        # What method_decorator makes is a partial that says it wraps a function with self.
        partial = isinstance(self.view, functools.partial)
        try:
            bound = signature(self.view, follow_wrapped=not partial).bind(
                self.request, *self.args, **self.kwargs
            )
            bound.apply_defaults()
        except (TypeError, ValueError):
            return self.kwargs
        return {**bound.arguments, **self.kwargs}


class Pages:
    """Say how the responses of one view are kept."""

    def __init__(
        self, ttl: Any, tags: Tags, store: str | None, key_prefix: str | None, surrogate: bool | str
    ) -> None:
        self.ttl = ttl
        self.tags: Any = tags if callable(tags) else _names(tags)
        self.store = store
        self.key_prefix = f"{PREFIX}:{key_prefix}" if key_prefix else PREFIX
        self.header = "Surrogate-Key" if surrogate is True else surrogate or ""
        whole(ttl)

    def tags_of(self, call: Call) -> tuple[str, ...]:
        """Return the declared tags of one call."""
        if callable(self.tags):
            return _names(self.tags(call.request, *call.args, **call.kwargs))
        if not any("{" in tag for tag in self.tags):
            return cast("tuple[str, ...]", self.tags)
        known = call.named()
        try:
            return _names(filled(tag, known) for tag in self.tags)
        except (LookupError, AttributeError) as error:
            raise TypeError(f"The tags {self.tags!r} ask for no argument of the view.") from error

    def shelf(self, call: Call) -> Shelf:
        """Return where the response to a call lies."""
        bare, tagged = (manager.port(self.store, tags) for tags in ((), self.tags_of(call)))
        return Shelf(bare, tagged, call.found)

    def label(self, response: HttpResponseBase, tags: Iterable[str]) -> None:
        """Name the tags in the response's header, behind those that the view names there."""
        keys = [response[self.header]] if self.header in response else []
        keys += map(surrogate_key, tags)
        if keys:
            comma = self.header.lower().endswith(("tag", "tags"))
            response[self.header] = ("," if comma else " ").join(keys)


class NoHeaders:
    """Be a cache that says of every page that it varies on no header."""

    @staticmethod
    def get(key: str) -> list[str]:
        """Return an empty list of headers."""
        return []


class Page(CacheMiddleware):
    """Be Django's cache middleware for one request, over a cache that knows of tags."""

    def __init__(self, pages: Pages, call: Call, answer: Any) -> None:
        super().__init__(answer, page_timeout=whole(pages.ttl), key_prefix=pages.key_prefix)
        self.pages = pages
        self.call = call
        self.around: list[FoundTags] | None = None
        self.later = False

    @functools.cached_property
    def cache(self) -> Shelf:  # type: ignore[override]  # the part of a cache that is asked for
        """Return the cache that Django's part of this reads and writes.

        It is made where blocking is allowed, for the tags may be asked of a database.
        """
        return self.pages.shelf(self.call)

    def process_request(self, request: Any) -> Any:
        """Return the page as it is kept, or take the stamp under which it will be."""
        if self.around is None:
            self.around = bearers(request)
        kept = super().process_request(request)
        if request._cache_update_cache:
            probable: Any = NoHeaders
            self.cache.begin(get_cache_key(request, self.key_prefix, request.method, probable))
        elif kept is not None:
            self._tell()
        return kept

    async def given(self, face: Face, request: Any) -> Any:
        """Return the page that another request renders, or None: then the view is to run."""
        if not request._cache_update_cache:
            return None
        again = functools.partial(self.process_request, request)
        kept = await self.cache.given(face, again)
        if kept is None:
            begin_page(request, self.call.found)
        return kept

    def making(self) -> AbstractContextManager[None]:
        """Return a block in which the view runs: it never waits for itself."""
        turn = self._shelf and self._shelf.turn
        return leading(turn.flight) if turn else nullcontext()

    async def over(self, face: Face) -> None:
        """Let those go on who wait for the page, unless it is only rendered later."""
        if not self.later and self._shelf is not None:
            await self._shelf.over(face)

    @property
    def _shelf(self) -> Shelf | None:
        """Return the cache if it was asked for anything: making it may block."""
        return vars(self).get("cache")

    def process_response(self, request: Any, response: Any) -> Any:
        """Keep the response if Django would, once it is rendered."""
        if callable(getattr(response, "render", None)):
            if not getattr(response, "is_rendered", False):
                self._guard(response)
            response.add_post_render_callback(functools.partial(self._rendered, request))
            return response
        return self._rendered(request, response)

    def _guard(self, response: Any) -> None:
        """Let those who wait go on when the response has been rendered, or could not be."""
        render, self.later = response.render, True
        # What is collected may be so anywhere, so it is only noted there.
        forgotten = weakref.finalize(response, _forgotten.append, self)
        forgotten.atexit = False

        def guarded() -> Any:
            forgotten.detach()
            vars(response).pop("render", None)  # or it could not be pickled
            try:
                return render()
            finally:
                self.later = False
                run_now(self.over(BLOCKING))

        response.render = guarded

    async def tidy(self, face: Face) -> None:
        """Let those go on who wait for a response that was forgotten before it was rendered."""
        while _forgotten:
            page = _forgotten.popleft()
            page.later = False
            await page.over(face)

    def _rendered(self, request: Any, response: Any) -> Any:
        fresh = request._cache_update_cache
        if fresh:
            self._tell()
        named = self.pages.header in response and not fresh
        if self.pages.header and request.method in ("GET", "HEAD") and not named:
            self.pages.label(response, self.cache.tags)
        return super().process_response(request, response)

    def _tell(self) -> None:
        """Let what the page is a part of bear its tags too."""
        for found in self.around or ():
            found.add(*self.cache.tags)


_forgotten: deque[Page] = deque()
"""Pages whose response was collected before it was rendered; the next request tidies up."""


def whole(ttl: Any) -> int | None:
    """Return a ttl in whole seconds, as ``max-age`` has it; None if there is none."""
    if ttl is None:
        return None
    left = seconds(ttl)
    return LONGEST if left is None else min(math.ceil(left), LONGEST)


def _names(tags: Any) -> tuple[str, ...]:
    return () if tags is None else tag_names((tags,))


def _blocking(kept: Pages, view: Any) -> Any:
    def serve(request: Any, *args: Any, **kwargs: Any) -> Any:
        def answer(request: Any) -> Any:
            given = run_now(page.given(BLOCKING, request))
            if given is not None:
                return given
            with page.making(), collecting(call.found):
                return view(request, *args, **kwargs)

        call = Call(view, request, args, kwargs, FoundTags())
        page: Any = Page(kept, call, answer)
        run_now(page.tidy(BLOCKING))
        try:
            return page(request)
        finally:
            run_now(page.over(BLOCKING))

    return serve


def _awaited(kept: Pages, view: Any) -> Any:
    async def serve(request: Any, *args: Any, **kwargs: Any) -> Any:
        async def answer(request: Any) -> Any:
            given = await page.given(AWAITING, request)
            if given is not None:
                return given
            with page.making(), collecting(call.found):
                return await view(request, *args, **kwargs)

        call = Call(view, request, args, kwargs, FoundTags())
        page: Any = Page(kept, call, answer)
        await page.tidy(AWAITING)
        try:
            return await page(request)
        finally:
            await page.over(AWAITING)

    return serve


def _awaits(view: Any) -> bool:
    """Tell whether a view is to be awaited; ``dispatch`` is, in a class with coroutine handlers."""
    owner = getattr(getattr(view, "func", None), "__self__", None)
    dispatch = getattr(view, "__name__", "") == "dispatch"
    return is_coroutine_function(view) or (dispatch and getattr(owner, "view_is_async", False))


__all__ = ["add_tags", "cached_view", "surrogate_key"]
