"""A seal, a signature and a chain over each, at a time that stands still."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_cachekit.codecs import Chain, Guard, Seal, Sign
from django_cachekit.codecs.compressors import compressor
from django_cachekit.codecs.families import family
from django_cachekit.core import clock

from .samples import INDEX_KEY, KEY, NOW, Bait


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the clock; it stands at ``NOW`` until then."""

    def move(seconds: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: seconds)

    move(NOW)
    return move


GUARDS: dict[str, Callable[..., Guard]] = {
    "seal": lambda *keys, store="default": Seal(keys or [KEY], INDEX_KEY, store),
    "chacha": lambda *keys, store="default": Seal(
        keys or [KEY], INDEX_KEY, store, "chacha20-poly1305"
    ),
    "sign": lambda *keys, store="default": Sign(keys or [KEY], store),
}


@pytest.fixture(params=GUARDS)
def make_guard(request: pytest.FixtureRequest) -> Callable[..., Guard]:
    """Make each kind of guard from keys."""
    return GUARDS[request.param]


@pytest.fixture
def guard(make_guard: Callable[..., Guard]) -> Guard:
    return make_guard()


@pytest.fixture
def make_chain(guard: Guard) -> Callable[..., Chain]:
    """Make a chain over each kind of guard."""

    def make(serializer: str = "auto", compression: str | None = None, **more: Any) -> Chain:
        return Chain(guard, family(serializer), compressor(compression), **more)

    return make


@pytest.fixture
def chain(make_chain: Callable[..., Chain]) -> Chain:
    return make_chain()


@pytest.fixture
def bait(tmp_path: Path) -> Bait:
    return Bait(tmp_path / "unpickled")
