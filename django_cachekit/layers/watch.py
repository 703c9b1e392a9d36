"""Who watches the calls of this request, such as a toolbar on a developer's page.

The layer is only in stacks that are built while somebody may ask, as where a toolbar is installed,
and then lets calls pass by that nobody watches. The values of entries are never told.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, NamedTuple

from ..core.faces import Face
from ..core.operation import MISSING, UNSURE, Key, Operation
from .base import Proceed
from .stats import missed

log = logging.getLogger("django_cachekit")


class Watched(NamedTuple):
    """Tell of one call: its verb as the caller knows it, and as the store does (``does``).

    ``hits`` of ``keys`` were found, None where that says nothing; ``seconds`` is how long it took,
    and ``error`` the class of what was raised.
    """

    store: str
    verb: str
    does: str
    keys: tuple[str, ...]
    tags: tuple[str, ...]
    hits: int | None
    seconds: float
    error: str = ""


Hear = Callable[[Watched], None]
Asked = Callable[[str], Hear | None]

_hearing: ContextVar[Hear | None] = ContextVar("cachekit_watch", default=None)

ASKED: list[Asked] = []
"""Whom to ask, by the alias, who hears of the calls of this context; empty in production."""


def hearing(alias: str) -> Hear | None:
    """Return who hears of all calls in this context."""
    return _hearing.get()


def begin(hear: Hear) -> "Token[Hear | None]":
    """Let ``hear`` be told of every call from here on: in this context, and what it begins."""
    return _hearing.set(hear)


def end() -> None:
    """Tell nobody any more."""
    _hearing.set(None)


class Watch:
    """Tell whoever watches of each call and each computation; outermost of all."""

    def __init__(self, store: str) -> None:
        self.store = store

    def _hearers(self) -> list[Hear]:
        return [hear for asked in ASKED if (hear := asked(self.store)) is not None]

    def idle(self, op: Operation) -> bool:
        """Tell whether nobody watches, or it is only a part of another call."""
        return op.quiet or not self._hearers()

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        hearers, began, error, result = self._hearers(), time.perf_counter(), "", None
        try:
            result = await proceed(face, op)
        except BaseException as failed:  # one that was cancelled has no result either
            error = type(failed).__name__
            raise
        finally:
            hits = None if error else _hits(op, result)
            keys = tuple(_text(key) for key in op.keys)
            seconds = time.perf_counter() - began
            seen = Watched(self.store, op.name, op.verb, keys, op.tags, hits, seconds, error)
            for hear in hearers:
                _tell(hear, seen)
        return result

    def around(self, quick: Callable[..., Any]) -> Callable[..., Any]:
        """Return a straight line that is not taken while somebody watches."""

        def watched(
            key: Any, version: int | None, tags: tuple[str, ...] = (), told: bool | None = False
        ) -> Any:
            return UNSURE if self._hearers() else quick(key, version, tags, told)

        return watched

    def computed(self, key: str, tags: tuple[str, ...], seconds: float) -> None:
        """Tell of a value that was computed."""
        for hear in self._hearers():
            _tell(hear, Watched(self.store, "compute", "compute", (key,), tags, None, seconds))

    def waited(self, key: str, tags: tuple[str, ...]) -> None:
        """Tell nothing: the call itself is told, with the time it took."""


def _tell(hear: Hear, seen: Watched) -> None:
    try:
        hear(seen)
    except Exception:  # whatever it is, who watches breaks no call
        log.exception("cache %r: who watches it failed", seen.store)


def _hits(op: Operation, result: Any) -> int | None:
    if op.verb == "read":
        return sum(not missed(result.values.get(key, MISSING)) for key in op.keys)
    return int(result is not MISSING) if op.verb == "pull" else None


def _text(key: Key) -> str:
    return key if isinstance(key, str) else key.kind
