"""Removing keys that were found: asked for, counted, and told the same way by every command."""

from typing import Any

from ..core.text import printable
from ..repository import Repository
from .command import CacheCommand, counted
from .strict import describe

SHOWN = 20


class ForgettingCommand(CacheCommand):
    """Be a command that removes keys."""

    destructive = True

    def forget(self, cache: Repository, keys: list[str], options: dict[str, Any]) -> None:
        """Remove ``keys``, or say which they are if this is a dry run."""
        self.warn_if_private(cache.alias)
        what = f"{counted(len(keys), 'key')} of {describe(cache.alias)}"
        if keys:
            self.confirm(f"Forget {what}?", **options)
        data = {"store": cache.alias, "keys": keys, "dry_run": options["dry_run"]}
        if options["dry_run"]:
            self.show(data, [f"Would forget {what}.", *_shown(keys)], options)
        else:
            gone = cache.forget_many(keys)
            self.show({**data, "forgotten": gone}, f"Forgot {counted(gone, 'key')}.", options)


def _shown(keys: list[str]) -> list[str]:
    lines = [f"  {printable(key)}" for key in keys[:SHOWN]]
    more = len(keys) - len(lines)
    return [*lines, f"  ... and {more:,} more"] if more else lines
