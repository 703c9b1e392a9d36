"""The checks of ``CACHEKIT``."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from django.core import checks

from .. import conf
from .common import Messages, choose, error, imported, meant


def settings_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check ``CACHEKIT``: E006, E007, E021, W024."""
    given: Any = conf.given()
    if not isinstance(given, Mapping):
        text = f"CACHEKIT is a dict of settings, not {type(given).__name__}."
        return [error("E006", text, "Write CACHEKIT = {...}.")]
    warmers = given.get("WARMERS") or ()
    found = [*_names(given), *_background(given), *_stores(given), *_counted(given)]
    return [*found, *_warmers(warmers)]


def _names(given: Mapping[Any, Any]) -> Messages:
    for name in given:
        if name not in conf.DEFAULTS:
            hint = meant(name, conf.DEFAULTS) or f"Its names are {', '.join(conf.DEFAULTS)}."
            yield error("E006", f"CACHEKIT has no setting {name!r}.", hint)
    if not isinstance(given.get("SIGNALS") or {}, Mapping):
        text = 'CACHEKIT["SIGNALS"] is a dict.'
        yield error("E006", text, 'Write {"values": True} if signals should carry values.')


def _background(given: Mapping[Any, Any]) -> Messages:
    place = given.get("BACKGROUND", conf.PLACES[0])
    if place not in conf.PLACES:
        text = f'CACHEKIT["BACKGROUND"] is {place!r}.'
        yield error("E006", text, f"Write one of {', '.join(map(repr, conf.PLACES))}.")
    elif place == "tasks" and find_spec("django.tasks") is None and not given.get("OUTBOX"):
        # Where there is an outbox, its own check says more of it.
        text = 'CACHEKIT["BACKGROUND"] is "tasks", which Django has from 6.0 on.'
        hint = "What is computed behind a caller is left to threads; write 'thread' to say so."
        yield checks.Warning(text, hint=hint, id="cachekit.W024")


def _stores(given: Mapping[Any, Any]) -> Messages:
    for name in ("DEFAULT_STORE", "LIMITER_STORE"):
        alias = given.get(name)
        if alias is not None and alias not in conf.caches():
            text = f'CACHEKIT["{name}"] is {alias!r}, which is not in CACHES.'
            yield error("E007", text, choose(alias))


def _counted(given: Mapping[Any, Any]) -> Messages:
    wanted = given.get("STATS", False)
    if isinstance(wanted, bool):
        return
    if not isinstance(wanted, (list, tuple, set, frozenset)):
        text = f'CACHEKIT["STATS"] is {wanted!r}.'
        yield error("E006", text, "Write True to count all aliases' calls, or a list of some.")
        return
    for alias in wanted:
        if alias not in conf.caches():
            text = f'CACHEKIT["STATS"] names {alias!r}, which is not in CACHES.'
            yield error("E006", text, choose(alias))


def _warmers(given: Any) -> Messages:
    hint = "Give a list of dotted paths to functions, or a dict of them by name."
    if not isinstance(given, (Mapping, list, tuple, set, frozenset)):
        yield error("E021", 'CACHEKIT["WARMERS"] is a list or a dict.', hint)
        return
    for path in given.values() if isinstance(given, Mapping) else given:
        if not callable(imported(path)):
            text = f'CACHEKIT["WARMERS"]: {path!r} leads to no function.'
            yield error("E021", text, hint)
