"""The checks of what belongs to a client library, which only the backend over it knows."""

from typing import Any

from django.core import checks

from .common import Alias, Messages, error, imported, ours


def clients_can_be_made(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check LOCATION and OPTIONS by the backend's own ``cachekit_problems``: E022."""
    return [message for alias in ours() for message in _told(alias)]


def _told(alias: Alias) -> Messages:
    problems = getattr(imported(alias.config["BACKEND"]), "cachekit_problems", None)
    if problems is not None:
        for text, hint in problems(alias.config.get("LOCATION", ""), alias.options):
            yield error("E022", alias.says(text), hint)
