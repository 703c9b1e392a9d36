"""Redis or Valkey: alone, with TLS, as a cluster, and watched by sentinels."""

import socket
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .process import Group, Server, free_port, wait_until
from .programs import PROGRAMS, ServerMissing

SLOTS = 16384
SERVICE = "mymaster"


def ask(port: int, *words: object) -> list[str]:
    """Ask a Redis something, without any client; the lines of its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        said = " ".join(map(str, words))
        link.sendall(f"{said}\r\n".encode())
        link.shutdown(socket.SHUT_WR)  # answered first, and then it hangs up
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    return answer.decode().splitlines()


class Redis(Server):
    """A Redis with nothing on disk, on TCP (``url``) and a Unix socket (``unix_url``)."""

    name = "redis"
    scheme = "redis"

    def __init__(self, *options: str) -> None:
        super().__init__()
        self.options = options
        self.unix_socket = str(self.folder / "s")

    @property
    def location(self) -> str:
        """What a cache's LOCATION says of it."""
        return self.url

    @property
    def unix_url(self) -> str:
        """Where its Unix socket is, as redis-py takes it."""
        return f"unix://{self.unix_socket}"

    def command(self) -> list[str]:
        return [
            *(*PROGRAMS["redis"].command(), "--bind", self.host, "--port", str(self.port)),
            *("--unixsocket", self.unix_socket, "--dir", str(self.folder)),
            *("--save", "", "--appendonly", "no", *self.options),
        ]

    def ready(self) -> bool:
        try:
            return ask(self.port, "PING")[:1] == ["+PONG"]
        except OSError:
            return False

    def ask(self, *words: object) -> list[str]:
        """Ask it something, without any client; the lines of its answer."""
        return ask(self.port, *words)


class RedisTLS(Redis):
    """A Redis that listens with TLS besides, on ``tls_url``; ``ca_file`` says whom to trust."""

    def __init__(self) -> None:
        super().__init__()
        self.tls_port = free_port()
        self.ca_file = str(self.folder / "cert.pem")

    @property
    def tls_url(self) -> str:
        """Where it listens with TLS."""
        return f"rediss://{self.host}:{self.tls_port}"

    def prepare(self) -> None:
        make_certificate(self.folder / "cert.pem", self.folder / "key.pem")
        self.options = (
            *("--tls-port", str(self.tls_port), "--tls-auth-clients", "no"),
            *("--tls-cert-file", self.ca_file, "--tls-ca-cert-file", self.ca_file),
            *("--tls-key-file", str(self.folder / "key.pem")),
        )

    def start(self) -> None:
        try:
            super().start()
        except RuntimeError as error:
            if "tls" in self.last_words().lower():
                raise ServerMissing("this Redis was built without TLS; install Debian's") from error
            raise


def make_certificate(certificate: Path, key: Path) -> None:
    """Write a self-signed certificate for this machine, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


class RedisCluster(Group):
    """Three masters that share the slots; any of ``nodes`` will do to begin with."""

    def __init__(self) -> None:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        announce = ("--cluster-announce-ip", "127.0.0.1")
        self.nodes = [Redis(*options, *announce) for _ in range(3)]
        super().__init__(list(self.nodes))

    @property
    def host(self) -> str:
        """The address of the first node."""
        return self.nodes[0].host

    @property
    def port(self) -> int:
        """The port of the first node."""
        return self.nodes[0].port

    @property
    def url(self) -> str:
        """The first node, as a URL."""
        return self.nodes[0].url

    @property
    def location(self) -> str:
        """What a cache's LOCATION says of it."""
        return self.url

    def settle(self) -> None:
        """Deal the slots, at the first start, and wait until every node is content."""
        first, *others = self.nodes
        if self._info(first)["cluster_slots_assigned"] == "0":
            share = SLOTS // len(self.nodes) + 1
            for number, node in enumerate(self.nodes):
                last = min(share * (number + 1), SLOTS) - 1
                node.ask("CLUSTER", "ADDSLOTSRANGE", share * number, last)
                node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            for node in others:
                first.ask("CLUSTER", "MEET", node.host, node.port)
        wait_until(lambda: all(map(self._content, self.nodes)), "the cluster")

    def _content(self, node: Redis) -> bool:
        info = self._info(node)
        return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"

    @staticmethod
    def _info(node: Redis) -> dict[str, str]:
        return dict(line.split(":", 1) for line in node.ask("CLUSTER", "INFO") if ":" in line)


class Sentinel(Redis):
    """One sentinel; what it learns it writes into its own file."""

    def __init__(self, master: Redis) -> None:
        super().__init__()
        self.master = master

    def prepare(self) -> None:
        (self.folder / "conf").write_text(
            f"port {self.port}\nbind {self.host}\ndir {self.folder}\n"
            f"sentinel monitor {SERVICE} {self.master.host} {self.master.port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} 1000\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
            f"sentinel parallel-syncs {SERVICE} 1\n"
        )

    def command(self) -> list[str]:
        return [*PROGRAMS["redis"].command(), str(self.folder / "conf"), "--sentinel"]

    def view(self) -> dict[str, str]:
        """Return what it knows of the master."""
        words = self.ask("SENTINEL", "MASTER", SERVICE)[2::2]  # between them stand their lengths
        return dict(zip(words[::2], words[1::2], strict=True))


class RedisSentinel(Group):
    """A master and a replica under three sentinels, which change the roles when the master dies.

    ``service`` is the name that sentinels know them by, ``sentinels`` where these are. Its
    ``master`` and ``replica`` are whoever has the role now.
    """

    service = SERVICE

    def __init__(self) -> None:
        soon = ("--repl-diskless-sync-delay", "0")
        first = Redis(*soon)
        second = Redis("--replicaof", f"{first.host} {first.port}", *soon)
        self.data = [first, second]
        self.watchers = [Sentinel(first) for _ in range(3)]
        super().__init__([*self.data, *self.watchers])

    @property
    def sentinels(self) -> list[tuple[str, int]]:
        """Where the sentinels are, as redis-py and django-redis take them."""
        return [(watcher.host, watcher.port) for watcher in self.watchers]

    @property
    def master(self) -> Redis:
        """The server that the sentinels call master now."""
        port = self.watchers[0].view()["port"]
        return next(server for server in self.data if str(server.port) == port)

    @property
    def replica(self) -> Redis:
        """The server that is not the master now."""
        master = self.master
        return next(server for server in self.data if server is not master)

    @property
    def master_pid(self) -> int:
        """The process id of the master, for a ``kill -9``."""
        return self.master.pid

    def settle(self) -> None:
        """Wait until all sentinels know everybody, and the replica follows the master."""
        wait_until(self._agreed, "the agreement of the sentinels")
        # A master that comes back after another took its place is told so by sentinels, but late.
        if self.replica.ask("ROLE")[2] == "master":
            self.replica.ask("REPLICAOF", self.master.host, self.master.port)
        wait_until(self._content, "the replica's following of the master")

    def _agreed(self) -> bool:
        views = [watcher.view() for watcher in self.watchers]
        ports, flags = ({view.get(what) for view in views} for what in ("port", "flags"))
        return len(ports) == 1 and flags == {"master"}

    def _content(self) -> bool:
        views = [watcher.view() for watcher in self.watchers]
        return (
            self._agreed()
            and all(view.get("num-slaves") == "1" for view in views)
            and all(view.get("num-other-sentinels") == "2" for view in views)
            and "master_link_status:up" in self.replica.ask("INFO", "replication")
        )
