"""Stores to flush, and an ear for the flushes that are carried out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_cachekit import cache, signals
from django_cachekit.layers import pending
from tests.servers.databases import database, drop_tables, entry
from tests.stores import INDEX_KEY, KEY, OURS

Heard = list[tuple[str, tuple[str, ...]]]


def array(root: Path, name: str) -> dict[str, Any]:
    """Return the entry of a store in memory."""
    return {"BACKEND": OURS + "array.ArrayCache", "LOCATION": f"{root}/{name}"}


def file(root: Path) -> dict[str, Any]:
    """Return the entry of a store in files."""
    return {
        "BACKEND": OURS + "file.EncryptedFileCache",
        "LOCATION": str(root / "sealed"),
        "OPTIONS": {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY},
    }


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    """Give the facade over a store in memory, with an alias ``other`` beside it."""
    aliases = {"default": array(tmp_path, "one"), "other": array(tmp_path, "two")}
    with override_settings(CACHES=aliases):
        yield cache


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def disk(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any
) -> Iterator[dict[str, Any]]:
    """Give the settings of a database that is there as two aliases, ``disk`` and ``beside``.

    They are two connections; ``elsewhere`` is another database. There is no table in either.
    """
    if request.param == "sqlite":
        settings: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(tmp_path / "disk.sqlite3"),
            "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "timeout": 1},
        }
    else:
        settings = request.getfixturevalue(request.param).settings
    with (
        django_db_blocker.unblock(),
        database("disk", settings),
        entry("beside", **settings),
        database("elsewhere", {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}),
    ):
        drop_tables("disk")
        yield settings


class Fragile:
    """Be a store in files beside the others, the alias ``fragile``, that can go down."""

    def __init__(self, root: Path) -> None:
        self.disk = root / "disk"

    def down(self) -> None:
        """Put a file where the directory was, of a store that is in use."""
        cache.store("fragile").has("k")
        if self.disk.exists():
            self.disk.rename(self.disk.with_name("taken away"))
        self.disk.write_text("")

    def up(self) -> None:
        """Put the directory back."""
        self.disk.unlink()
        self.disk.with_name("taken away").rename(self.disk)


@pytest.fixture
def fragile(store: Any, tmp_path: Path) -> Iterator[Fragile]:
    """Give a store that can go down, and has an entry ``k`` that bears the tag ``a``."""
    with override_settings(CACHES={**settings.CACHES, "fragile": file(tmp_path / "disk")}):
        store.store("fragile").tags("a").put("k", "old")
        yield Fragile(tmp_path)


@pytest.fixture
def flushed() -> Iterator[Heard]:
    """Give a list that grows by each flush that is carried out: its alias and its tags."""
    found: Heard = []

    def hear(sender: Any, store: str, tags: tuple[str, ...], **_: Any) -> None:
        found.append((store, tuple(tags)))

    signals.tags_flushed.connect(hear)
    yield found
    signals.tags_flushed.disconnect(hear)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """See that each test leaves nothing waiting in this thread."""
    yield
    assert pending.waiting("default") == frozenset()
    assert not pending._mine.ledgers
