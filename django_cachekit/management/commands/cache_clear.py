"""``manage.py cache_clear``: empty an alias, or what begins with some text."""

import re
from typing import Any

from django.core.management.base import CommandParser

from ...errors import NotSupported
from ..command import Misused, add_store, counted
from ..forgetting import ForgettingCommand
from ..strict import describe, free_locks, strict


class Command(ForgettingCommand):
    """Empty one alias, and nothing beside it in the same server."""

    help = "Empties a cache, but for its locks; with --prefix, only the keys that begin with it."

    def options(self, parser: CommandParser) -> None:
        add_store(parser, "to clear")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--prefix", metavar="TEXT", help="Only keys that begin so.")
        only.add_argument(
            "--locks", action="store_true", help="Only its locks, whoever has them; no entries."
        )

    def perform(self, **options: Any) -> None:
        cache = strict(options["store"])
        if options["locks"]:
            self._locks(cache, options)
        elif options["prefix"] is None:
            self._all(cache, options)
        else:
            self._some(cache, options["prefix"], options)

    def _all(self, cache: Any, options: dict[str, Any]) -> None:
        what = f"all of {describe(cache.alias)}"
        self.warn_if_private(cache.alias)
        number = _number(cache) if options["dry_run"] else None
        self.confirm(f"Clear {what}?", **options)
        if not options["dry_run"]:
            cache.flush()
        said = "" if number is None else f", {counted(number, 'key')}"
        data = {"store": cache.alias, "dry_run": options["dry_run"]}
        if options["dry_run"]:
            data["entries"] = number
        done = "Would clear" if options["dry_run"] else "Cleared"
        self.show(data, f"{done} {what}{said}.", options)

    def _locks(self, cache: Any, options: dict[str, Any]) -> None:
        what = f"all locks of {describe(cache.alias)}"
        self.warn_if_private(cache.alias)
        self.confirm(f"Give {what} back?", **options)
        data = {"store": cache.alias, "dry_run": options["dry_run"]}
        if options["dry_run"]:
            self.show(data, f"Would give {what} back.", options)
            return
        number = free_locks(cache.alias)
        self.show({**data, "locks": number}, f"Gave {counted(number, 'lock')} back.", options)

    def _some(self, cache: Any, prefix: str, options: dict[str, Any]) -> None:
        if not prefix:
            raise Misused("--prefix needs text; without it, all is cleared.")
        self.forget(cache, sorted(cache.keys(f"{escaped(prefix)}*")), options)


def escaped(text: str) -> str:
    """Return a glob that matches ``text`` and nothing else."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", text)


def _number(cache: Any) -> int | None:
    """Return how many keys there are, or None where the store cannot list them."""
    try:
        return len(list(cache.keys("*")))
    except NotSupported:
        return None
