"""Stores whose trips are counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_cachekit.backends.sql.bounds import Bounds

from .counting import SERVERS, Counting, counted


@pytest.fixture(autouse=True)
def no_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no table looked at for its bounds, which one write in a thousand does, by dice."""
    monkeypatch.setattr(Bounds, "due", lambda self, written: False)


@pytest.fixture(params=SERVERS)
def asked(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counting]:
    """Have each store on a server as the default alias, and give what counts."""
    with counted(request.param, request, tmp_path) as counting:
        yield counting


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of the store that ``asked`` counts."""
    found: str = request.node.callspec.params["asked"]
    return found
