"""Every mode of the proxy does to a real Redis what it says."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.faultproxy import FaultProxy

SHORT = 0.2  # seconds; an answer of a server that is well takes less than a thousandth


@pytest.fixture
def proxy(redis: Any, faulty: Callable[[Any], FaultProxy]) -> FaultProxy:
    redis.ask("SET", "key", "value")
    return faulty(redis)


class Client:
    """A bare connection: what comes off the wire is what is judged."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.wire = socket.create_connection((proxy.host, proxy.port), timeout=SHORT)

    def ask(self, text: str = "GET key", size: int = 100) -> bytes:
        self.wire.sendall(f"{text}\r\n".encode())
        return self.wire.recv(size)


@pytest.fixture
def connect(proxy: FaultProxy) -> Iterator[Callable[[], Client]]:
    clients: list[Client] = []

    def make() -> Client:
        clients.append(Client(proxy))
        return clients[-1]

    yield make
    for client in clients:
        client.wire.close()


Connect = Callable[[], Client]
GOOD = b"$5\r\nvalue\r\n"


def test_healthy_lets_pass_and_counts(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    with proxy.counting() as counts:
        assert client.ask() == GOOD
        assert client.ask() == GOOD
        assert client.ask("GET key\r\nGET key") == GOOD * 2
    assert counts.round_trips == counts.requests == counts.replies == 3
    assert counts.bytes_up == 4 * len("GET key\r\n")
    assert counts.bytes_down == 4 * len(GOOD)


def test_counting_sees_connections(proxy: FaultProxy, connect: Connect) -> None:
    with proxy.counting() as counts:
        assert connect().ask() == GOOD
        assert connect().ask() == GOOD
    assert counts.connections == 2


def test_a_reply_in_many_pieces_is_one_round_trip(
    redis: Any, proxy: FaultProxy, connect: Connect
) -> None:
    redis.ask("SETRANGE", "large", 3_000_000, "x")
    client = connect()
    with proxy.counting() as counts:
        size = len(client.ask("GET large"))
        while size < 3_000_000:
            size += len(client.wire.recv(65536))
    assert counts.replies > 1
    assert counts.round_trips == 1


def test_the_url_is_the_server_s_with_the_proxy_s_port(redis: Any, proxy: FaultProxy) -> None:
    assert proxy.port != redis.port
    assert proxy.url == f"redis://{proxy.host}:{proxy.port}"


def test_refuse(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    assert client.ask() == GOOD
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect()
    assert client.wire.recv(1) == b""
    proxy.healthy()
    assert connect().ask() == GOOD


def test_reset(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    assert client.ask() == GOOD
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.wire.recv(1)
    with pytest.raises(ConnectionResetError):
        connect().wire.recv(1)
    proxy.healthy()
    assert connect().ask() == GOOD


def test_blackhole(redis: Any, proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    assert client.ask() == GOOD
    proxy.blackhole()
    for each in (client, connect()):
        with pytest.raises(TimeoutError):
            each.ask("SET key lost")
    assert redis.ask("GET", "key") == ["$5", "value"]
    proxy.healthy()
    assert connect().ask() == GOOD


def test_blackhole_down(redis: Any, proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    proxy.blackhole_down()
    with pytest.raises(TimeoutError):
        client.ask("SET key other")
    assert redis.ask("GET", "key") == ["$5", "other"]


def test_latency(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    proxy.latency(SHORT / 2)
    begun = time.monotonic()
    assert client.ask() == GOOD
    assert time.monotonic() - begun >= SHORT / 2
    proxy.latency(SHORT * 2)
    with pytest.raises(TimeoutError):
        client.ask()


def test_drip(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    proxy.drip(0.02)
    begun = time.monotonic()
    got = [client.ask()]
    while b"".join(got) != GOOD:
        got.append(client.wire.recv(100))
    assert time.monotonic() - begun >= 0.02 * len(GOOD)
    assert len(got) == len(GOOD)


def test_drip_ends_when_the_proxy_is_well_again(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    proxy.drip(0.1)
    assert client.ask() == GOOD[:1]
    proxy.healthy()
    rest = client.wire.recv(100)
    while len(rest) < len(GOOD) - 1:
        rest += client.wire.recv(100)
    assert rest == GOOD[1:]


def test_cut_after(proxy: FaultProxy, connect: Connect) -> None:
    proxy.cut_after(len(GOOD) + 3)
    for client in (connect(), connect()):
        assert client.ask() == GOOD
        assert client.ask() == GOOD[:3]
        assert client.wire.recv(1) == b""


def test_garble(proxy: FaultProxy, connect: Connect) -> None:
    client = connect()
    proxy.garble()
    assert client.ask() == bytes(byte ^ 1 for byte in GOOD)
    proxy.garble(4, 6)
    assert client.ask() == b"$5\r\nw`lue\r\n"
    proxy.garble(-3, -2)
    assert client.ask() == b"$5\r\nvalud\r\n"
    proxy.garble(-3)
    assert client.ask() == b"$5\r\nvalud\x0c\x0b"


def test_lose_one_reply(redis: Any, proxy: FaultProxy, connect: Connect) -> None:
    redis.ask("SET", "number", 0)
    first, second = connect(), connect()
    assert second.ask() == GOOD
    proxy.lose_one_reply()
    assert first.ask("INCR number") == b""
    assert second.ask("INCR number") == b":2\r\n"


def test_lose_one_reply_after_others(redis: Any, proxy: FaultProxy, connect: Connect) -> None:
    redis.ask("SET", "number", 0)
    client = connect()
    proxy.lose_one_reply(after=2)
    assert [client.ask("INCR number") for _ in range(3)] == [b":1\r\n", b":2\r\n", b""]
    assert connect().ask("INCR number") == b":4\r\n"


def test_a_server_that_is_gone(redis: Any, proxy: FaultProxy, connect: Connect) -> None:
    redis.stop()
    assert connect().wire.recv(1) == b""
