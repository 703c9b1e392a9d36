"""Caches that pass Django's blocking verbs on to something else: a-verbs, or the facade's.

And ``cached_view``, to be called as ``cache_page`` and ``CacheMiddleware`` are.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django.core.cache.backends.base import BaseCache
from django.middleware.cache import CacheMiddleware
from django.utils.module_loading import import_string

VERBS = (
    "add", "clear", "close", "decr", "decr_version", "delete", "delete_many", "get", "get_many",
    "get_or_set", "has_key", "incr", "incr_version", "set", "set_many", "touch",
)  # fmt: skip


def waited(name: str) -> Callable[..., Any]:
    """Return a blocking verb that awaits the a-verb of ``self.inner``.

    In a running loop it cannot wait, and calls the blocking verb: Django itself does so there.
    """

    def verb(self: Any, *args: Any, **kwargs: Any) -> Any:
        if loop_runs():
            return getattr(self.inner, name)(*args, **kwargs)
        return async_to_sync(getattr(self.inner, "a" + name))(*args, **kwargs)

    return verb


def loop_runs() -> bool:
    """Tell whether this thread is inside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def awaited(name: str) -> Callable[..., Any]:
    """Return the a-verb of ``self.inner``."""

    async def verb(self: Any, *args: Any, **kwargs: Any) -> Any:
        return await getattr(self.inner, "a" + name)(*args, **kwargs)

    return verb


def passed(name: str) -> property:
    """Return an attribute that is read and set on ``self.inner``."""
    return property(
        lambda self: getattr(self.inner, name),
        lambda self, value: setattr(self.inner, name, value),
    )


class Awaits:
    """Answers Django's verbs with the a-verbs of ``inner``."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __contains__(self, key: Any) -> bool:
        return self.has_key(key)  # type: ignore[no-any-return]  # set below

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    key_func = passed("key_func")
    _max_entries = passed("_max_entries")


for _name in VERBS:
    setattr(Awaits, _name, waited(_name))
    setattr(Awaits, "a" + _name, awaited(_name))


class ThroughAsync(Awaits, BaseCache):
    """A backend for CACHES over the a-verbs of another, named by OPTIONS["INNER"]."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS") or {})
        inner = import_string(options.pop("INNER"))
        super().__init__(inner(location, params | {"OPTIONS": options}))


class Facades:
    """Stands in for Django's ``caches``: gives the facade's repository of each alias."""

    def __init__(self, awaiting: bool) -> None:
        self.awaiting = awaiting

    def __getitem__(self, alias: str) -> Any:
        from django_cachekit import cache

        found = cache.store(alias)
        return Awaits(found) if self.awaiting else found


class Default:
    """Stands in for Django's ``cache``: whatever the facade's default is at each call."""

    def __init__(self, caches: Facades) -> None:
        object.__setattr__(self, "_caches", caches)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._caches["default"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._caches["default"], name, value)

    def __contains__(self, key: Any) -> bool:
        return key in self._caches["default"]


def as_cache_page(timeout: Any, *, cache: Any = None, key_prefix: Any = None) -> Any:
    """Return ``cached_view`` for the arguments of ``cache_page``."""
    from django_cachekit import cached_view

    return cached_view(timeout, tags=["page"], store=cache, key_prefix=key_prefix, surrogate=True)


class ViewMiddleware(CacheMiddleware):
    """Does as a middleware, which serves many requests, what ``cached_view`` does for each."""

    page_timeout: Any

    def process_request(self, request: Any) -> Any:
        from django_cachekit.scopes import FoundTags
        from django_cachekit.views import Call, Page, Pages

        pages = Pages(self.page_timeout, ["page"], self.cache_alias, self.key_prefix, True)
        call = Call(None, request, (), {}, FoundTags())
        self.page = Page(pages, call, self.get_response)
        self.page.cache_timeout = self.cache_timeout
        return self.page.process_request(request)

    def process_response(self, request: Any, response: Any) -> Any:
        return self.page.process_response(request, response)
