"""A proxy before a real server that refuses, loses, delays or spoils what passes, and counts it.

    with FaultProxy(server.host, server.port, server.url) as proxy:
        client = connect(proxy.url)
        proxy.latency(0.2)       # in force when the call returns; for open connections too
        with proxy.counting() as counts:
            client.get("key")
        assert counts.round_trips == 1
        proxy.healthy()

Faults happen to whole replies as they come off the wire: what is said of "a reply" is true of one
that comes in one piece, as small ones do.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from tests.servers.process import HOST, free_port

if TYPE_CHECKING:
    from typing_extensions import Self

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Counts:
    """What has passed; a round trip is something from a client, then something from the server."""

    connections: int = 0
    requests: int = 0  # pieces that came from clients
    replies: int = 0  # pieces that came from the server, whatever became of them
    bytes_up: int = 0
    bytes_down: int = 0
    round_trips: int = 0

    def __sub__(self, other: "Counts") -> "Counts":
        return Counts(
            *(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True))
        )


@dataclass(eq=False)
class Link:
    """One client's connection, and the one to the server that belongs to it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    asked: bool = False  # and not yet answered

    def cut(self, reset: bool = False) -> None:
        """End both connections, the client's by a reset if that is asked."""
        wire = self.client.get_extra_info("socket")
        if reset and wire.fileno() >= 0:  # the client may have gone already
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self.client.transport.abort()
        for writer in filter(None, (self.client, self.server)):
            writer.close()


Reply = Callable[[Link, bytes], Coroutine[Any, Any, None]]


class FaultProxy:
    """A TCP proxy in a thread; ``host``, ``port`` and ``url`` stand for the server's.

    Its modes: ``healthy refuse reset blackhole blackhole_down latency drip cut_after garble
    lose_one_reply``. A mode takes the place of the one before.
    """

    def __init__(self, host: str, port: int, url: str = "") -> None:
        self.host, self.port = HOST, free_port()
        self.url = url.replace(f"{host}:{port}", f"{self.host}:{self.port}")
        self.counts = Counts()
        self._target = (host, port)
        self._links: set[Link] = set()
        self._listener: asyncio.Server | None = None
        self._reply: Reply = self._pass
        self._deaf = self._resets = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # -- modes, called from tests ---------------------------------------------------------

    def healthy(self) -> None:
        """Let everything pass."""
        self._become(self._pass)

    def refuse(self) -> None:
        """Cut what is connected, and refuse connections, as a server that is not there."""
        self._become(self._pass, listen=False, cut=True)

    def reset(self) -> None:
        """Reset what is connected, and every connection as soon as it is made."""
        self._become(self._pass, resets=True, cut=True)

    def blackhole(self) -> None:
        """Accept connections, swallow what clients say, and never answer."""
        self._become(self._swallow, deaf=True)

    def blackhole_down(self) -> None:
        """Let requests reach the server, and swallow the replies."""
        self._become(self._swallow)

    def latency(self, seconds: float) -> None:
        """Hold every reply back for so long."""

        async def late(link: Link, data: bytes) -> None:
            await asyncio.sleep(seconds)
            await self._pass(link, data)

        self._become(late)

    def drip(self, seconds: float = 0.1) -> None:
        """Let replies through one byte at a time, with a pause before each."""

        async def drop_by_drop(link: Link, data: bytes) -> None:
            for number in range(len(data)):
                if self._reply is not drop_by_drop:
                    await self._pass(link, data[number:])
                    return
                await asyncio.sleep(seconds)
                await self._pass(link, data[number : number + 1])

        self._become(drop_by_drop)

    def cut_after(self, size: int) -> None:
        """Let so many bytes of reply through on each connection, then close it."""
        left: dict[Link, int] = {}

        async def cut(link: Link, data: bytes) -> None:
            allowed = left.get(link, size)
            left[link] = allowed - len(data)
            await self._pass(link, data[:allowed])
            if len(data) >= allowed:
                link.cut()

        self._become(cut)

    def garble(self, start: int = 0, end: int | None = None) -> None:
        """Flip a bit in every byte of a reply, or in those of the slice ``[start:end]``."""

        async def spoil(link: Link, data: bytes) -> None:
            spoilt = bytearray(data)
            spoilt[start:end] = (byte ^ 1 for byte in data[start:end])
            await self._pass(link, bytes(spoilt))

        self._become(spoil)

    def lose_one_reply(self, after: int = 0) -> None:
        """Let so many replies pass, swallow one and close its connection, and let the rest pass."""
        left = after

        async def lose(link: Link, data: bytes) -> None:
            nonlocal left
            left -= 1
            if left >= 0:
                await self._pass(link, data)
                return
            self._reply = self._pass
            link.cut()

        self._become(lose)

    @contextmanager
    def counting(self) -> Iterator[Counts]:
        """Give what passes inside the ``with``, complete at its end."""
        before, during = Counts(*astuple(self.counts)), Counts()
        yield during
        vars(during).update(vars(self.counts - before))

    # -- the thread -----------------------------------------------------------------------

    def start(self) -> "Self":
        """Listen, and return the proxy."""
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        """End every connection, and the thread."""
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> "Self":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _become(
        self,
        reply: Reply,
        deaf: bool = False,
        resets: bool = False,
        listen: bool = True,
        cut: bool = False,
    ) -> None:
        async def become() -> None:
            self._reply, self._deaf, self._resets = reply, deaf, resets
            if listen and self._listener is None:
                await self._listen()
            elif not listen:
                self._unlisten()
            for link in list(self._links) if cut else ():
                link.cut(reset=resets)

        self._do(become())

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, self.host, self.port)

    def _unlisten(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _end(self) -> None:
        self._unlisten()
        for link in list(self._links):
            link.cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports say goodbye

    # -- connections ----------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        self._links.add(link)
        self.counts.connections += 1
        try:
            if not self._resets:
                await self._serve(link, reader)
        except OSError:
            pass  # one of the two is gone, and now both are
        finally:
            link.cut(reset=self._resets)
            self._links.discard(link)

    async def _serve(self, link: Link, reader: asyncio.StreamReader) -> None:
        answers, link.server = await asyncio.open_connection(*self._target)
        pumps = [
            asyncio.ensure_future(self._up(link, reader)),
            asyncio.ensure_future(self._down(link, answers)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _up(self, link: Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self.counts.requests += 1
            self.counts.bytes_up += len(data)
            if not self._deaf:
                link.asked = True
                link.server.write(data)
                await link.server.drain()

    async def _down(self, link: Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65536):
            self.counts.replies += 1
            self.counts.bytes_down += len(data)
            self.counts.round_trips += link.asked
            link.asked = False
            await self._reply(link, data)

    async def _pass(self, link: Link, data: bytes) -> None:
        link.client.write(data)
        await link.client.drain()

    async def _swallow(self, link: Link, data: bytes) -> None:
        """Lose a reply."""
