"""Waiting for a socket by both faces."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from django_cachekit.core.faces import AWAITING, BLOCKING, run_now

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


def readable(pair: Pair, seconds: float, awaiting: bool) -> bool:
    face = AWAITING if awaiting else BLOCKING
    body = face.readable(pair[0].fileno(), seconds)
    return asyncio.run(body) if awaiting else run_now(body)


@pytest.mark.parametrize("awaiting", [False, True])
def test_what_is_there_already_is_seen_at_once(pair: Pair, awaiting: bool) -> None:
    pair[1].send(b"x")
    began = time.monotonic()
    assert readable(pair, 20, awaiting) is True
    assert time.monotonic() - began < 5
    assert readable(pair, 0, False) is True  # it was not taken out


@pytest.mark.parametrize("awaiting", [False, True])
@pytest.mark.parametrize("seconds", [-1, 0, 0.1])
def test_nothing_comes(pair: Pair, awaiting: bool, seconds: float) -> None:
    began = time.monotonic()
    assert readable(pair, seconds, awaiting) is False
    assert max(seconds, 0) <= time.monotonic() - began < 5


@pytest.mark.parametrize("awaiting", [False, True])
def test_something_comes(pair: Pair, awaiting: bool) -> None:
    timer = threading.Timer(0.1, lambda: pair[1].send(b"x"))
    timer.start()
    began = time.monotonic()
    assert readable(pair, 20, awaiting) is True
    assert time.monotonic() - began < 10
    timer.join()


@pytest.mark.parametrize("awaiting", [False, True])
def test_an_end_is_something_to_be_read(pair: Pair, awaiting: bool) -> None:
    pair[1].close()
    assert readable(pair, 20, awaiting) is True


def test_others_run_while_it_is_awaited_and_a_cancelled_one_stops_watching(pair: Pair) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(AWAITING.readable(pair[0].fileno(), 20))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert loop.remove_reader(pair[0].fileno()) is False, "it watches no more"
        pair[1].send(b"x")
        assert await AWAITING.readable(pair[0].fileno(), 20) is True
        assert loop.remove_reader(pair[0].fileno()) is False

    asyncio.run(run())
