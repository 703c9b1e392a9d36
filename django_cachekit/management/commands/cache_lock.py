"""``manage.py cache_lock NAME --ttl S -- COMMAND``: run a program while nobody else runs it."""

import math
import os
from argparse import ArgumentTypeError
from collections.abc import Sequence
from typing import Any, cast

from django.core.management.base import CommandParser

from ...errors import CacheKitError, LockTimeout
from ...facade import cache
from ..command import CacheCommand, Failed, Misused, add_store
from ..program import Program, told_to_end

FENCE = "CACHEKIT_FENCE"
"""The variable by which the program learns the lock's number."""


class Ended(Failed):
    """End as the program did."""

    def __init__(self, code: int) -> None:
        super().__init__(f"The command ended with {code}.")
        self.returncode = code if code > 0 else 128 - code


class Command(CacheCommand):
    """Take a lock, run a program, and give the lock back however that ends."""

    help = (
        "Runs a program under a lock, so that only one runs at a time, on however many machines: "
        "cache_lock report --ttl 60 -- python manage.py report. The lock is kept alive while the "
        "program runs; if it is lost all the same, the program is told to end."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return a parser that leaves alone what comes after ``--``."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        plain: Any = parser.parse_args

        def parse_args(args: Sequence[str] | None = None, namespace: Any = None) -> Any:
            given = list(args or ())
            at = given.index("--") if "--" in given else len(given)
            parsed = plain(given[:at], namespace)
            parsed.command = given[at + 1 :]
            return parsed

        cast(Any, parser).parse_args = parse_args
        return parser

    def options(self, parser: CommandParser) -> None:
        add_store(parser, "that has the lock")
        parser.add_argument("name", help="The lock's name.")
        parser.add_argument(
            "--ttl",
            type=_seconds,
            required=True,
            metavar="S",
            help="Seconds after which the lock ends if this command dies.",
        )
        parser.add_argument(
            "--wait", type=_seconds, default=0.0, metavar="S", help="Wait so long for it (0)."
        )
        parser.add_argument(
            "--max-hold", type=_seconds, metavar="S", help="Keep the lock no longer than this."
        )
        parser.add_argument(
            "--skip", action="store_true", help="End with 0 if another has the lock."
        )

    def perform(self, **options: Any) -> None:
        command, name = options.get("command"), options["name"]
        if not command:
            raise Misused("What is to be run is missing: cache_lock NAME --ttl S -- COMMAND.")
        store = cache.store(options["store"])
        self.warn_if_private(store.alias)
        try:
            hold = {"auto_refresh": True, "max_hold": options["max_hold"]}
            lock = store.lock(name, options["ttl"], **hold)
        except ValueError as error:
            raise Misused(str(error)) from error
        with told_to_end() as signals:
            try:
                lock.hold(options["wait"])
            except LockTimeout as error:
                if not options["skip"]:
                    raise Failed(f"{error} Nothing was run.") from error
                self._tell(options, ran=False, text=f"{error} Nothing was run.")
                return
            code = self._run(lock, Program(command, signals), command)
        if code:
            raise Ended(code)
        self._tell(options, ran=True)

    def _run(self, lock: Any, program: Program, command: list[str]) -> int:
        """Run the program, and give the lock back when that has ended, and not before."""
        kept = False
        try:
            code = program.run({**os.environ, FENCE: str(lock.fence)}, lambda: lock.lost)
        finally:
            try:
                kept = lock.release()
            except CacheKitError as error:
                kept = not lock.lost
                self.warn(f"the lock was not given back, and ends by itself: {error}")
        if program.stopped:
            raise Failed("The lock was lost, so the command was told to end.")
        if not kept and not code:
            raise Failed("The lock was lost while the command ran.")
        return code

    def _tell(self, options: dict[str, Any], *, ran: bool, text: str = "") -> None:
        # What the program wrote stands alone: it may be read by another.
        self.show({"name": options["name"], "ran": ran}, text or [], options)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds.")
    return number
