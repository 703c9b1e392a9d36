"""``manage.py cache_health``: ask each alias whether it works."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from ...core.text import printable
from ...health import DEADLINE, Health, survey
from ..command import CacheCommand, Failed, Misused, counted, table


class Command(CacheCommand):
    """Write, read and remove a value in each alias; one that is down ends it with 1."""

    help = "Asks each alias whether it works: up, degraded or down, and why."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases", nargs="*", metavar="ALIAS", help="In CACHES; else all of them."
        )
        parser.add_argument(
            "--deadline",
            type=float,
            default=DEADLINE,
            metavar="SECONDS",
            help="How long a store may take (%(default)s).",
        )
        parser.add_argument(
            "--strict", action="store_true", help="End with 1 if an alias is degraded, too."
        )

    def perform(self, **options: Any) -> None:
        if not options["deadline"] > 0:
            raise Misused("--deadline is a number of seconds over 0.")
        found = survey(options["aliases"] or None, deadline=options["deadline"])
        rows = [(one.alias, one.status, one.reason, one.latency * 1000) for one in found]
        lines = table(("alias", "status", "reason", "ms"), rows)
        self.show([one._asdict() for one in found], lines, options)
        bad = ("degraded", "down") if options["strict"] else ("down",)
        self._end([one for one in found if one.status in bad], len(found))

    def _end(self, failing: Sequence[Health], number: int) -> None:
        if failing:
            names = printable(", ".join(one.alias for one in failing))
            of = counted(number, "alias", "aliases")
            raise Failed(f"{len(failing)} of {of} not well: {names}.")
