"""Make the site ready and show it, or prove that it works."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections
from tour.walk import walk

from django_cachekit.health import health
from places import loading
from places.demo import measure
from places.demo.client import Visitor
from places.demo.report import Findings
from places.demo.server import HOST, FriendlyServer, served
from places.events import HIT, MISS, log
from places.models import City

SILENT = ("refused", "unreachable", "timeout", "forbidden")  # what no table would mend


class Command(BaseCommand):
    """Load the data, warm the cache, then serve the site or check it."""

    help = "Load the data, warm the cache and serve the site; with --check, prove that it works."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--check",
            action="store_true",
            help="Fetch the pages with and without the cache, edit a city, walk through the tour, "
            "print what came of it.",
        )
        parser.add_argument(
            "--tour", action="store_true", help="Press every button of the tour, and end."
        )
        parser.add_argument("--port", type=int, default=0, help="Serve here; else a free port.")
        parser.add_argument("--min-population", type=int, choices=loading.SIZES, default=500)

    def handle(self, *args: Any, **options: Any) -> None:
        """Make ready, then serve until Ctrl+C, or check and end."""
        self._make_ready(options["min_population"])
        log.clear()  # what counts are the visitors
        if options["check"]:
            self._check()
        if options["check"] or options["tour"]:
            self._walk()
        else:
            server = FriendlyServer()
            call_command(
                server, f"{HOST}:{options['port']}", use_reloader=False, stdout=self.stdout
            )

    def _make_ready(self, min_population: int) -> None:
        self._reach()
        steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
            ("Preparing the database", "migrate", {"interactive": False}),
            ("Preparing the cache table", "cache_table", {}),
            ("Loading the places", "load_places", {"min_population": min_population}),
            ("Warming the cache", "cache_warm", {}),
        )
        for title, command, options in steps:
            self.stdout.write(f"{title} ...")
            call_command(command, verbosity=0, stdout=self.stdout, **options)

    def _reach(self) -> None:
        """End with one sentence where the store does not answer: nothing would work."""
        if reason := _silent():
            raise CommandError(
                f"The store, {settings.STORE_SAID}, cannot be used ({reason}): "
                "start it, or unset MERIDIAN_STORE."
            )

    def _check(self) -> None:
        city = City.objects.order_by("-population", "geoname").first()
        if city is None:
            raise CommandError("There are no places: run `manage.py load_places`.")
        findings = _findings(city)
        self.stdout.write(f"\n{findings.text()}\n")
        if faults := findings.faults():
            raise CommandError("; ".join(faults), returncode=1)

    def _walk(self) -> None:
        warnings = logging.getLogger("django_cachekit")
        warnings.setLevel(logging.ERROR)  # some buttons make a store warn, to show what then is
        with served() as port, closing(Visitor(port)) as visitor:
            walked = walk(visitor)
        self.stdout.write(walked.text())
        if walked.faults:
            raise CommandError("; ".join(walked.faults), returncode=1)
        self.stdout.write(self.style.SUCCESS("All is well."))


def _silent() -> str:
    """Say why the store does not answer; nothing if it does, even if only to ask for a table."""
    try:
        for database in settings.CHOSEN.databases:
            connections[database].ensure_connection()
    except OperationalError:
        return "unreachable"
    asked = health("default", deadline=5)
    return asked.reason if asked.status == "down" and asked.reason in SILENT else ""


def _findings(city: City) -> Findings:
    with served() as port, closing(Visitor(port)) as visitor:
        timings = [measure.timing(visitor, path) for path in measure.pages(city)]
        edit = measure.edit(visitor, city)
    return Findings(timings, edit, log.ratio() or 0.0, log.totals[HIT], log.totals[MISS])
