"""Telling the toolbar's own cache panel what it does not see.

That panel puts wrappers around the blocking verbs of the cache objects that Django gives out. What
is asked of such an object passes by them; the facade over a store of ours does not use one, and our
a-verbs are no wrappers of the blocking ones. Those calls are told to it here, each once: while it
records a call itself it takes itself off the cache object.
"""

from functools import partial
from typing import Any

from debug_toolbar.panels.cache import CachePanel
from debug_toolbar.utils import get_stack_trace, get_template_info

from ...backends.base import StoreCache, renew
from ...layers import watch
from ...layers.ground import backend_of
from ...manager import manager

JUDGED = ("get", "get_or_set", "get_many")
"""Verbs of which the panel finds out by itself whether they were hits."""

DOES = {"write": "set", "delete": "delete"}
"""What is told of the second half of a verb that reads first."""


def connect() -> None:
    """Let calls be watched from now on, by whoever has a panel for that; once is enough."""
    if watch.hearing not in watch.ASKED:
        watch.ASKED += [watch.hearing, theirs]
        _renew()


def disconnect() -> None:
    """Let no call be watched any more."""
    watch.ASKED.clear()
    _renew()


def _renew() -> None:
    renew()
    manager.reset()


def theirs(alias: str) -> watch.Hear | None:
    """Return who tells the toolbar's panel of a call, if it does not see that itself."""
    if CachePanel.current_instance() is None:
        return None
    cache = backend_of(alias)
    panel = vars(cache).get("_djdt_panel")
    if panel is None or not isinstance(cache, StoreCache):
        return None
    return partial(_record, panel, f"{alias} ({type(cache).__name__})")


def _record(panel: Any, backend: str, call: watch.Watched) -> None:
    if call.does == "compute":
        return
    name = _name(call)
    panel.counts.setdefault(name, 0)
    if call.hits is not None and name not in JUDGED:
        panel.hits += call.hits
        panel.misses += len(call.keys) - call.hits
    many = name == "get_many"
    panel._store_call_info(
        name=name,
        time_taken=call.seconds,
        # As much of what came back as shows whether it was a hit.
        return_value=call.keys[: call.hits or 0] if many else (call.hits or None),
        args=(list(call.keys),) if many else call.keys,
        kwargs={"tags": list(call.tags)} if call.tags else {},
        trace=get_stack_trace(skip=2),
        template_info=get_template_info(),
        backend=backend,
    )


def _name(call: watch.Watched) -> str:
    """Return the verb as its caller knows it, but for the half of one that writes after it read."""
    if call.verb in ("remember", "remember_many", "get_or_set") and call.does != "read":
        return DOES.get(call.does, call.does)
    return call.verb
