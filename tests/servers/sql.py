"""PostgreSQL and MariaDB, each with one empty database."""

import signal
from typing import Any

from .process import Server
from .programs import PROGRAMS, on_path, postgresql

DATABASE = "cachekit"


class PostgreSQL(Server):
    """A PostgreSQL that writes nothing for ever; user ``postgres``, no password."""

    name = "postgresql"
    stop_signal = signal.SIGINT  # "fast": it does not wait for clients
    end_signal = signal.SIGQUIT  # "immediate", and unlike a kill leaves no shared memory behind
    user = "postgres"

    def prepare(self) -> None:
        PROGRAMS["postgresql"].command()
        self.run(
            *postgresql("initdb"),
            *("-D", self.folder / "data", "-U", "postgres", "-A", "trust"),
            *("-N", "-E", "UTF8", "--locale=C"),
        )

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": self.host,
            "unix_socket_directories": self.folder,
            "max_connections": 100,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        where = ["-D", str(self.folder / "data"), "-p", str(self.port)]
        return [*PROGRAMS["postgresql"].command(), *where, *options]

    def ready(self) -> bool:
        pid_file = self.folder / "data" / "postmaster.pid"
        # Its last line says so; while it recovers from a crash it listens already.
        return pid_file.exists() and pid_file.read_text().rstrip().endswith("ready")

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/postgres"

    @property
    def settings(self) -> dict[str, Any]:
        """The entry of Django's ``DATABASES``."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "postgres",
            "HOST": self.host,
            "PORT": self.port,
        }


class MariaDB(Server):
    """A MariaDB; user ``root``, no password, database ``cachekit``."""

    name = "mariadb"
    user = "mysql"

    def prepare(self) -> None:
        PROGRAMS["mariadb"].command()
        self.run(
            *(on_path("mariadb-install-db"), "--no-defaults"),
            *(f"--datadir={self.folder / 'data'}", "--skip-test-db"),
            "--auth-root-authentication-method=normal",
        )
        # A database is a folder; the server would have to be up to be asked for one.
        self.run("mkdir", self.folder / "data" / DATABASE)

    def command(self) -> list[str]:
        return [
            *(*PROGRAMS["mariadb"].command(), "--no-defaults"),
            *(f"--datadir={self.folder / 'data'}", f"--socket={self.folder / 's'}"),
            *(f"--bind-address={self.host}", f"--port={self.port}"),
            f"--pid-file={self.folder / 'pid'}",
            "--character-set-server=utf8mb4",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-log-file-size=16M",
        ]

    @property
    def url(self) -> str:
        return f"mysql://root@{self.host}:{self.port}/{DATABASE}"

    @property
    def settings(self) -> dict[str, Any]:
        """The entry of Django's ``DATABASES``."""
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": DATABASE,
            "USER": "root",
            "HOST": self.host,
            "PORT": self.port,
        }
