"""``manage.py cache_key_rotate``: seal what is under older keys under the first one."""

from typing import Any

from django.core.management.base import CommandParser

from ...core.text import one_line, printable
from ..command import FAILURES, MISUSES, CacheCommand, Failed, add_dry_run, counted, table
from ..resealing import Resealed, reseal, sealing_aliases

HEAD = ("store", "key", "outcome", "entries")


class Command(CacheCommand):
    """Seal anew, in one alias or all that keep sealed or signed entries; it may be run again."""

    help = (
        "Seals entries that are under older keys under the first of ENCRYPTION_KEYS, while the "
        "store is in use. What is done stays done if it is stopped."
    )

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--store", metavar="ALIAS", help="The alias in CACHES; all that need it if none."
        )
        add_dry_run(parser)

    def perform(self, **options: Any) -> None:
        done: list[Resealed] = []
        faults: dict[str, Exception] = {}
        for alias in sealing_aliases(options["store"]):
            try:
                done.append(reseal(alias, options["dry_run"]))
            except (*FAILURES, *MISUSES) as error:
                faults[alias] = error
        self._show(done, faults, options)
        if faults:
            names = ", ".join(map(repr, faults))
            raise Failed(f"{names} failed.") from next(iter(faults.values()))

    def _show(
        self, done: list[Resealed], faults: dict[str, Exception], options: dict[str, Any]
    ) -> None:
        rows = [(one.alias, *row) for one in done for row in one.rows]
        told = {alias: one_line(error) for alias, error in faults.items()}
        data = {
            "stores": [one.alias for one in done],
            "entries": [dict(zip(HEAD, row, strict=True)) for row in rows],
            "failed": told,
            "dry_run": options["dry_run"],
        }
        verb = "would be sealed anew" if options["dry_run"] else "sealed anew"
        lines = [
            *table(HEAD, rows),
            *(f"{one.alias}: {counted(one.changed, 'entry', 'entries')} {verb}." for one in done),
            *(f"{alias}: {printable(text)}" for alias, text in told.items()),
        ]
        self.show(data, lines or "No alias in CACHES keeps sealed or signed entries.", options)
