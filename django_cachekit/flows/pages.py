"""Whole responses: read with the stamp under which what is rendered on a miss will be kept.

Django's cache middleware decides what is kept, for how long and under which key. It asks for a page
and, where there is none, sets it after the view has run; the stamp is taken in between, before.
"""

import logging
from collections.abc import Iterable
from typing import Any

from ..core.faces import run_now
from ..core.keys import plain
from ..core.operation import MISSING, Stamp
from ..errors import ValueTooLarge
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import FoundTags, Port, tag_names
from ..verbs import find, store
from .compute import Remembered

LABEL = "cached_view"

log = logging.getLogger("django_cachekit")


async def snapshot(port: Port, key: Any, *, quiet: bool = False) -> tuple[Remembered, Stamp | None]:
    """Return what lies under a key (or MISSING), and the stamp for what is rendered from now on."""
    key = plain(key)  # Django asks for None, for want of a list that was there before
    op = port.read((key,), None, LABEL)._replace(snapshot=True, finds=True, quiet=quiet)
    reply = await port.call(op)
    return Remembered.of(reply.values.get(key, MISSING)), reply.stamp


async def keep(
    port: Port, key: str, value: Any, ttl: Any, stamp: Stamp, tags: Iterable[str]
) -> None:
    """Store what was rendered under a stamp, unless it is too large, which is logged.

    It is not stored if the store could not be reached before, or if the transaction it was
    rendered in is going to flush one of its tags.
    """
    if lost(stamp) or not waiting(port.alias).isdisjoint(tags):
        return
    try:
        await store(port, {key: value}, ttl, None, LABEL, stamp=stamp, tags=tuple(tags))
    except ValueTooLarge as error:
        log.warning("cache %r: a page is not kept: %s", port.alias, error)


class Shelf:
    """Be the cache that Django's middleware sees while it serves one request.

    What it asks for first is always the list of headers that the page varies on, for that makes
    the page's keys. The list bears no tags: it tells nothing of what a page shows, and the tags of
    a page may differ from visitor to visitor while its list is one for all.
    """

    def __init__(self, bare: Port, tagged: Port, found: FoundTags) -> None:
        self.bare = bare
        self.tagged = tagged
        self.found = found
        self.stamp: Stamp | None = None
        self._list: str | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tags that the page bears, declared or found."""
        return tag_names((self.tagged.tags, list(self.found)))

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the list of headers, then the page, if it bears all of its tags."""
        if self._list is None:
            self._list = key
        if key == self._list:
            found = run_now(find(self.bare, key, None, LABEL))
            return default if found is MISSING else found
        page, stamp = run_now(snapshot(self.tagged, key))
        # The first stamp is the oldest, and an old one is always safe.
        self.stamp = self.stamp or stamp
        self.found.add(*page.tags)
        return default if page.value is MISSING else page.value

    def begin(self, key: Any) -> None:
        """Take the stamp, if looking for the page has not: the view runs next.

        ``key`` is where the page will probably lie, for of several nodes each has its own epoch. A
        page that lies on another then is not kept this time; the next time its list is known.
        """
        if self.stamp is None:
            _, self.stamp = run_now(snapshot(self.tagged, key, quiet=True))

    def set(self, key: str, value: Any, timeout: Any) -> None:
        """Store the list of headers, or the page under the stamp taken before the view ran."""
        if key == self._list:
            run_now(store(self.bare, {key: value}, timeout, None, LABEL))
        elif self.stamp is not None:
            run_now(keep(self.tagged, key, value, timeout, self.stamp, self.tags))
