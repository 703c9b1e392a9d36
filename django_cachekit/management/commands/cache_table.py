"""``manage.py cache_table``: make the tables that stores need."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from ... import conf
from ...backends.tables import Made, create_tables
from ...core.text import printable
from ...errors import NotSupported
from ..command import CacheCommand, Failed, Misused, add_dry_run, counted

SAID = {
    "created": "{alias}: table {table!r} made in database {database!r}.",
    "altered": "{alias}: table {table!r} in database {database!r} was of an older version; "
    "completed.",
    "exists": "{alias}: table {table!r} is there already in database {database!r}.",
    "elsewhere": "{alias}: table {table!r} does not belong in database {database!r}; left alone.",
}


class Command(CacheCommand):
    """Make the table of each alias that has none."""

    help = "Makes the tables that cache stores need; one that is there already is left alone."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases", nargs="*", metavar="ALIAS", help="In CACHES; else all that need a table."
        )
        parser.add_argument(
            "--database",
            choices=tuple(connections),
            help="Make them in this database, if settings and routers have them there.",
        )
        add_dry_run(parser)

    def perform(self, **options: Any) -> None:
        unknown = [alias for alias in options["aliases"] if alias not in conf.caches()]
        if unknown:
            told = f"Not in CACHES: {', '.join(unknown)}. There: {', '.join(conf.caches())}."
            raise Misused(told)
        made = create_tables(options["aliases"], options["database"], options["dry_run"])
        facts = [_facts(alias, result) for alias, result in made.items()]
        done = [result for result in made.items() if isinstance(result[1], Made)]
        lines = [line for alias, result in done for line in _lines(alias, result)]
        if not made:
            lines.append("No alias in CACHES needs a table.")
        self.show(facts, lines, options)
        self._end({a: error for a, error in made.items() if isinstance(error, Exception)})

    def _end(self, errors: dict[str, Exception]) -> None:
        for alias, error in errors.items():
            self.note(f"{alias}: {printable(str(error))}")
        if errors and all(isinstance(error, NotSupported) for error in errors.values()):
            raise Misused("Nothing was done for them.")
        if errors:
            raise Failed(f"{counted(len(errors), 'table')} could not be made.")


def _facts(alias: str, result: Made | Exception) -> dict[str, Any]:
    if isinstance(result, Made):
        return {"alias": alias, **result._asdict()}
    return {"alias": alias, "state": "failed", "error": str(result)}


def _lines(alias: str, made: Any) -> list[str]:
    if made.state == "planned":
        return [f"{statement};" for statement in made.statements]
    return [SAID[made.state].format(alias=alias, **made._asdict())]
