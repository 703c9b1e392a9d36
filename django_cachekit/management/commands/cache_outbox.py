"""``manage.py cache_outbox``: carry out the flushes that are still to be done."""

from typing import Any

from django.core.management.base import CommandParser

from ... import conf
from ...core.text import printable
from ...outbox import Drained, drain
from ..command import CacheCommand, Failed, Misused, add_dry_run, counted, table


class Command(CacheCommand):
    """Drain the outbox; run it from cron, and after an outage."""

    help = "Carries out the flushes of tags that were committed and are not known to be done."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("--store", metavar="ALIAS", help="Only what is for this alias.")
        parser.add_argument(
            "--older-than", type=float, default=0, metavar="SECONDS", help="Only what is as old."
        )
        parser.add_argument(
            "--drop-unknown",
            action="store_true",
            help="Drop what is for aliases that are not in CACHES.",
        )
        add_dry_run(parser)

    def perform(self, **options: Any) -> None:
        names = ("older_than", "drop_unknown", "dry_run")
        found = drain(options["store"], **{name: options[name] for name in names})
        if options["store"] and not found and options["store"] not in conf.caches():
            raise Misused(f"Neither CACHES nor the outbox has an alias {options['store']!r}.")
        self.show([one._asdict() for one in found], _lines(found), options)
        for one in found:
            if one.error:
                self.note(f"{one.store}: {printable(one.error)}")
        bad = sum(1 for one in found if not one.ok)
        if bad:
            what = counted(bad, "part of the outbox is", "parts of the outbox are")
            raise Failed(f"{what} left. Rows for an alias that is gone go by --drop-unknown.")


def _lines(found: list[Drained]) -> list[str]:
    if not found:
        return ["The outbox is empty."]
    rows = [(one.store, one.match, one.state, one.rows, one.tags) for one in found]
    return table(("store", "match", "state", "rows", "tags"), rows)
