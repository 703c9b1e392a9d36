"""What to do about it: the last sentence of an error, for who reads it at night."""

import re
from collections.abc import Mapping

from django.apps import apps

APP = "django_cachekit"

LISTS = "the array, file, database, Redis and DynamoDB stores of django_cachekit.backends can"
OURS = "every store of django_cachekit.backends can"

WHO: Mapping[str, str] = {
    "keys": f"its store cannot list what it holds; {LISTS}",
    "ttl": f"its store does not tell when a key expires; {OURS}",
    "see": f"its store has no write on the condition that a value is still the one that was read; "
    f"{OURS}",
    "incr": f"its store has no step that creates and counts; {OURS}, and incr() and decr() work as "
    "Django's",
    "prune": f"its store does not tell what has expired; {OURS}",
    "lock": f"its store has no step that gives a lock back only to its owner; {OURS}",
}
"""Why a store cannot do a verb, and which can."""

_HINTS = (
    ("Auth|Credential|AccessDenied|NoPermission|UnrecognizedClient|Signature",
     "Its credentials or rights were refused: see USERNAME, PASSWORD, LOCATION or the role."),
    ("PoolExhausted|MaxConnections",
     "All connections are in use: allow more (max_connections, max_pool_size)."),
    ("ReadOnly", "That server takes no writes: LOCATION has to name the primary."),
    ("OutOfMemory|No space left", "It is full: give it more room, or let it evict."),
    ("Throttl|Throughput|Unprocessed|RequestLimit", "The table has not the capacity for it."),
    ("Permission denied|Operation not permitted", "Let the user that runs the site own LOCATION."),
    ("[Tt]ime(d )?out", "It did not answer in time: see what keeps it, or raise its timeouts."),
)  # fmt: skip
_ELSE = "See whether it is up and LOCATION is right: manage.py cache_health."


def unreachable(alias: str, verb: str, told: str, *, unknown: bool = False) -> str:
    """Return the text of a StoreUnavailable; ``told`` is what may be said of the client's error."""
    hint = next((hint for words, hint in _HINTS if re.search(words, told)), _ELSE)
    done = " It may have been done or not: look before it is asked again." if unknown else ""
    return f"alias {alias!r}: {verb!r} failed: {told}.{done} {hint}"


def contended(alias: str, what: str) -> str:
    """Return the text of a StoreUnavailable where others were always faster."""
    return f"alias {alias!r}: {what}; nothing was done, so try again, with fewer at a time."


def unable(what: str, verb: str, name: str) -> str:
    """Return the text of a NotSupported: what cannot do it, why, and what can."""
    why = f": {WHO[verb]}" if verb in WHO else f"; {OURS}, if it can be done at all"
    return f"{what} cannot do {name!r}{why}."


def by(command: str) -> str:
    """Return how to run a command of ours, which there is where the app is installed."""
    there = not apps.apps_ready or apps.is_installed(APP)
    return f"manage.py {command}{'' if there else f' ({APP!r} has to be in INSTALLED_APPS)'}"
