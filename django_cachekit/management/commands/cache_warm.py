"""``manage.py cache_warm``: fill the cache before anybody asks."""

from contextlib import suppress
from typing import Any

from django.core.management.base import CommandParser

from ...warming import Outcome, Warmer, chosen, warm
from ..command import FAILURES, MISUSES, CacheCommand, Failed, Misused, counted, table
from ..progress import Bar

HEAD = ("warmer", "status", "entries", "seconds", "error")
LISTED = ("warmer", "store", "ttl", "tags", "function")


class Command(CacheCommand):
    """Run warmers, all or those named, and say what became of each."""

    help = "Fills the cache: runs the functions registered with @warmer or CACHEKIT['WARMERS']."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="name", help="Warmers; all if none.")
        parser.add_argument(
            "--concurrency", type=int, default=1, metavar="N", help="Run so many at once (1)."
        )
        parser.add_argument(
            "--timeout", type=float, metavar="S", help="Give one up after so many seconds."
        )
        parser.add_argument("--list", action="store_true", help="List the warmers; run none.")

    def perform(self, **options: Any) -> None:
        if options["concurrency"] < 1:
            raise Misused("--concurrency is a whole number from 1.")
        if options["timeout"] is not None and not options["timeout"] > 0:
            raise Misused("--timeout is a number of seconds over 0.")
        ready = chosen(options["names"] or None)
        if options["list"]:
            facts = [_facts(one) for one in ready]
            self.show(facts, table(LISTED, map(_row, facts)) or NONE, options)
        else:
            self._warm(ready, options)

    def _warm(self, ready: list[Warmer], options: dict[str, Any]) -> None:
        if options["verbosity"]:
            self._warn(ready)
        shown = options["verbosity"] and options["format"] == "text"
        bar = Bar(self.stderr if shown else None, len(ready))
        with bar:
            outcomes = warm(
                [one.name for one in ready],
                concurrency=options["concurrency"],
                timeout=options["timeout"],
                report=lambda outcome: bar.step(outcome.name),
            )
        self.show([_told(outcome) for outcome in outcomes], self._lines(outcomes), options)
        _end(outcomes)

    def _warn(self, ready: list[Warmer]) -> None:
        for alias in dict.fromkeys(one.alias for one in ready):
            # One that cannot be built makes its warmers fail, which say why.
            with suppress(*FAILURES, *MISUSES):
                self.warn_if_private(alias)

    def _lines(self, outcomes: list[Outcome]) -> list[str]:
        if not outcomes:
            return NONE
        rows = [(o.name, o.status, o.entries, o.seconds, o.error or "") for o in outcomes]
        head, *body = table(HEAD, rows)
        lines = [head, *(self._colored(line, o) for line, o in zip(body, outcomes, strict=True))]
        return [*lines, _summary(outcomes)]

    def _colored(self, line: str, outcome: Outcome) -> str:
        return line if outcome.ok else self.style.ERROR(line)


NONE = ["There are no warmers: put @warmer on a function in the cache.py of an app."]


def _facts(one: Warmer) -> dict[str, Any]:
    ttl = None if one.ttl is None else str(one.ttl)
    tags = list(one.tags)
    return {"name": one.name, "store": one.alias, "ttl": ttl, "tags": tags, "function": one.path}


def _row(facts: dict[str, Any]) -> tuple[Any, ...]:
    ttl, tags = facts["ttl"] or "for ever", ", ".join(facts["tags"])
    return (facts["name"], facts["store"], ttl, tags, facts["function"])


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
        "entries": outcome.entries,
        "error": outcome.error,
    }


def _summary(outcomes: list[Outcome]) -> str:
    good = sum(outcome.ok for outcome in outcomes)
    entries = sum(outcome.entries for outcome in outcomes)
    stored = counted(entries, "entry", "entries")
    return f"{good} of {counted(len(outcomes), 'warmer')} done, {stored}."


def _end(outcomes: list[Outcome]) -> None:
    bad = [outcome for outcome in outcomes if not outcome.ok]
    if bad:
        names = ", ".join(outcome.name for outcome in bad)
        cause = next((outcome.exception for outcome in bad if outcome.exception), None)
        raise Failed(f"{len(bad)} of {counted(len(outcomes), 'warmer')} failed: {names}") from cause
