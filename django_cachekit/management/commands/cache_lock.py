"""``manage.py cache_lock NAME --ttl S -- COMMAND``: run a program while nobody else runs it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.core.management.base import CommandParser

from ...errors import LockTimeout
from ...facade import cache
from ...repository import Repository
from ..command import CacheCommand, Failed, Misused, add_store

LOOK = 0.2
"""Seconds between two looks whether the lock is still held."""

GRACE = 10.0
"""Seconds that a program which was told to end has for it."""

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
            type=float,
            required=True,
            metavar="S",
            help="Seconds after which the lock ends if this command dies.",
        )
        parser.add_argument(
            "--wait", type=float, default=0, metavar="S", help="Wait so long for the lock (0)."
        )
        parser.add_argument(
            "--max-hold", type=float, metavar="S", help="Keep the lock no longer than this."
        )
        parser.add_argument(
            "--skip", action="store_true", help="End with 0 if another has the lock."
        )

    def perform(self, **options: Any) -> None:
        command = options.get("command")
        if not command:
            raise Misused("What is to be run is missing: cache_lock NAME --ttl S -- COMMAND.")
        store = cache.store(options["store"])
        self.warn_if_private(store.alias)
        try:
            code = self._run(store, command, options)
        except LockTimeout as error:
            if not options["skip"]:
                raise Failed(f"{error} Nothing was run.") from error
            self.show({"name": options["name"], "ran": False}, f"{error} Nothing was run.", options)
            return
        if code:
            raise Ended(code)
        self.show({"name": options["name"], "ran": True}, "Done.", options)

    def _run(self, store: Repository, command: list[str], options: dict[str, Any]) -> int:
        try:
            hold = {"auto_refresh": True, "max_hold": options["max_hold"]}
            lock = store.lock(options["name"], options["ttl"], **hold)
        except ValueError as error:
            raise Misused(str(error)) from error
        with lock.block(options["wait"]):
            environment = {**os.environ, FENCE: str(lock.fence)}
            with subprocess.Popen(command, env=environment) as program, _passing_on(program):  # noqa: S603 - that is what it is for
                return _watched(program, lock)


def _watched(program: "subprocess.Popen[bytes]", lock: Any) -> int:
    """Wait for the program, and end it if the lock is lost."""
    while True:
        try:
            return program.wait(LOOK)
        except subprocess.TimeoutExpired:
            if lock.lost:
                break
    program.terminate()
    try:
        program.wait(GRACE)
    except subprocess.TimeoutExpired:
        program.kill()
    raise Failed("The lock was lost, so the command was told to end.")


@contextmanager
def _passing_on(program: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Let the program hear that this command was told to end, which then ends as it does."""

    def pass_on(number: int, _: Any) -> None:
        program.send_signal(number)

    try:
        before = signal.signal(signal.SIGTERM, pass_on)
    except ValueError:  # in a thread nobody is told anything
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
