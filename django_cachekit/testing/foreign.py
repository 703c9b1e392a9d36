"""Hearing of calls on caches that are not ours: the verbs that Django documents, as they are made.

Of several verbs that are one call (Django's ``get_many`` reads key by key) the outermost is heard.
"""

import functools
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from unittest import mock

from asgiref.sync import iscoroutinefunction
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.utils.module_loading import import_string

from .. import conf
from ..backends.base import StoreCache
from ..core.keys import plain
from ..core.operation import MISSING
from ..layers.ground.call import Call

Note = Callable[[str, str, str | None], None]
"""Takes what happened, the alias, and the key."""

_within: ContextVar[frozenset[Any]] = ContextVar("cachekit_within_a_verb", default=frozenset())

VERBS = (
    "add", "clear", "decr", "delete", "delete_many", "get", "get_many", "has_key", "incr", "set",
    "set_many", "touch",
)  # fmt: skip

ENDS = {"set": "write", "delete_many": "forget", "incr": "increment", "decr": "increment"}
"""What has happened where the verb has ended."""

IF = {
    "add": ("write", "failed write"),
    "touch": ("touch", ""),
    "delete": ("forget", "failed forget"),
    "has_key": ("hit", "miss"),
}
"""What has happened where the verb has answered True, and where False."""


def foreign_classes() -> dict[str, type[BaseCache]]:
    """Return the classes of all aliases that are not ours, as far as they can be imported."""
    found = dict[str, type[BaseCache]]()
    for alias, config in conf.caches().items():
        with suppress(ImportError):  # who uses that alias is told
            found[alias] = import_string(config["BACKEND"])
    return {alias: kind for alias, kind in found.items() if not issubclass(kind, StoreCache)}


Heard = Callable[[Any, str, tuple[Any, ...], dict[str, Any], Any], Any]
"""Takes the cache, the verb, its arguments, and what calls it; gives what its caller is to have."""


class Listener:
    """Hear of the verbs called on caches that are not ours, of each call once."""

    def __init__(self, heard: Heard, awaited: Heard) -> None:
        self.heard = heard
        self.awaited = awaited

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of them within the block."""
        with ExitStack() as patches:
            for kind in set(foreign_classes().values()):
                for verb in VERBS:
                    self._listen(patches, kind, verb, verb)
                    # Where Django's own is not overridden, it calls the blocking one.
                    if getattr(kind, "a" + verb) is not getattr(BaseCache, "a" + verb):
                        self._listen(patches, kind, verb, "a" + verb)
            yield

    @contextmanager
    def inside(self) -> Iterator[bool]:
        """Hear of nothing within the block; it is told whether it is the outermost."""
        before = _within.get()
        token = _within.set(before | {self})
        try:
            yield self not in before
        finally:
            _within.reset(token)

    def _listen(self, patches: ExitStack, kind: type[BaseCache], verb: str, name: str) -> None:
        method = getattr(kind, name)
        make = self._later if iscoroutinefunction(method) else self._now
        patches.enter_context(mock.patch.object(kind, name, make(verb, method)))

    def _now(self, verb: str, method: Any) -> Any:
        @functools.wraps(method)
        def once(cache: Any, *args: Any, **named: Any) -> Any:
            with self.inside() as outermost:
                call = functools.partial(method, cache)
                heard = self.heard if outermost else _unheard
                return heard(cache, verb, _listed(args), named, call)

        return once

    def _later(self, verb: str, method: Any) -> Any:
        @functools.wraps(method)
        async def once(cache: Any, *args: Any, **named: Any) -> Any:
            with self.inside() as outermost:
                call = functools.partial(method, cache)
                heard = self.awaited if outermost else _unheard
                return await heard(cache, verb, _listed(args), named, call)

        return once


def _unheard(cache: Any, verb: str, args: tuple[Any, ...], named: dict[str, Any], call: Any) -> Any:
    return call(*args, **named)


def _listed(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments with keys that can be looked at twice."""
    return (list(args[0]), *args[1:]) if args and isinstance(args[0], Iterator) else args


@contextmanager
def listening_to_verbs(note: Note) -> Iterator[None]:
    """Hear of what plain Django asks of such caches, and not of what the facade does."""

    def heard(cache: Any, verb: str, args: Any, named: Any, call: Any) -> Any:
        given, default = _given(verb, args, named)
        result = call(*given, **named)
        return _told(note, verb, cache, asked_for(args, named), result, default)

    async def awaited(cache: Any, verb: str, args: Any, named: Any, call: Any) -> Any:
        given, default = _given(verb, args, named)
        result = await call(*given, **named)
        return _told(note, verb, cache, asked_for(args, named), result, default)

    me, say = Listener(heard, awaited), Call.say

    async def said(self: Call, *args: Any, **named: Any) -> Any:
        with me.inside():
            return await say(self, *args, **named)

    # The facade's own signals tell of what it asks.
    with mock.patch.object(Call, "say", said), me.listening():
        yield


def _given(verb: str, args: tuple[Any, ...], named: dict[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """Return the arguments, and the default of a ``get``, in whose place we ask for a miss."""
    if verb != "get":
        return args, None
    if len(args) > 1:
        return (args[0], MISSING, *args[2:]), args[1]
    default = named.pop("default", None)
    named["default"] = MISSING
    return args, default


def _told(note: Note, verb: str, cache: Any, keys: list[str], result: Any, default: Any) -> Any:
    """Note what came of a call, and return what its caller is to have."""
    alias = alias_of(cache)
    if verb == "get":
        note("miss" if result is MISSING else "hit", alias, keys[0])
        return default if result is MISSING else result
    if verb == "clear":
        note("flush", alias, None)
    for key in keys:
        what = _what(verb, key, result)
        if what:
            note(what, alias, key)
    return result


def _what(verb: str, key: str, result: Any) -> str:
    if verb in IF:
        return IF[verb][not result]
    if verb == "get_many":
        return "hit" if key in map(plain, result) else "miss"
    if verb == "set_many":
        return "failed write" if key in map(plain, result or ()) else "write"
    return ENDS[verb]


def asked_for(args: tuple[Any, ...], named: dict[str, Any]) -> list[str]:
    """Return the keys that a verb was given."""
    names = ("key", "keys", "data")
    given = args[0] if args else next((named[name] for name in names if name in named), ())
    many = isinstance(given, Collection) and not isinstance(given, (str, bytes))
    return [plain(key) for key in given] if many else [plain(given)]


def alias_of(cache: Any) -> str:
    """Return the alias of a cache object that Django made, in this thread or in another."""
    made: Any = caches._connections  # type: ignore[attr-defined]  # where Django keeps this one's
    likely = [alias for alias, kind in foreign_classes().items() if kind is type(cache)]
    own = [alias for alias in likely if getattr(made, alias, None) is cache]
    return next(iter(own or likely), "unnamed")
