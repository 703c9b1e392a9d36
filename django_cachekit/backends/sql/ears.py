"""Connections by which PostgreSQL tells that a lock was given back."""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.db import NotSupportedError
from django.db.backends.base.base import BaseDatabaseWrapper

from ...core import clock
from ...core.faces import Face, Hop, PerLoop

IDLE = 2
"""How many connections a loop keeps for those who wait next."""


def another(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return what opens a second connection to where this one goes, a test's database too."""
    made: BaseDatabaseWrapper = connection.copy()
    made.settings_dict["AUTOCOMMIT"] = True
    # One of a pool may never come: those who have the others wait for this one.
    made.settings_dict.get("OPTIONS", {}).pop("pool", None)
    return made


class Ear:
    """Hear by one connection, for one who waits at a time; it listens to nothing between."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        self.wrapper = wrapper
        self._raw: Any = None
        self._heard = False
        self._busy = self._dropped = False
        self._pid = os.getpid()

    async def wait(self, face: Face, text: str, number: int, seconds: float) -> None:
        """Wait until one of so many is free or given back, or so long; ``text`` listens, and asks.

        A thread is needed to begin and to end, by an awaiting face; none while it waits.
        """
        until = clock.monotonic() + seconds
        if await face.run(Hop.THREAD, self._ask, text) == number:
            while not self._told() and clock.monotonic() < until:
                await face.readable(self._raw.fileno(), until - clock.monotonic())
        await face.run(Hop.THREAD, self._ask, "UNLISTEN *")

    def drop(self) -> None:
        """Close the connection, or have that done by the thread which is speaking by it."""
        self._dropped = True
        if not self._busy:
            self._close()

    def _ask(self, text: str) -> int:
        """Send what has no parameters, and return the number that it ends with."""
        self._busy = True
        try:
            self._open()
            with self.wrapper.cursor() as cursor:
                cursor.execute(text)
                with suppress(NotSupportedError):  # psycopg2 has only the last
                    while cursor.nextset():
                        pass
                return int(cursor.fetchone()[0]) if cursor.description else 0
        finally:
            self._busy = False
            if self._dropped:
                self._close()

    def _open(self) -> None:
        self.wrapper.ensure_connection()
        if self._raw is not self.wrapper.connection:
            self._raw = self.wrapper.connection
            if hasattr(self._raw, "add_notify_handler"):
                self._raw.add_notify_handler(self._hear)  # what comes along with an answer
        self._heard = False

    def _hear(self, _: Any = None) -> None:
        self._heard = True

    def _told(self) -> bool:
        """Read what is there, without waiting, and tell whether a word was among it."""
        with self.wrapper.wrap_database_errors:
            if hasattr(self._raw, "pgconn"):
                self._raw.pgconn.consume_input()
                while self._raw.pgconn.notifies() is not None:
                    self._heard = True
            else:
                self._raw.poll()
                self._heard = self._heard or bool(self._raw.notifies)
                self._raw.notifies.clear()
        return self._heard

    def _close(self) -> None:
        raw, self.wrapper.connection, self._dropped = self.wrapper.connection, None, False
        # Not by Django's wrapper, which refuses where a loop runs: it only says good-bye. And not
        # in a child of a fork, which would say so in its parent's name.
        if raw is not None and self._pid == os.getpid():
            raw.close()


class Ears:
    """Keep a few for the loops that wait, each closed with its loop."""

    def __init__(self) -> None:
        self._loops: PerLoop[list[Ear]] = PerLoop(list, _drop_all)

    async def lend(self, connection: BaseDatabaseWrapper) -> Ear:
        """Return one that nobody uses."""
        idle = await self._loops.get()
        if idle:
            return idle.pop()
        wrapper = another(connection)
        wrapper.inc_thread_sharing()
        return Ear(wrapper)

    async def take_back(self, ear: Ear) -> None:
        """Keep it for the next, or close it."""
        idle = await self._loops.get()
        if len(idle) < IDLE:
            idle.append(ear)
        else:
            ear.drop()


async def _drop_all(ears: Sequence[Ear]) -> None:
    for ear in ears:
        ear.drop()
