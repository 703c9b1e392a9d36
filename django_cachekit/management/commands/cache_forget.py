"""``manage.py cache_forget``: remove keys."""

from typing import Any

from django.core.management.base import CommandParser

from ...core.text import printable
from ..command import Failed, Misused, add_store
from ..forgetting import ForgettingCommand
from ..strict import present, strict


class Command(ForgettingCommand):
    """Remove keys, by name or by pattern; a name that is not there ends it with 1."""

    help = "Removes keys: those named, or those that match --pattern."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("keys", nargs="*", metavar="KEY")
        parser.add_argument(
            "--pattern", metavar="GLOB", help="Keys that match: * ? [abc], \\ to escape."
        )
        add_store(parser, "to remove from")

    def perform(self, **options: Any) -> None:
        if bool(options["keys"]) == bool(options["pattern"]):
            raise Misused("Give keys, or --pattern.")
        cache = strict(options["store"])
        if options["pattern"]:
            self.forget(cache, sorted(cache.keys(options["pattern"])), options)
            return
        there = present(cache.alias, options["keys"])
        missing = [printable(key) for key in options["keys"] if key not in there]
        if there:
            self.forget(cache, there, options)
        if missing:
            raise Failed(f"Not in alias {cache.alias!r}: {', '.join(missing)}")
