"""One server program: started on a free port, stopped, paused, and never left behind."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self

HOST = "127.0.0.1"
# Below the ports that systems give to clients, for a server has to find its own again; and so that
# a cluster's second port, 10000 higher, is below them too.
PORTS = range(12000, 22000)
PATIENCE = 30.0  # seconds, on a machine that is busy with other things


def free_port() -> int:
    """Return a port on which nobody listens, nor on the one that a cluster would add."""
    while True:
        port = random.SystemRandom().choice(PORTS)
        if _is_free(port) and _is_free(port + 10000):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(port: int) -> bool:
    """Tell whether somebody accepts connections on a port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def wait_until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Look again and again until something holds; ``TimeoutError`` naming it if it never does."""
    give_up = time.monotonic() + seconds
    pause = 0.002
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what} did not happen within {seconds} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Watched:
    """The watchdog of this process, and the folder in which its servers live."""

    def __init__(self) -> None:
        # Short, for the path of a Unix socket has 107 bytes; open to other users, who run in it.
        self.folder = Path(tempfile.mkdtemp(prefix="cachekit-"))
        self.folder.chmod(0o711)
        self.dog = subprocess.Popen(
            [sys.executable, "-S", "-E", Path(__file__).with_name("watchdog.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        os.register_at_fork(after_in_child=self._let_go)
        self.tell(f"rm {self.folder}")

    def tell(self, line: str) -> None:
        """Have something noted."""
        self.dog.stdin.write(f"{line}\n")
        self.dog.stdin.flush()

    def _let_go(self) -> None:
        """Close the pipe in a fork: only the death of the first process is to count."""
        os.close(self.dog.stdin.fileno())

    def end(self) -> None:
        """Let the watchdog do what is left to do, and wait for it."""
        self.dog.communicate()


@cache
def watched() -> Watched:
    """Return this process's watchdog, started when first asked for."""
    return Watched()


def end_watchdog() -> None:
    """End this process's watchdog, if it has one, with all it was told of."""
    if watched.cache_info().currsize:
        watched().end()
        watched.cache_clear()


class Server:
    """One server program, as a context manager: inside it runs, behind it is gone.

    ``host``, ``port`` and ``url`` say where; ``folder`` is its own, ``log`` what it wrote.
    """

    name: ClassVar[str]
    scheme: ClassVar[str] = "tcp"
    stop_signal: ClassVar[int] = signal.SIGTERM
    end_signal: ClassVar[int] = signal.SIGKILL  # when what it keeps is not needed any more
    user: ClassVar[str] = ""  # whom it runs as in place of root

    def __init__(self) -> None:
        self.host, self.port = HOST, free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=watched().folder))
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.paused = False
        if self._other_user():
            shutil.chown(self.folder, self.user)

    def command(self) -> list[str]:
        """Return how to run it in the foreground."""
        raise NotImplementedError

    def prepare(self) -> None:
        """Make the files that it needs before its first start."""

    @property
    def url(self) -> str:
        """Where it is, as a URL."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of what runs."""
        assert self.process is not None, f"{self.name} does not run"
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Tell whether it runs; paused counts as running."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it on its port, the same one after a stop, and wait until it answers."""
        if self.alive:
            return
        self._forget()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.as_user(),
            )
        watched().tell(f"+ {self.pid} {int(self.end_signal)}")
        wait_until(lambda: not self.alive or self.ready(), f"the start of {self.name}")
        if not self.alive:
            raise RuntimeError(f"{self.name} does not start:\n{self.last_words()}")

    def ready(self) -> bool:
        """Tell whether it answers."""
        return listens(self.port)

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections are accepted (by the kernel), and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        """Let it go on after a pause."""
        os.kill(self.pid, signal.SIGCONT)
        self.paused = False

    def heal(self) -> None:
        """Make it run again, whatever was done to it."""
        if self.paused and self.alive:
            self.resume()
        self.start()

    def last_words(self) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def run(self, *command: object) -> None:
        """Run one of its own tools, as its user, to the end."""
        with self.log.open("ab") as log:
            subprocess.run(
                list(map(str, command)),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=True,
                **self.as_user(),
            )

    def as_user(self) -> dict[str, object]:
        """Return what makes a subprocess another user's, where that is needed."""
        if not self._other_user():
            return {}
        return {
            "user": self.user,
            "group": pwd.getpwnam(self.user).pw_gid,
            "extra_groups": [],
            "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"},
        }

    def _other_user(self) -> bool:
        return bool(self.user) and os.geteuid() == 0

    def _end(self, number: int) -> None:
        if self.alive:
            os.killpg(self.pid, number)
            os.killpg(self.pid, signal.SIGCONT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.pid, signal.SIGKILL)
        self._forget()

    def _forget(self) -> None:
        if self.process is not None:
            self.process.wait()
            watched().tell(f"- {self.process.pid}")
            self.process, self.paused = None, False

    def __enter__(self) -> "Self":
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self.end_signal)
        shutil.rmtree(self.folder, ignore_errors=True)


class Group:
    """Several servers that are used as one."""

    def __init__(self, servers: list[Server]) -> None:
        self.servers = servers

    def settle(self) -> None:
        """Make them know each other, and wait until they do."""

    def heal(self) -> None:
        """Make all of them run again, and know each other."""
        if any(server.paused or not server.alive for server in self.servers):
            for server in self.servers:
                server.heal()
            self.settle()

    def __enter__(self) -> "Self":
        try:
            for server in self.servers:
                server.__enter__()
            self.settle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            server.__exit__()
