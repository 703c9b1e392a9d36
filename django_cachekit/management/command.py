"""What the commands have in common: options, questions, output, and how they end.

====== ==================================================================
exit   meaning
====== ==================================================================
0      done
1      failed: one line says what and why, ``--traceback`` shows the rest
2      wrong use: nothing was done
130    interrupted by Ctrl-C
====== ==================================================================
"""

import json
import sys
from collections.abc import Container, Iterable, Sequence
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from ..core.text import one_line, printable
from ..errors import CacheKitError
from ..warming import UnknownWarmer
from .strict import is_shared

FAILURES = (CacheKitError, ImproperlyConfigured, DatabaseError, OSError, ImportError)
MISUSES = (InvalidCacheBackendError, UnknownWarmer)


class Failed(CommandError):
    """End with 1: it could not be done."""


class Misused(CommandError):
    """End with 2: it was asked for in a way that cannot be right."""

    def __init__(self, text: str) -> None:
        super().__init__(text, returncode=2)


class Interrupted(CommandError):
    """End with 130, as a shell does: somebody pressed Ctrl-C."""

    def __init__(self) -> None:
        super().__init__("stopped by Ctrl-C.", returncode=130)


class CacheCommand(BaseCommand):
    """Be a command on caches: a subclass has ``options`` to add, and ``perform`` to do.

    ``destructive`` adds ``--dry-run`` and ``--noinput``.
    """

    # A fault in one alias must not keep the command from the others, or from making a key.
    requires_system_checks: list[str] = []
    destructive = False

    def add_arguments(self, parser: CommandParser) -> None:
        self.options(parser)
        parser.add_argument("--format", choices=("text", "json"), default="text")
        if self.destructive:
            add_dry_run(parser)
            parser.add_argument(
                "--noinput",
                "--no-input",
                action="store_false",
                dest="interactive",
                help="Do not ask.",
            )

    def options(self, parser: CommandParser) -> None:
        """Add the command's own arguments."""

    def perform(self, **options: Any) -> None:
        """Do it."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        """Perform, and end with one line whatever goes wrong."""
        try:
            self.perform(**options)
        except KeyboardInterrupt as error:
            raise Interrupted from error
        except MISUSES as error:
            raise Misused(_said(error)) from error
        except FAILURES as error:
            raise Failed(_said(error)) from error

    def confirm(self, question: str, *, interactive: bool, dry_run: bool = False, **_: Any) -> None:
        """Ask before something is destroyed; any answer but yes ends the command."""
        if dry_run or not interactive:
            return
        # Answers that come from no keyboard bring no line end to the screen.
        self.note(f"{question} [yes/no] ", ending="" if sys.stdin.isatty() else "\n")
        try:
            answer = input()
        except EOFError as error:
            raise Misused("Nothing was done: nobody answered. Use --noinput.") from error
        if answer.strip().lower() not in ("y", "yes"):
            raise Failed("Nothing was done.")

    def note(self, text: str, ending: str = "\n") -> None:
        """Write beside the output, which may be read by a program."""
        self.stderr.write(text, style_func=str, ending=ending)

    def warn(self, text: str) -> None:
        """Write a warning beside the output."""
        self.stderr.write(f"Warning: {text}", style_func=self.style.WARNING)

    def warn_if_private(self, alias: str) -> None:
        """Warn of an alias in the memory of this process, which ends with the command."""
        if not is_shared(alias):
            self.warn(
                f"alias {alias!r} is in the memory of one process, and this is another than the "
                "one that serves: nothing changes there."
            )

    def show(self, data: Any, lines: str | Iterable[str], options: dict[str, Any]) -> None:
        """Write ``data`` as JSON, or the lines, by what ``--format`` says."""
        if options["format"] == "json":
            self.stdout.write(json.dumps(data, indent=2, default=repr))
        elif options["verbosity"]:
            for line in [lines] if isinstance(lines, str) else lines:
                self.stdout.write(line)


def add_store(parser: CommandParser, what: str) -> None:
    """Add ``--store``, for one alias."""
    parser.add_argument(
        "--store", metavar="ALIAS", help=f"The alias in CACHES {what}; else the default one."
    )


def add_dry_run(parser: CommandParser) -> None:
    """Add ``--dry-run``."""
    parser.add_argument(
        "--dry-run", action="store_true", help="Say what would be done; do nothing."
    )


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], figures: Container[str] = ()
) -> list[str]:
    """Return aligned lines, numbers to the right; a head without rows is no table.

    Columns whose head is among ``figures`` are numbers too, whatever is said of them.
    """
    body = [list(row) for row in rows]
    if not body:
        return []
    right = [
        name in figures or all(isinstance(value, (int, float)) for value in column)
        for name, column in zip(head, zip(*body, strict=True), strict=True)
    ]
    lines = [list(head), *([_cell(value) for value in row] for row in body)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [_line(line, widths, right) for line in lines]


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _said(error: BaseException) -> str:
    """Return what our own errors say, which is a sentence, and of others the class too."""
    return (
        printable(str(error)) if isinstance(error, (CacheKitError, *MISUSES)) else one_line(error)
    )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else printable(str(value))


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    parts = [
        text.rjust(width) if to_right else text.ljust(width)
        for text, width, to_right in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(parts).rstrip()
