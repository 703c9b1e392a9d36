"""Warmers: functions that fill the cache before anybody asks.

::

    # cache.py of an app
    @warmer("overview", ttl=3600, tags=["cities"])
    def overview():
        return compute_overview()            # stored under the key "overview"

    @warmer("countries", ttl=3600)
    def countries():
        for country in Country.objects.all():
            yield f"country:{country.pk}", country.figures()     # each under a key of its own

``manage.py cache_warm`` runs them, as a rule from cron. Functions that are not decorated can be
named in ``CACHEKIT["WARMERS"]``, by dotted paths.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import isasyncgenfunction
from typing import Any, TypeVar

from django.utils.module_loading import autodiscover_modules, import_string

from . import conf
from .core import clock
from .core.arguments import path_of
from .core.faces import AWAITING, BLOCKING, finish, is_coroutine_function, run_now
from .core.keys import plain
from .core.text import one_line
from .core.ttl import seconds
from .errors import CacheKitError, Misconfigured
from .flows.crew import Crew
from .flows.warm import Warming
from .layers.chores import tell_warmed
from .manager import manager
from .scopes import Port, Stack, tag_names

F = TypeVar("F", bound=Callable[..., Any])


class UnknownWarmer(CacheKitError, LookupError):
    """Say which name is no warmer's, and which are."""


@dataclass(frozen=True)
class Warmer:
    """Be one registered function: what it makes is kept under ``name``, in ``store``."""

    name: str
    function: Callable[..., Any]
    ttl: Any = None
    tags: tuple[str, ...] = ()
    store: str | None = None

    @property
    def path(self) -> str:
        """Return the dotted path of the function."""
        return path_of(self.function)

    @property
    def alias(self) -> str:
        """Return the alias it fills."""
        return self.store if self.store is not None else str(conf.get("DEFAULT_STORE"))

    @property
    def awaits(self) -> bool:
        """Tell whether the function is a coroutine function or an asynchronous generator."""
        return is_coroutine_function(self.function) or isasyncgenfunction(self.function)

    def stack(self) -> Stack:
        """Return the stack of the alias it fills; unknown ones are InvalidCacheBackendError."""
        return manager.home(manager.store(self.alias).alias).stack()


@dataclass(frozen=True)
class Outcome:
    """Say what became of one warmer.

    ``status`` is ``warmed``, ``shared`` (another caller was at it, and its result was taken),
    ``failed`` or ``timed out``. ``entries`` are those that are stored, ``error`` is one line.
    """

    name: str
    status: str
    seconds: float
    entries: int = 0
    error: str | None = None
    exception: BaseException | None = field(default=None, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Tell whether the cache is warm."""
        return self.status in ("warmed", "shared")


_registry: dict[str, Warmer] = {}


def warmer(
    name: Any, ttl: Any = None, tags: Iterable[Any] = (), store: str | None = None
) -> Callable[[F], F]:
    """Register a function, coroutine function or generator function that fills the cache.

    What it returns is stored under the key ``name`` with this ttl and these tags, None is not. A
    generator yields ``(key, value)`` pairs, each stored so. The function stays as it is. A name
    that another function has is Misconfigured.
    """
    if callable(name):
        raise TypeError('A warmer needs a name: @warmer("name").')
    seconds(ttl)
    text, labels = plain(name), tag_names((tags,))
    if not text:
        raise ValueError("A warmer needs a name; empty text is none.")

    def register(function: F) -> F:
        _add(_registry, Warmer(text, function, ttl, labels, store))
        return function

    return register


def discover() -> None:
    """Import the ``cache`` module of every installed app that has one.

    Paths in ``CACHEKIT["WARMERS"]`` are imported when warmers are asked for: one that is wrong is
    told by the check ``cachekit.E021`` and by ``cache_warm``, and keeps no site from starting.
    """
    autodiscover_modules("cache")


def warmers() -> dict[str, Warmer]:
    """Return every warmer by name: the decorated ones, then those of ``CACHEKIT["WARMERS"]``."""
    named = list(_named())
    found = dict(_registry)
    for one in named:
        _add(found, one)
    return found


def warm(
    names: Iterable[Any] | None = None,
    *,
    concurrency: int = 1,
    timeout: float | None = None,
    report: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run warmers, all or those named, and return what became of each, in that order.

    At most ``concurrency`` run at once. One that takes longer than ``timeout`` seconds is given up:
    its thread is left to itself, and the next has its place. One that raises stops no other.
    ``report`` is called with each outcome when it is known. One at a time and without a timeout,
    they run in the calling thread. An unknown name is UnknownWarmer, and nothing is run.
    """
    turns = [_Turn(one) for one in chosen(names)]
    outcomes: dict[_Turn, Outcome] = {}
    for turn, ended in Crew[Outcome](concurrency, timeout).run(turns):
        outcome = turn.late(timeout) if ended is None else ended
        turn.tell(outcome)
        outcomes[turn] = outcome
        if report is not None:
            report(outcome)
    return [outcomes[turn] for turn in turns]


def chosen(names: Iterable[Any] | None = None) -> list[Warmer]:
    """Return the warmers of these names, or all; an unknown name is UnknownWarmer."""
    known = warmers()
    if names is None:
        return list(known.values())
    asked = [names] if isinstance(names, str) else names
    wanted = list(dict.fromkeys(map(plain, asked)))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        there = ", ".join(map(repr, known)) or "none"
        raise UnknownWarmer(f"No warmer is named {', '.join(map(repr, unknown))}; known: {there}.")
    return [known[name] for name in wanted]


class _Turn:
    """Be one warmer's run: in the calling thread, or in one of its own."""

    def __init__(self, one: Warmer) -> None:
        self.warmer = one
        self.name = one.name
        self.began = clock.monotonic()
        self.warming: Warming | None = None

    def __call__(self) -> Outcome:
        """Run it; a KeyboardInterrupt is the caller's, whatever else it raises is its failure."""
        self.began = clock.monotonic()
        try:
            entries, shared = self._once()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also SystemExit: one warmer may not stop the others
            return self.failed(error)
        return self._outcome("shared" if shared else "warmed", entries=entries)

    def _once(self) -> tuple[int, bool]:
        one, stack = self.warmer, self.warmer.stack()
        face = AWAITING if one.awaits else BLOCKING
        port = Port(face, lambda: stack, one.tags)
        self.warming = Warming(port, one.name, _maker(one), one.ttl)
        return finish(self.warming.once) if one.awaits else run_now(self.warming.once())

    def failed(self, error: BaseException) -> Outcome:
        """Return the outcome of a warmer that raised."""
        return self._outcome("failed", error=one_line(error), exception=error)

    def late(self, timeout: float | None) -> Outcome:
        """Return the outcome of a warmer that was given up."""
        return self._outcome("timed out", error=f"TimeoutError: not done within {timeout:g} s")

    def _outcome(self, status: str, **more: Any) -> Outcome:
        stored = self.warming.entries if self.warming else 0
        passed = clock.monotonic() - self.began
        return Outcome(self.name, status, passed, **{"entries": stored, **more})

    def tell(self, outcome: Outcome) -> None:
        """Send ``cache_warmed``, unless the warmer ran elsewhere or never found its store."""
        if self.warming is not None and outcome.status != "shared":
            layers = self.warming.port.stack.layers
            tell_warmed(layers, outcome.name, outcome.seconds, outcome.error)


def _maker(one: Warmer) -> Callable[[], Any]:
    """Return what to call; a ``@cached`` function has its own key, so it is refreshed instead."""
    refresh = getattr(one.function, "refresh", None)
    if refresh is None or not hasattr(one.function, "uncached"):
        return one.function
    if not one.awaits:
        return lambda: _nothing(refresh())

    async def refreshed() -> None:
        await refresh()

    return refreshed


def _nothing(_: Any) -> None:
    """Return None: the value is stored already."""


def _named() -> Iterator[Warmer]:
    """Give the warmers that ``CACHEKIT["WARMERS"]`` names: ``[path, ...]`` or ``{name: path}``."""
    given = conf.get("WARMERS") or ()
    if isinstance(given, Mapping):
        for name, path in given.items():
            function = _at(path)
            yield _with_name(function, plain(name))
    elif isinstance(given, (list, tuple, set, frozenset)):
        for path in given:
            yield _with_name(_at(path), None)
    else:
        raise Misconfigured(
            f'CACHEKIT["WARMERS"] is a list of dotted paths, or a dict of them by name, '
            f"not {type(given).__name__}."
        )


def _with_name(function: Callable[..., Any], name: str | None) -> Warmer:
    for one in _registry.values():
        if one.function is function:
            return one if name is None else Warmer(name, function, one.ttl, one.tags, one.store)
    return Warmer(name or path_of(function).rpartition(".")[2], function)


def _at(path: Any) -> Callable[..., Any]:
    try:
        found = import_string(path)
    except (ImportError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f'CACHEKIT["WARMERS"]: {path!r} cannot be imported ({one_line(error)}).'
        ) from error
    if not callable(found):
        raise Misconfigured(f'CACHEKIT["WARMERS"]: {path!r} is no function.')
    return found  # type: ignore[no-any-return]  # any callable will do


def _add(known: dict[str, Warmer], one: Warmer) -> None:
    other = known.get(one.name)
    # A module that is loaded anew brings the same path, and replaces what it brought before.
    if other is not None and other.path != one.path:
        raise Misconfigured(
            f"Two warmers are named {one.name!r}: {other.path} and {one.path}; rename one."
        )
    known[one.name] = one


__all__ = ["Outcome", "UnknownWarmer", "Warmer", "chosen", "discover", "warm", "warmer", "warmers"]
