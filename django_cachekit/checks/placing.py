"""The checks of what stands beside ``OPTIONS``, and of two aliases that are one store."""

from collections.abc import Mapping
from typing import Any

from django.core import checks

from .common import ARRAY, BYTES, FILE, NULL, OURS, Alias, Messages, meant, ours, warning
from .options import BESIDE, OPTIONS

ALLOWED = {*BESIDE, "OPTIONS", "REVERSE_KEY_FUNCTION", "timeout", "cull_frequency"}
"""What may stand beside ``OPTIONS``: Django's names, and one of django-redis."""


def entries_mean_something(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check what stands beside OPTIONS: W017, W018, W019."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        found += [*_beside(alias), *_timeout(alias)]
    return [*found, *_twins()]


def _beside(alias: Alias) -> Messages:
    # One that is built on a backend of ours may have names of its own.
    if not str(alias.config["BACKEND"]).startswith(OURS):
        return
    allowed = ALLOWED | ({"max_entries"} if FILE in alias.kinds else set())
    for name in alias.config:
        if name not in allowed:
            near = None if name in OPTIONS else meant(name, BESIDE)
            inside = f'Write it inside: "OPTIONS": {{"{str(name).upper()}": ...}}.'
            text = f"{name!r} beside OPTIONS means nothing."
            yield warning("W017", alias.says(text), near or inside)


def _timeout(alias: Alias) -> Messages:
    given = alias.config.get("TIMEOUT", 300)
    if given is None or NULL in alias.kinds:
        return
    hint = "Write a whole number of seconds, such as 600, or None for ever."
    try:
        whole = int(given)
    except (TypeError, ValueError):
        text = f"TIMEOUT is {given!r}, which Django takes for 300."
        yield warning("W018", alias.says(text), hint)
        return
    if whole <= 0:
        text = f"TIMEOUT is {given!r}: what is stored without a time of its own is gone at once."
        more = f"{hint} If nothing is to be kept, use {NULL}."
        yield warning("W018", alias.says(text), more)


def _twins() -> Messages:
    first: dict[str, str] = {}
    for alias in ours():
        mark = _store(alias)
        twin = mark and first.setdefault(mark, alias.name)
        if twin and twin != alias.name:
            text = f"it is one store with {twin!r}: each reads, and flushes, what is the other's."
            own = "a LOCATION" if ARRAY in alias.kinds else "an OPTIONS['STORE_ID']"
            hint = f"Give it {own} or a KEY_PREFIX of its own, or use one alias for both."
            yield warning("W019", alias.says(text), hint)


ELSEWHERE = ("DATABASE", "ENDPOINT_URL", "REGION_NAME", "SENTINELS", "SESSION")
"""Options that say where a store is, beside LOCATION."""


def _store(alias: Alias) -> str | None:
    """Return what two aliases share if they are one store; None if it is no matter."""
    config, options = alias.config, alias.options
    where = (config.get("LOCATION", ""), str(config.get("KEY_PREFIX", "")))
    if ARRAY in alias.kinds:
        return repr((ARRAY, where))
    if not alias.kinds & BYTES:
        return None
    if "STORE_ID" in options:
        elsewhere = [(name, options.get(name)) for name in ELSEWHERE]
        return repr((config["BACKEND"], where, options["STORE_ID"], elsewhere))
    # Without one it is the alias, or the first of those whose entries are the same to the letter.
    return repr((config["BACKEND"], where, sorted(_flat(config).items())))


def _flat(config: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): repr(value) for name, value in config.items() if name != "BACKEND"}
