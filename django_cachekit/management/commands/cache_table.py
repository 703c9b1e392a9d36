"""``manage.py cache_table``: make the tables that stores need."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from ... import conf
from ...backends.tables import Made, create_tables
from ...errors import NotSupported

SAID = {
    "created": "{alias}: table {table!r} made in database {database!r}.",
    "exists": "{alias}: table {table!r} is there already in database {database!r}.",
    "elsewhere": "{alias}: table {table!r} does not belong in database {database!r}; left alone.",
    "failed": "{alias}: {error}",
}


class Command(BaseCommand):
    """Make the table of each alias that has none; exit with 0, 1 if one failed, 2 if misused."""

    help = "Makes the tables that cache stores need; one that is there already is left alone."
    # A table that is missing must not keep the command that makes it from running.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases", nargs="*", metavar="alias", help="of CACHES; all that need a table if none"
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="make them in this database, if settings and routers have them there",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="print the SQL and change nothing"
        )
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = [alias for alias in options["aliases"] if alias not in conf.caches()]
        if unknown:
            known = ", ".join(conf.caches())
            raise CommandError(
                f"Not in CACHES: {', '.join(unknown)} (there: {known})", returncode=2
            )
        made = create_tables(options["aliases"], options["database"], options["dry_run"])
        facts = [_facts(alias, result) for alias, result in made.items()]
        if options["format"] == "json":
            self.stdout.write(json.dumps(facts, indent=2))
        elif options["verbosity"]:
            self._tell(facts)
        _end([result for result in made.values() if isinstance(result, Exception)])

    def _tell(self, facts: list[dict[str, Any]]) -> None:
        for fact in facts:
            if fact["state"] == "planned":
                self.stdout.write("".join(f"{statement};\n" for statement in fact["statements"]))
            else:
                stream = self.stderr if fact["state"] == "failed" else self.stdout
                stream.write(SAID[fact["state"]].format(**fact))
        if not facts:
            self.stdout.write("No alias in CACHES needs a table.")


def _facts(alias: str, result: Made | Exception) -> dict[str, Any]:
    if isinstance(result, Made):
        return {"alias": alias, **result._asdict()}
    return {"alias": alias, "state": "failed", "error": str(result)}


def _end(errors: list[Exception]) -> None:
    if errors:
        misused = all(isinstance(error, NotSupported) for error in errors)
        raise CommandError(f"{len(errors)} failed.", returncode=2 if misused else 1)
