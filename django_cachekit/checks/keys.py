"""The checks of the keys that our stores seal and sign with."""

from typing import Any

from django.core import checks

from ..codecs import key_files
from .common import BYTES, FILE, Alias, Messages, error, ours, problems_of, root_of

MISSING = {"empty", "missing_index", "no_keys", "no_secret"}
UNFIT = {"short", "long", "encoding", "type", "duplicate", "kid_clash", "secret_key"}

_GENERATE = "Run manage.py cache_key_generate and paste its lines into OPTIONS."
HINTS = dict.fromkeys(MISSING | UNFIT, _GENERATE) | {
    "unresolved": "Give the key where the site runs: the variable, file or callable named here.",
    "conflict": "Take one of them out of OPTIONS.",
    "no_secret": "Set SECRET_KEY, or give ENCRYPTION_KEYS and INDEX_KEY.",
}
"""What to do about each problem with a key."""


def keys_are_fit(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check the keys of our stores of bytes: E001, E002, E004, W010."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        if alias.kinds & BYTES:
            found += [*_keys(alias), *_derived(alias)]
        if FILE in alias.kinds:
            found += [*_unsealed(alias), *_key_files(alias)]
    return found


def _keys(alias: Alias) -> Messages:
    for problem in problems_of(alias):
        if problem.id in HINTS:
            id = "E001" if problem.id in MISSING else "E002"
            yield error(id, alias.says(problem.text), HINTS[problem.id])


def _derived(alias: Alias) -> Messages:
    if alias.options.get("KEYS_FROM_SECRET_KEY"):
        yield checks.Warning(
            alias.says("its keys are derived from SECRET_KEY, which more people and logs know."),
            hint=f"{_GENERATE} Then take KEYS_FROM_SECRET_KEY out.",
            id="cachekit.W010",
        )


def _unsealed(alias: Alias) -> Messages:
    given = {"ENCRYPTION_KEYS", "INDEX_KEY", "KEYS_FROM_SECRET_KEY"}
    if not any(alias.options.get(name) is not None for name in given):
        text = "EncryptedFileCache needs OPTIONS ENCRYPTION_KEYS and INDEX_KEY."
        yield error("E001", alias.says(text), _GENERATE)


def _key_files(alias: Alias) -> Messages:
    root = root_of(alias)
    for path in key_files(alias.options):
        if root is not None and path.resolve().is_relative_to(root.resolve()):
            text = f"the key file {str(path)!r} lies in its directory, beside what it opens."
            hint = "Move it to a directory that holds no cache."
            yield error("E004", alias.says(text), hint)
