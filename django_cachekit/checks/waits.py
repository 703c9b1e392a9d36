"""The check of how long a store that hangs may hold its callers."""

from typing import Any

from django.core import checks

from .common import DYNAMODB, MEMCACHED, REDIS, Alias, Messages, ours, warning

LONG = 10
"""Seconds that are more than a page may wait for its cache."""

NAMES = {
    REDIS: ("SOCKET_CONNECT_TIMEOUT", "SOCKET_TIMEOUT"),
    MEMCACHED: ("connect_timeout", "timeout"),
    DYNAMODB: ("CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE"),
}


def waits_are_short(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that no caller waits long for a store that hangs: W027."""
    return [message for alias in ours() for message in _long(alias)]


def _long(alias: Alias) -> Messages:
    for kind in alias.kinds & NAMES.keys():
        for name in NAMES[kind]:
            wait = alias.options.get(name, 0)
            endless = wait is None and kind == REDIS
            if endless or (isinstance(wait, (int, float)) and wait > LONG):
                text = f"{name} is {wait!r}: a store that hangs holds every caller so long."
                hint = "It is in seconds; leave it out for half a second, or write up to 10."
                if name == "timeout":
                    hint += " TIMEOUT, beside OPTIONS, is how long values live."
                yield warning("W027", alias.says(text), hint)
