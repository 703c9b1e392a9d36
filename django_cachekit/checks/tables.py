"""The check that the tables of our stores are there; it asks databases, so only where told to."""

from collections.abc import Collection, Mapping
from typing import Any

from django.core import checks

from .common import DATABASE, Alias, Messages, imported, ours, warning


def tables_are_there(
    app_configs: Any = None, databases: Collection[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """Check that each cache table is in its database, if that is one to be asked: W025.

    A warning, since ``migrate`` checks too, and has to run before there can be any table.
    """
    return [message for alias in ours() for message in _table(alias, set(databases or ()))]


def _table(alias: Alias, databases: Collection[str]) -> Messages:
    if DATABASE not in alias.kinds or not _fit(alias.config):
        return
    # Checks lie below the backends, so they ask the class that CACHES names.
    backend = imported(alias.config["BACKEND"])
    text = backend.cachekit_table(alias.name, alias.config["LOCATION"], alias.options, databases)
    if text:
        hint = f"Run: manage.py cache_table {alias.name}"
        yield warning("W025", alias.says(text), hint)


def _fit(config: Mapping[str, Any]) -> bool:
    return isinstance(config.get("LOCATION"), str) and bool(config["LOCATION"])
