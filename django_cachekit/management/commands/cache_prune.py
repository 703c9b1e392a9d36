"""``manage.py cache_prune``: remove what has expired, and what is over the bounds."""

from typing import Any

from django.core.management.base import CommandParser

from ... import conf
from ...core.text import printable
from ...errors import NotSupported
from ..command import FAILURES, CacheCommand, Failed, Misused, add_dry_run, counted, table
from ..pruning import prunable, prune


class Command(CacheCommand):
    """Prune each alias whose store does not do so by itself."""

    help = "Removes expired entries and those over the bounds, where the store does not by itself."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases", nargs="*", metavar="ALIAS", help="In CACHES; else all that can be pruned."
        )
        add_dry_run(parser)

    def perform(self, **options: Any) -> None:
        named = options["aliases"]
        unknown = [alias for alias in named if alias not in conf.caches()]
        if unknown:
            told = f"Not in CACHES: {', '.join(unknown)}. There: {', '.join(conf.caches())}."
            raise Misused(told)
        facts: list[dict[str, Any]] = []
        refused: list[str] = []
        for alias in dict.fromkeys(named or conf.caches()):
            try:
                facts.append({"alias": alias, **self._one(alias, bool(named), options["dry_run"])})
            except NotSupported as error:
                refused += [printable(str(error))] if named else []
            except FAILURES as error:
                facts.append({"alias": alias, "state": "failed", "error": str(error)})
        self.show(facts, _lines(facts), options)
        self._end(facts, refused)

    def _one(self, alias: str, named: bool, dry_run: bool) -> dict[str, Any]:
        number = prunable(alias, named) if dry_run else prune(alias, named)
        if named:
            self.warn_if_private(alias)
        return {"state": "planned" if dry_run else "pruned", "entries": number}

    def _end(self, facts: list[dict[str, Any]], refused: list[str]) -> None:
        failed = [fact for fact in facts if fact["state"] == "failed"]
        for fact in failed:
            self.note(f"{fact['alias']}: {printable(fact['error'])}")
        for told in refused:
            self.note(told)
        if failed:
            raise Failed(f"{counted(len(failed), 'alias', 'aliases')} could not be pruned.")
        if refused:
            raise Misused("Nothing was done for them.")


def _lines(facts: list[dict[str, Any]]) -> list[str]:
    if not facts:
        return ["No alias in CACHES needs to be pruned."]
    rows = [
        (fact["alias"], fact["state"], "" if fact.get("entries") is None else fact["entries"])
        for fact in facts
    ]
    return table(("alias", "state", "entries"), rows)
