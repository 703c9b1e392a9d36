"""How commands get to their servers, and answers back: one trip for all of them.

Connections are spoken to directly, for redis-py's pipelines send again what was lost on the way, an
increment too, and its awaited cluster refuses a call when all connections are busy.
"""

import random
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from redis import exceptions

from ...core import clock
from ...core.faces import Face
from .budget import Budget
from .place import Place, Pools
from .slots import Slots
from .straight import FAILED, PARSING, note, say
from .words import Command, Node, firm

ROUNDS = 5
"""How often a command is sent on, where a cluster says that its key has moved."""
JITTER = 0.05


class Line:
    """Be one connection for the time of a call: what is said on it, by number of the command."""

    def __init__(self, pool: Any, connection: Any) -> None:
        self.pool = pool
        self.connection = connection
        self.numbers: list[int] = []
        self.messages: list[tuple[Any, ...]] = []
        self.clean = True

    def add(self, number: int, command: Command, asking: bool) -> None:
        """Say one more thing on it."""
        if asking:
            self.numbers.append(-1)
            self.messages.append((b"ASKING",))
        self.numbers.append(number)
        self.messages.append(command.args)


class Wire:
    """Send commands, and return an answer for each: what was said, or the server's error.

    What fails on the way is raised, with ``sent`` on the error if the server may have acted.
    ``again`` lets a read that failed be tried once more.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self.budget = Budget()
        self.slots = Slots(place.seeds) if place.cluster else None
        self._first = threading.local()

    def say(self, messages: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Read from the only server there is, blocking, on the straight line.

        What fails is tried again by ``ask``, which is asked next: for it that was the first try.
        """
        began = clock.monotonic()
        self.budget.earn()
        try:
            return say(self.place.pool(None), messages)
        except FAILED as error:
            self._first.failed = (error, began, clock.monotonic())
            raise

    async def ask(self, face: Face, commands: Sequence[Command], again: bool = False) -> list[Any]:
        """Send all commands, each to where its key is, and read all answers."""
        if not (again or face.awaiting or self.slots is not None):
            self.budget.earn()
            return await self._asked(face, commands)
        failed, began = self._begun(again and not face.awaiting)
        if failed is None:
            self.budget.earn()
            try:
                return await self._asked(face, commands)
            except FAILED as error:
                failed = error
        if self.slots is not None:
            self.slots.doubt()
        if not again or not self._in_time(began) or not self.budget.spend():
            raise failed
        await face.sleep(random.uniform(0, JITTER))  # noqa: S311 - it only spreads the load
        return await self._asked(face, commands)

    def _begun(self, straight: bool) -> tuple[Exception | None, float]:
        """Return how the straight line failed a moment ago, if it did, and when the call began."""
        now = clock.monotonic()
        if straight and "failed" in vars(self._first):
            failed, began, at = vars(self._first).pop("failed")
            if now - at < JITTER:
                return failed, began
        return None, now

    def _in_time(self, began: float) -> bool:
        """Tell whether a second try would still end in about twice the time of one."""
        seconds = self.place.seconds
        return seconds is None or clock.monotonic() - began < seconds + JITTER

    async def _asked(self, face: Face, commands: Sequence[Command]) -> list[Any]:
        if self.slots is not None and self.slots.stale:
            await self._draw(face, self.slots)
        if self.slots is None and not face.awaiting:
            heard = say(self.place.pool(None), [command.args for command in commands])
            if exceptions.NoScriptError not in map(type, heard):
                return heard
            current, asking = dict(enumerate(commands)), dict[int, Node]()
            answers = dict(enumerate(heard))
        else:
            current, asking = dict(enumerate(commands)), {}
            answers = await self._trip(face, current, asking)
        for _ in range(ROUNDS):
            failed = {n: said for n, said in answers.items() if isinstance(said, Exception)}
            again = [n for n in failed if self._send_on(n, failed[n], current, asking)]
            if not again:
                break
            answers |= await self._trip(face, {n: current[n] for n in again}, asking)
        return [answers[number] for number in range(len(commands))]

    def _send_on(
        self, number: int, said: Exception, current: dict[int, Command], asking: dict[int, Node]
    ) -> bool:
        """Have a command sent on that was not carried out, if it is known where it may be."""
        if isinstance(said, exceptions.NoScriptError) and current[number].script:
            current[number] = current[number].whole()
            return True
        if not isinstance(said, exceptions.AskError) or self.slots is None:
            return False
        node = (said.host, said.port)
        if isinstance(said, exceptions.MovedError):
            self.slots.moved(said.slot_id, node)
            asking.pop(number, None)
        else:
            asking[number] = node
        return True

    async def _draw(self, face: Face, slots: Slots) -> None:
        """Ask the servers of a cluster, one after the other, who keeps what."""
        failed: Exception | None = None
        for node in slots.known:
            ask = {0: Command(b"", (b"CLUSTER", b"SLOTS"), node=node)}
            try:
                slots.draw(firm((await self._trip(face, ask, {}))[0]), node)
                return
            except FAILED as error:
                failed = error
        raise failed or exceptions.ConnectionError("no server of the cluster is known")

    async def _trip(
        self, face: Face, commands: dict[int, Command], asking: dict[int, Node]
    ) -> dict[int, Any]:
        """Say everything to everybody, then hear everybody."""
        if self.slots is None and not face.awaiting:
            heard = say(self.place.pool(None), [command.args for command in commands.values()])
            return dict(zip(commands, heard, strict=True))
        pools = await self.place.pools(face)
        answers: dict[int, Any] = {}
        lines: dict[Node, Line] = {}
        try:
            await self._open(face, pools, lines, self._sorted(commands, asking))
            try:
                with PARSING:
                    await self._speak(face, lines.values(), answers)
            except FAILED as error:
                note(error)
                raise
        finally:
            for line in lines.values():
                await self._let_go(face, line)
        return answers

    def _sorted(
        self, commands: dict[int, Command], asking: dict[int, Node]
    ) -> dict[Node, list[tuple[int, Command, bool]]]:
        """Return what to say to whom, in an order in which callers never wait in a ring."""
        if self.slots is None:
            return {None: [(number, command, False) for number, command in commands.items()]}
        found: dict[Node, list[tuple[int, Command, bool]]] = {}
        for number, command in commands.items():
            node = asking.get(number) or command.node or self.slots.of(command.key)
            found.setdefault(node, []).append((number, command, number in asking))
        return dict(sorted(found.items(), key=lambda pair: pair[0] or ("", 0)))

    async def _open(
        self,
        face: Face,
        pools: Pools,
        lines: dict[Node, Line],
        said: dict[Node, list[tuple[int, Command, bool]]],
    ) -> None:
        for node, messages in said.items():
            pool = self.place.pool_of(face, pools, node)
            with PARSING:
                line = lines[node] = Line(pool, await face.ask(pool.get_connection()))
            for number, command, asking in messages:
                line.add(number, command, asking)

    async def _speak(self, face: Face, lines: Iterable[Line], answers: dict[int, Any]) -> None:
        for line in lines:
            line.clean = False
            packed = line.connection.pack_commands(line.messages)
            await face.ask(line.connection.send_packed_command(packed))
        seconds = self.place.seconds
        end = None if seconds is None else clock.monotonic() + seconds
        for line in lines:
            for number in line.numbers:
                if end is not None and clock.monotonic() > end:
                    raise exceptions.TimeoutError("the answers were not complete in time")
                answers[number] = await _answer(face, line.connection)
            line.clean = not any(
                isinstance(answers[number], exceptions.ReadOnlyError) for number in line.numbers
            )

    async def _let_go(self, face: Face, line: Line) -> None:
        """Give a connection back; one on which something may be unread is closed before.

        So is one to a server that was a master once: the next one asks who is now.
        """
        try:
            if not line.clean:
                await face.ask(line.connection.disconnect(nowait=True))
        finally:
            await face.ask(line.pool.release(line.connection))


async def _answer(face: Face, connection: Any) -> Any:
    try:
        return await face.ask(connection.read_response())
    except exceptions.ResponseError as error:
        return error
