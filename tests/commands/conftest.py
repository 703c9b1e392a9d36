"""Commands as a person runs them: what they print, and with what they exit."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import ManagementUtility
from django.test import override_settings

from django_cachekit import cache, warming
from tests.stores import INDEX_KEY, KEY

OLDER = "gIGCg4SFhoeIiYqLjI2Oj5CRkpOUlZaXmJmam5ydnp8"
TABLELESS = {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "no_such"}


class Ended(NamedTuple):
    """Say how a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs ``manage.py`` in this process; ``answer`` is typed on its input."""

    def running(*arguments: str, answer: str | None = None) -> Ended:
        monkeypatch.setattr("sys.stdin", io.StringIO(answer or ""))
        capsys.readouterr()
        code = 0
        try:
            ManagementUtility(["manage.py", *arguments]).execute()
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return running


def file(root: Path, *keys: str) -> dict[str, Any]:
    """Return the ``CACHES`` entry of a file store."""
    return {
        "BACKEND": "django_cachekit.backends.file.EncryptedFileCache",
        "LOCATION": str(root / "sealed"),
        "OPTIONS": {"ENCRYPTION_KEYS": list(keys or [KEY]), "INDEX_KEY": INDEX_KEY},
    }


def aliases(root: Path) -> dict[str, Any]:
    """Return ``CACHES`` with a file store as default, and some more beside it."""
    return {
        "default": file(root),
        "other": {**file(root / "other")},
        "memory": {
            "BACKEND": "django_cachekit.backends.array.ArrayCache",
            "LOCATION": str(root),
        },
        "locmem": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(root),
        },
        "down": TABLELESS,
    }


@pytest.fixture
def store(tmp_path: Path, db: None) -> Iterator[Any]:
    """Give the facade over a file store, with aliases ``other memory locmem down`` beside it."""
    with override_settings(CACHES=aliases(tmp_path)):
        yield cache


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Start without warmers."""
    known: dict[str, Any] = {}
    monkeypatch.setattr(warming, "_registry", known)
    return known
