"""Who bears the tags that are found while a page or a fragment of one is rendered.

What lies inside another lends it its tags, also when it was not rendered but found in the cache.
One that is being rendered in this context is known by a context variable. A response of a template
is rendered later, when the view has returned; so the pages under way are known to the request too.
"""

from contextvars import ContextVar
from typing import Any

from ..scopes import FoundTags

PAGES = "_cachekit_pages"
"""The attribute of a request that lists the pages it is to be answered with."""

_current: ContextVar[FoundTags | None] = ContextVar("cachekit_collecting", default=None)


class collecting:
    """Let the tags that are found inside the block go to ``found``."""

    def __init__(self, found: FoundTags) -> None:
        self.found = found

    def __enter__(self) -> None:
        self._token = _current.set(self.found)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._token)


def bearers(request: Any = None) -> list[FoundTags]:
    """Return the collections of all that is being rendered around the caller."""
    current, pages = _current.get(), getattr(request, PAGES, [])
    # A page may be in both; what it bears too often costs a flush too many and is never wrong.
    return [*pages] if current is None else [current, *pages]


def begin_page(request: Any, found: FoundTags) -> None:
    """Let the request know that a page is being made for it."""
    setattr(request, PAGES, [*getattr(request, PAGES, []), found])
