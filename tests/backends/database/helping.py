"""What the tests of the database store share: a real SQLite file, and looks into its table."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_cachekit.backends.database import DatabaseCache, Rows
from tests.servers.databases import drop_tables, entry

ROOT = Path(__file__).parents[3]
PROCESSES = 8
WORKER = Path(__file__).with_name("worker.py")
FAST = {"init_command": "PRAGMA synchronous=OFF"}  # the machine does not go down in a test
BACKEND = "django_cachekit.backends.database.DatabaseCache"
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER_KEY = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"
INDEX_KEY = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8"


def config(table: str = "cache", database: str = "disk", **more: Any) -> dict[str, Any]:
    """Return one entry of CACHES; names in capitals that are not Django's own go to OPTIONS."""
    own = {"KEY_PREFIX", "TIMEOUT", "VERSION", "KEY_FUNCTION"}
    options = {name: value for name, value in more.items() if name not in own}
    given = {name: value for name, value in more.items() if name in own}
    return {
        "BACKEND": BACKEND,
        "LOCATION": table,
        "OPTIONS": {"DATABASE": database, **options},
        **given,
    }


def sqlite(path: Path, **options: Any) -> dict[str, Any]:
    """Return the settings of an SQLite file."""
    engine = "django.db.backends.sqlite3"
    return {"ENGINE": engine, "NAME": str(path), "OPTIONS": {**FAST, **options}}


def database(alias: str, path: Path, **options: Any) -> AbstractContextManager[None]:
    """Have one more entry in DATABASES: an SQLite file."""
    return entry(alias, **sqlite(path, **options))


def beside(alias: str, **options: Any) -> AbstractContextManager[None]:
    """Have one more entry in DATABASES: another connection to where ``disk`` is."""
    disk = connections.settings["disk"]
    return entry(alias, **{**disk, "OPTIONS": {**disk.get("OPTIONS", {}), **options}})


class Look:
    """Read and change the table behind the cache's back, by a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def vendor(self) -> str:
        return connections["look"].vendor

    def __call__(self, sql: str, *params: Any) -> list[Any]:
        sql = sql.replace("%", "%%").replace("?", "%s")
        with connections["look"].cursor() as cursor:
            cursor.execute(sql, params)
            rows = cursor.fetchall() if cursor.description else []
        return [tuple(map(_plain, row)) for row in rows]

    def entries(self) -> list[Any]:
        """Return all rows but those of epochs."""
        return self("SELECT space, name, value, expires, number FROM cache WHERE name <> 'epoch'")

    def count(self) -> int:
        """Return how many entries lie there."""
        return len(self.entries())

    def raw(self) -> bytes:
        """Return all that lies there: the file itself, or everything in the table."""
        if self.vendor == "sqlite":
            return self.path.read_bytes()
        rows = self("SELECT * FROM cache")
        return b" ".join(v if type(v) is bytes else str(v).encode() for row in rows for v in row)

    def tables(self) -> list[str]:
        """Return the names of all tables."""
        return connections["look"].introspection.table_names()


@contextmanager
def disk(settings: Mapping[str, Any], path: Path) -> Iterator[Look]:
    """Have an empty database as the alias ``disk``, and a look at it."""
    with entry("look", **settings), entry("disk", **settings):
        found = Look(path)
        yield found
        connections["disk"].close()
        drop_tables("look")


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


only = {
    name: pytest.mark.parametrize("look", names, indirect=True)
    for name, names in {
        "sqlite": ["sqlite"],
        "postgresql": ["postgresql"],
        "mariadb": ["mariadb"],
        "servers": ["postgresql", "mariadb"],
    }.items()
}
"""Decorators for tests of what only some databases have."""


@contextmanager
def workers(settings: Mapping[str, Any], number: int = 4) -> Iterator[Callable[[str], list[str]]]:
    """Start processes; give a function that has them do a job at once, and tells what they said."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(WORKER), json.dumps(settings)]
    started = [
        subprocess.Popen(command, env=env, stdin=PIPE, stdout=PIPE, text=True, bufsize=1)
        for _ in range(number)
    ]

    def heard() -> list[str]:
        return [str(worker.stdout and worker.stdout.readline()).strip() for worker in started]

    def together(job: str) -> list[str]:
        for worker in started:
            assert worker.stdin is not None
            worker.stdin.write(f"{job}\n")
        return heard()

    try:
        assert heard() == ["ready"] * number
        yield together
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()


class tables(override_settings):
    """Configure caches, and make their tables."""

    def __init__(self, **aliases: Any) -> None:
        super().__init__(CACHES=aliases)

    def enable(self) -> None:
        super().enable()
        call_command("cache_table", verbosity=0)
        for alias in self.options["CACHES"]:
            driver_of(alias).table.bounds.dice = lambda: float("inf")


def driver_of(alias: str = "default") -> Any:
    """Return the driver of an alias."""
    return caches[alias].cachekit_driver


def another_process() -> Rows:
    """Return a second driver of the cache, which knows nothing of what the first one knows."""
    made = caches["default"]
    assert isinstance(made, DatabaseCache)
    driver = made.connect("default")
    assert isinstance(driver, Rows)
    return driver


def queries(work: Any) -> list[str]:
    """Return the first word of each query that ``work`` makes."""
    with CaptureQueriesContext(connections["disk"]) as captured:
        work()
    return [query["sql"].split()[0] for query in captured.captured_queries]
