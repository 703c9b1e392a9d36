"""One connection to memcached, on which several commands travel as one packet."""

import itertools
import re
import select
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pymemcache.client.base import Client
from pymemcache.exceptions import (
    MemcacheClientError,
    MemcacheServerError,
    MemcacheUnexpectedCloseError,
    MemcacheUnknownError,
)

_CHUNK = 65536
_LONGEST_LINE = 2048
_RATE = 2**20  # bytes a second: large values get more time, by what they take at this rate
_RECORD = 2**13
_VERSION = re.compile(rb"VERSION (\d+)\.(\d+)\.(\d+)")
_ANSWERS = frozenset((b"HD", b"EN", b"NF", b"NS", b"EX", b"SERVER_ERROR"))
_REFUSALS = (b"CLIENT_ERROR", b"ERROR")


class Refused(MemcacheServerError):  # type: ignore[misc]  # pymemcache has no types
    """Say that the server did not do what was asked, and said so."""


class Reply(NamedTuple):
    """Hold what the server said to one command: ``HD``, ``EN``, ``VA`` with data, an error..."""

    status: bytes
    flags: bytes = b""
    data: bytes | None = None

    @property
    def cas(self) -> bytes:
        """Return the number of the version of what is there, as it was asked for by ``c``."""
        return _flag(self.flags, b"c")

    def flag(self, name: bytes) -> bytes:
        """Return what was asked for by a letter; nothing if it was not said."""
        return _flag(self.flags, name)


class Wire(Client):  # type: ignore[misc]  # pymemcache has no types
    """Be pymemcache's connection, with packets.

    ``raw_command`` would not do: it loses what came before the last piece of a long reply, and
    sees the end of one inside a value. A wire is closed on whatever comes between sending and
    receiving, a KeyboardInterrupt too, for the next call would be given this one's answer.
    """

    generation = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._numbers = itertools.count(1)
        self._poll: Any = None

    @property
    def used(self) -> bool:
        """Tell whether it is connected, so that what goes wrong now may be an old connection's."""
        return self.sock is not None

    def quiet(self) -> bool:
        """Tell whether nothing came since the last reply: no end of the connection, no stray."""
        if self.sock is None:
            return True
        if self._poll is None:
            return not select.select([self.sock], [], [], 0)[0]
        return not self._poll.poll(0)

    def connect(self) -> None:
        """Connect, unless it is."""
        if self.sock is None:
            self._connect()
            if hasattr(select, "poll"):  # not on Windows
                self._poll = select.poll()
                self._poll.register(self.sock, select.POLLIN)

    def exchange(self, commands: Sequence[bytes], count: int) -> list[Reply]:
        """Send the commands in one packet and return a reply to each.

        The last must be a line without data: it is numbered, to see that the replies are its own.
        """
        number = b"%d" % next(self._numbers)
        try:
            self._send([*commands[:-1], commands[-1] + b" O%b" % number])
            replies = self._replies(count)
            last = replies[-1]
            if _flag(last.flags, b"O") != number and last.status != b"EN":
                raise MemcacheUnknownError("a reply to another request")
        except BaseException:
            self.close()
            raise
        return replies

    def settings(self) -> tuple[tuple[int, ...], dict[bytes, bytes]]:
        """Return the server's version and its settings."""
        try:
            self.sock.sendall(b"version\r\nstats settings\r\nmn\r\n")
            lines = self._lines(b"MN")
            version = _VERSION.match(lines[0])
            if version is None:
                raise MemcacheUnknownError("no version")
        except BaseException:
            self.close()
            raise
        return tuple(map(int, version.groups())), _stats(lines)

    def clock(self) -> float | None:
        """Return the server's time in Unix seconds, the one that has begun; None if it says none.

        The reading is wrong by a second at most, and by what it took to come.
        """
        told = self.stats().get("time", "")
        return int(told) if told.isdigit() else None

    def stats(self) -> dict[str, str]:
        """Return what the server counts, by name."""
        try:
            self.sock.sendall(b"stats\r\nmn\r\n")
            told = _stats(self._lines(b"MN"))
        except BaseException:
            self.close()
            raise
        return {name.decode("latin-1"): said.decode("latin-1") for name, said in told.items()}

    def _send(self, commands: Sequence[bytes]) -> None:
        size = sum(map(len, commands))
        if size > _CHUNK:
            self.sock.settimeout(self.timeout + size / _RATE)
        for packet in _records(commands) if self.tls_context else [commands]:
            self.sock.sendall(b"\r\n".join((*packet, b"")))
        if size > _CHUNK:
            self.sock.settimeout(self.timeout)

    def _lines(self, last: bytes) -> list[bytes]:
        stream, lines = _Stream(self.sock, self.timeout), list[bytes]()
        # A server so old that it has no meta commands says ERROR to the last.
        while not lines or lines[-1] not in (last, b"ERROR"):
            lines.append(stream.line())
        return lines

    def _replies(self, count: int) -> list[Reply]:
        stream = _Stream(self.sock, self.timeout)
        replies = [stream.reply() for _ in range(count)]
        if stream.left():
            raise MemcacheUnknownError("more came than was asked for")
        return replies


class _Stream:
    """Read one packet's replies, all of them within the time of one."""

    __slots__ = ("at", "buffer", "deadline", "sock", "timeout")

    def __init__(self, sock: Any, timeout: float) -> None:
        self.sock = sock
        self.timeout = timeout
        self.deadline = time.monotonic() + timeout
        self.buffer = bytearray(sock.recv(_CHUNK))
        self.at = 0
        if not self.buffer:
            raise MemcacheUnexpectedCloseError()

    def left(self) -> int:
        return len(self.buffer) - self.at

    def line(self) -> bytes:
        end = self.buffer.find(b"\r\n", self.at)
        while end < 0:
            if self.left() > _LONGEST_LINE:
                raise MemcacheUnknownError("a line without an end")
            self._more()
            end = self.buffer.find(b"\r\n", self.at)
        line = bytes(self.buffer[self.at : end])
        self.at = end + 2
        return line

    def reply(self) -> Reply:
        status, _, flags = self.line().partition(b" ")
        if status == b"VA":
            size, _, flags = flags.partition(b" ")
            return Reply(status, flags, self._data(size))
        if status in _ANSWERS:
            return Reply(status, flags)
        if status in _REFUSALS:
            raise MemcacheClientError(flags[:80])
        raise MemcacheUnknownError("no reply that memcached gives")

    def _data(self, digits: bytes) -> bytes:
        if not digits.isdigit() or len(digits) > 10:
            raise MemcacheUnknownError("no size")
        end = self.at + int(digits)
        while len(self.buffer) < end + 2:
            self._more()
        if self.buffer[end : end + 2] != b"\r\n":
            raise MemcacheUnknownError("a value of another size than was said")
        data = bytes(self.buffer[self.at : end])
        self.at = end + 2
        return data

    def _more(self) -> None:
        """Receive more, in what is left of the time: drop by drop it would never end."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the reply did not come in time")
        self.sock.settimeout(left)
        try:
            piece = self.sock.recv(_CHUNK)
        finally:
            self.sock.settimeout(self.timeout)
        if not piece:
            raise MemcacheUnexpectedCloseError()
        self.buffer += piece
        self.deadline += len(piece) / _RATE


def _stats(lines: Sequence[bytes]) -> dict[bytes, bytes]:
    words = [line.split() for line in lines if line.startswith(b"STAT ")]
    return {each[1]: each[2] for each in words if len(each) == 3}


def _records(commands: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Split a packet so that no TLS record holds the end of a large value and what follows it.

    memcached (seen in 1.6.18) would leave what follows unread until something more arrives.
    """
    some, size = list[bytes](), 0
    for command in commands:
        if some and size + len(command) > _RECORD:
            yield some
            some, size = [], 0
        some.append(command)
        size += len(command) + 2
    yield some


def _flag(flags: bytes, name: bytes) -> bytes:
    for flag in flags.split():
        if flag[:1] == name:
            return flag[1:]
    return b""
