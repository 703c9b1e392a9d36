"""The checks of which backends there are, and which alias is over which."""

from collections.abc import Mapping
from typing import Any

from django.core import checks
from django.utils.module_loading import import_string

from .. import conf
from .common import OURS, TAGGED, Alias, Messages, choose, error, imported, ours


def backends_are_there(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that the backends of this package can be imported: E020."""
    return [
        error(
            "E020", f"CACHES[{name!r}]: there is no {config['BACKEND']}.", _why(config["BACKEND"])
        )
        for name, config in conf.caches().items()
        if str(config.get("BACKEND")).startswith(OURS) and imported(config["BACKEND"]) is None
    ]


def _why(path: str) -> str:
    """Return what to do: the modules say themselves what they need, and where a class is."""
    try:
        import_string(path)
    except ImportError as error:
        return f"{str(error).rstrip('.')}."
    return "See the dotted path."  # pragma: no cover  # it is there by now


def aliases_are_over_others(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that STORE and STORES lead somewhere, and not back: E005."""
    return [message for alias in ours() for message in _chain(alias)]


def _chain(alias: Alias) -> Messages:
    if TAGGED in alias.kinds and not alias.options.get("STORE"):
        yield error("E005", alias.says("STORE names no alias."), choose(alias.name))
    for store in _under(alias.options):
        if store == alias.name:
            yield error("E005", alias.says("it names itself as its STORE."), choose(store))
        elif store not in conf.caches():
            text = f"it is over {store!r}, which is not in CACHES."
            yield error("E005", alias.says(text), choose(store))
        elif alias.name in _reached(store):
            text = f"it is over {store!r}, which is over it in turn."
            yield error("E005", alias.says(text), choose(store))


def _under(options: Mapping[str, Any]) -> list[Any]:
    one, many = options.get("STORE"), options.get("STORES")
    return [*([one] if one else []), *(many if isinstance(many, (list, tuple)) else [])]


def _reached(store: str) -> set[str]:
    """Return the aliases that one alias is over, through however many."""
    seen: set[str] = set()
    waiting = [store]
    while waiting:
        config = conf.caches().get(waiting.pop(), {})
        fresh = [name for name in _under(config.get("OPTIONS") or {}) if name not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return seen
