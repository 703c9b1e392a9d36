"""Where stores go out to what keeps their entries: the lowest place that all their calls pass."""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from typing import Any
from unittest import mock

from asgiref.sync import iscoroutinefunction
from django.utils.module_loading import import_string

from .. import conf
from ..backends import base
from ..backends.array import Array
from ..backends.base import NamedDriver
from ..backends.bytedriver import ByteDriver
from ..core.operation import Operation
from ..layers.ground import Foreign
from ..manager import manager
from .foreign import Listener, alias_of, asked_for

Note = Callable[[set[str], list[str]], None]
"""Takes the aliases for which a trip was made, and its commands as text."""

HOME = "django_cachekit.backends."
ELSEWHERE = ("redisdb.engine", "memcache.engine", "sql.table", "dynamo.table")
"""Engines whose trips are noted further down than at their hooks."""

HOOKS = (
    "clear",
    "count",
    "create",
    "prune",
    "read",
    "remove",
    "take",
    "update",
    "updates",
    "write",
)
PARTS = ("inner", "engine", "wire", "node", "place", "door")

_going: ContextVar[Any] = ContextVar("cachekit_going", default=None)
"""Who goes out now: a part of a driver."""

_hooks: ContextVar[Set[Any]] = ContextVar("cachekit_hooks", default=frozenset())
"""Whose hook is under way, for whom it was noted."""


@contextmanager
def noting(note: Note) -> Iterator[None]:
    """Have every store that is configured tell of each time it goes out."""
    for alias in conf.caches():
        with suppress(Exception):  # one that cannot be used is not what is looked at here
            manager.home(alias).stack()
    with ExitStack() as patches:
        for seam in (_redis, _memcached, _tables, _dynamodb, _engines, _memories, _foreign):
            with suppress(ImportError):  # the store's client is not installed
                seam(note, patches)
        yield


def _drivers() -> list[Any]:
    return [stack.driver for stack in base._stacks.values()]


def _over(fits: Callable[[Any], bool]) -> set[str]:
    """Return the aliases of which a part fits; several may lie over one store."""
    stacks = list(base._stacks.values())
    return {stack.alias for stack in stacks if any(map(fits, _parts(stack.driver)))}


def _aliases(part: Any) -> set[str]:
    """Return the aliases whose drivers go out by a part."""
    return _over(lambda each: each is part)


def _parts(driver: Any) -> Iterator[Any]:
    yield driver
    for name in PARTS:
        part = getattr(driver, "__dict__", {}).get(name)
        if part is not None:
            yield from _parts(part)
    for one in getattr(driver, "__dict__", {}).get("ones", ()):
        yield from _parts(one)


def _replace(patches: ExitStack, place: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    """Put ``wrap(method)`` in the place of a method, or of a function in a module."""
    method = getattr(place, name)
    patches.enter_context(mock.patch.object(place, name, functools.wraps(method)(wrap(method))))


def _known(method: Any) -> Any:
    """Return a method that lets it be known, further down, whose it is."""

    def now(self: Any, *args: Any, **named: Any) -> Any:
        token = _going.set(self)
        try:
            return method(self, *args, **named)
        finally:
            _going.reset(token)

    async def later(self: Any, *args: Any, **named: Any) -> Any:
        token = _going.set(self)
        try:
            return await method(self, *args, **named)
        finally:
            _going.reset(token)

    return later if iscoroutinefunction(method) else now


def _redis(note: Note, patches: ExitStack) -> None:
    """Note what is written to a server, or to several at once."""
    wire = import_string(HOME + "redisdb.wire.Wire")
    module = import_string(HOME + "redisdb.wire")

    def said(say: Any) -> Any:
        def noted(pool: Any, messages: Any) -> Any:
            note(_aliases(_going.get()), [_command(each) for each in messages])
            return say(pool, messages)

        return noted

    def spoken(speak: Any) -> Any:
        async def noted(self: Any, face: Any, lines: Any, answers: Any) -> Any:
            messages = [message for line in lines for message in line.messages]
            note(_aliases(self), [_command(each) for each in messages])
            return await speak(self, face, lines, answers)

        return noted

    _replace(patches, wire, "say", _known)
    _replace(patches, wire, "ask", _known)
    _replace(patches, module, "say", said)
    _replace(patches, wire, "_speak", spoken)


def _memcached(note: Note, patches: ExitStack) -> None:
    """Note each packet."""

    def exchanged(exchange: Any) -> Any:
        def noted(self: Any, commands: Any, count: int) -> Any:
            note(_aliases(_going.get()), [_command(each.split(b" ", 2)[:2]) for each in commands])
            return exchange(self, commands, count)

        return noted

    _replace(patches, import_string(HOME + "memcache.node.Node"), "talk", _known)
    _replace(patches, import_string(HOME + "memcache.wire.Wire"), "exchange", exchanged)


def _tables(note: Note, patches: ExitStack) -> None:
    """Note each statement."""

    def ran(run: Any) -> Any:
        def noted(self: Any, connection: Any, work: Any) -> Any:
            def execute(go: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
                note(_aliases(self), [_short(sql)])
                return go(sql, params, many, context)

            with connection.execute_wrapper(execute):
                return run(self, connection, work)

        return noted

    _replace(patches, import_string(HOME + "sql.place.Place"), "run", ran)


def _dynamodb(note: Note, patches: ExitStack) -> None:
    """Note each request; one that DynamoDB had no capacity for, and is sent again, once."""

    def called(call: Any) -> Any:
        def noted(self: Any, verb: str, *args: Any, **params: Any) -> Any:
            note(_aliases(self), [verb])
            return call(self, verb, *args, **params)

        return noted

    _replace(patches, import_string(HOME + "dynamo.door.Door"), "call", called)


def _engines(note: Note, patches: ExitStack) -> None:
    """Note each hook of an engine that is called: what files, or a store of others, is asked."""
    engines = {type(one.engine) for one in _drivers() if isinstance(one, ByteDriver)}
    for engine in engines:
        if engine.__module__.removeprefix(HOME) not in ELSEWHERE:
            for hook in HOOKS:
                if hasattr(engine, hook):
                    _replace(patches, engine, hook, functools.partial(_hooked, note, hook))


def _hooked(note: Note, hook: str, method: Any) -> Any:
    def noted(self: Any, *args: Any, **named: Any) -> Any:
        within = _hooks.get()
        if (note, self) in within:  # one hook that is done by another is one trip
            return method(self, *args, **named)
        note(_aliases(self), [hook])
        token = _hooks.set({*within, (note, self)})
        try:
            return method(self, *args, **named)
        finally:
            _hooks.reset(token)

    async def awaited(self: Any, *args: Any, **named: Any) -> Any:
        within = _hooks.get()
        if (note, self) in within:
            return await method(self, *args, **named)
        note(_aliases(self), [hook])
        token = _hooks.set({*within, (note, self)})
        try:
            return await method(self, *args, **named)
        finally:
            _hooks.reset(token)

    return awaited if iscoroutinefunction(method) else noted


def _memories(note: Note, patches: ExitStack) -> None:
    """Note each operation on memory, which is no trip, but would be one elsewhere."""

    def found(method: Any) -> Any:
        def noted(self: Any, op: Operation) -> Any:
            if not isinstance(self, ByteDriver):
                keys = [key for key in op.keys if isinstance(key, str)]
                note(_aliases(self), [_short(f"{op.verb} {' '.join(keys)}".strip())])
            return method(self, op)

        return noted

    _replace(patches, NamedDriver, "method", found)
    for driver in _drivers():
        if isinstance(driver, Array):  # without this its straight line is not taken
            patches.enter_context(mock.patch.object(driver, "lead", None))


def _foreign(note: Note, patches: ExitStack) -> None:
    """Note each verb of a cache that is not ours."""

    def heard(cache: Any, verb: str, args: Any, named: Any, call: Any) -> Any:
        own = alias_of(cache)
        over = _over(lambda part: isinstance(part, Foreign) and part.alias == own)
        note({own, *over}, [_short(" ".join([verb, *asked_for(args, named)]))])
        return call(*args, **named)  # awaited by who asked, if it is to be

    async def awaited(*given: Any) -> Any:
        return await heard(*given)

    patches.enter_context(Listener(heard, awaited).listening())


def _command(words: Iterable[Any]) -> str:
    return _short(" ".join(map(_word, words)))


def _word(word: Any) -> str:
    """Return a part of a command as it can be read: what is no text by its length only."""
    text = word.decode("latin-1") if isinstance(word, bytes) else str(word)
    if not text.isascii() or not text.isprintable():
        if not text.startswith("ck:"):
            return f"<{len(text)} bytes>"
        text = re.sub(r"[^!-~]+", ".", text)
    return text if len(text) <= 48 else f"…{text[-47:]}"


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:119]}…"
