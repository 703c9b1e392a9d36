"""The checks of what ``CACHES`` says of our stores, but for keys and places."""

from typing import Any

from django.core import checks

from ..codecs.legacy import wanted
from ..core.extras import install
from ..core.settings import names as names_of
from ..errors import Misconfigured
from .common import (
    ARRAY,
    BYTES,
    DATABASE,
    FILE,
    NULL,
    TAGGED,
    Alias,
    Messages,
    error,
    meant,
    ours,
    problems_of,
    warning,
)

BOUNDS = ("MAX_ENTRIES", "MAX_BYTES")
SHARED = names_of("all", "codecs")
"""What every store of bytes takes; those on servers refuse whatever else is not their own."""

OPTIONS = names_of("all", "codecs", "array", "file", "database", "dynamodb", "tagged") | {"STORES"}
"""What those take that have no client library's options among theirs.

``STORES``, which no store takes yet, is followed by the check of aliases over others.
"""

BESIDE = {"BACKEND", "KEY_FUNCTION", "KEY_PREFIX", "LOCATION", "TIMEOUT", "VERSION"}
"""Django's own names, which stand beside OPTIONS and mean nothing inside."""

OWN_OPTIONS = {ARRAY, FILE, DATABASE, TAGGED, NULL}
"""The backends that take no notice of a name they do not know; the others refuse it."""

PARTS = {
    "serializer": "Use auto, json, msgpack, pickle or a dotted path, and install its library.",
    "compression": f"Use None, zlib or zstd, which needs: {install('zstd')}.",
    "cipher": f"Leave it out for aes-256-gcm; sealing needs: {install('encryption')}.",
    "pickle_classes": 'Write a list, such as ["shop.models.Product"], or leave it out.',
    "store_id": "Give some text, or leave it out: it is the alias then.",
}
"""What to do about each problem that a codec chain has, but for those of its keys."""


_DEFAULT = "Give a whole number, or leave it out for the default."


def options_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check the OPTIONS of our stores: E008, E009, W014, W015, W017."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        found += [*_bounds(alias), *_spelling(alias)]
        if alias.kinds & BYTES:
            found += [
                error("E009", alias.says(problem.text), PARTS[problem.id])
                for problem in problems_of(alias)
                if problem.id in PARTS
            ]
            found += _legacy(alias)
    return found


def _bounds(alias: Alias) -> Messages:
    for name in BOUNDS:
        value = alias.options.get(name, 1)
        unbounded = value is None and DATABASE in alias.kinds
        if not unbounded and (type(value) is not int or value < 1):
            text = f"{name} is a whole number from 1, not {value!r}."
            yield error("E008", alias.says(text), _DEFAULT)
    if alias.kinds & BYTES:
        for problem in problems_of(alias):
            if problem.id == "max_value_bytes":
                yield error("E008", alias.says(problem.text), _DEFAULT)


def _legacy(alias: Alias) -> Messages:
    try:
        names = wanted(alias.name, alias.options)
    except Misconfigured as wrong:
        yield error("E009", str(wrong), "Name what stood there before, or leave it out.")
        return
    if names:
        text = "READ_LEGACY is on: pickles that nobody vouches for are read from the server."
        hint = "Take it out when no more entries are taken over; see docs/migrating/entries.md."
        yield warning("W015", alias.says(text), hint)


def _spelling(alias: Alias) -> Messages:
    """Find misspelt options: ENCRYPTION_KEY, which is none, would leave a table unsealed."""
    if alias.config["BACKEND"] not in OWN_OPTIONS:
        return
    for name in alias.options:
        if name in BESIDE:
            text = f"{name!r} in OPTIONS means nothing."
            yield warning("W017", alias.says(text), stands_beside(name))
        elif name not in OPTIONS:
            hint = meant(name, OPTIONS) or "Take it out; docs/settings.md has all that there are."
            yield warning("W014", alias.says(f"{name!r} is no option."), hint)


def stands_beside(name: str) -> str:
    """Return the hint for a name of Django's that stands inside of OPTIONS."""
    return f'Write it beside OPTIONS: {{"BACKEND": ..., "{name}": ..., "OPTIONS": {{...}}}}.'
