"""The panel: the calls of one request, and what came of them. Values are never shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debug_toolbar.panels import Panel
from django.template import Context, Engine

from ...core.text import printable
from ...layers import watch
from . import bridge

CALLS = 1_000
"""How many calls of a request are listed."""

MOST = 10_000
"""How many calls of a request are counted; of more it is only told that they were made."""

KEYS = 10
"""How many keys of one call are shown."""

LONGEST = 200
"""How many characters of a key or tag are shown."""


class CacheKitPanel(Panel):
    """Show the calls on caches in this request: by the facade, and on stores of ours by Django.

    Blocking and awaited calls are seen, also of the tasks that the request begins.
    """

    is_async = True
    nav_title = "Cachekit"
    template = "panel.html"

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._seen: list[watch.Watched] = []
        self._missed = 0

    @classmethod
    def ready(cls) -> None:
        """Let calls be watched."""
        bridge.connect()

    def enable_instrumentation(self) -> None:
        """Hear of the calls of this request from here on."""
        watch.begin(self._hear)

    def disable_instrumentation(self) -> None:
        """Hear of none any more."""
        watch.end()

    def _hear(self, call: watch.Watched) -> None:
        if len(self._seen) < MOST:
            self._seen.append(call)
        else:
            self._missed += 1

    def generate_stats(self, request: Any, response: Any) -> None:
        """Keep what is to be shown."""
        panel: Any = self  # the toolbar is not typed
        panel.record_stats(summary(self._seen, self._missed))

    def _told(self) -> dict[str, Any]:
        panel: Any = self
        found: dict[str, Any] = panel.get_stats()
        return found

    @property
    def title(self) -> str:
        """Return what stands above it."""
        return f"Calls on {_counted(len(self._told().get('stores', ())), 'cache')}"

    @property
    def nav_subtitle(self) -> str:
        """Return what stands below its name."""
        whole = self._told().get("whole", {})
        calls = _counted(whole.get("calls", 0), "call")
        ratio = whole.get("ratio")
        return calls if ratio is None else f"{calls}, {ratio:.0f} % hits"

    @property
    def content(self) -> str:
        """Return the panel itself."""
        # Not by the project's loaders, which need not look into this package.
        engine = Engine(dirs=[str(Path(__file__).parent)])
        return engine.get_template(self.template).render(Context(self._told()))


def summary(seen: Sequence[watch.Watched], missed: int = 0) -> dict[str, Any]:
    """Return what is shown of some calls, in what JSON can hold; ``missed`` were not kept."""
    aliases = dict.fromkeys(call.store for call in seen)
    stores = [_whole(alias, [call for call in seen if call.store == alias]) for alias in aliases]
    return {
        "calls": [_call(call) for call in seen[:CALLS]],
        "left_out": max(0, len(seen) - CALLS),
        "missed": missed,
        "stores": stores,
        "whole": _whole("", seen),
    }


def _whole(alias: str, seen: Sequence[watch.Watched]) -> dict[str, Any]:
    calls = [call for call in seen if call.does != "compute"]
    read = [call for call in calls if call.hits is not None]
    hits = sum(call.hits or 0 for call in read)
    asked = sum(len(call.keys) for call in read)
    computed = [call for call in seen if call.does == "compute"]
    return {
        "store": alias,
        "calls": len(calls),
        "hits": hits,
        "misses": asked - hits,
        "ratio": 100 * hits / asked if asked else None,
        "ms": 1000 * sum(call.seconds for call in calls),
        "computations": len(computed),
        "computing_ms": 1000 * sum(call.seconds for call in computed),
    }


def _call(call: watch.Watched) -> dict[str, Any]:
    return {
        "verb": call.verb,
        "does": call.does if call.does not in (call.verb, "compute") else "",
        "store": call.store,
        "keys": [_shown(key) for key in call.keys[:KEYS]],
        "more": max(0, len(call.keys) - KEYS),
        "tags": [_shown(tag) for tag in call.tags],
        "result": call.error or _result(call),
        "ms": 1000 * call.seconds,
    }


def _result(call: watch.Watched) -> str:
    if call.hits is None or not call.keys:
        return ""
    if len(call.keys) == 1:
        return "hit" if call.hits else "miss"
    return f"{call.hits} of {len(call.keys)}"


def _shown(text: str) -> str:
    return printable(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
