"""Layers of a project's own: where they stand, that nothing passes them by, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.faces import Face
from django_cachekit.core.operation import Kind, Operation
from django_cachekit.errors import Misconfigured, StoreUnavailable
from django_cachekit.layers.base import Proceed
from django_cachekit.testing import Store, conformance
from django_cachekit.testing.heard import listening
from tests.stores import BY_NAME, DJANGO, OURS

SEEN: list[tuple[str, str]] = []
HERE = f"{__name__}."


class Watching:
    """Let everything pass, and note it."""

    name = "outer"

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def idle(self, op: Operation) -> bool:
        """Have to do with every call."""
        return False

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        SEEN.append((self.name, op.name))
        return await proceed(face, op)


class Inner(Watching):
    """Stand inside of the other."""

    name = "inner"


class Refusing(Watching):
    """Be a store that is read only."""

    def idle(self, op: Operation) -> bool:
        """Let reads pass."""
        return op.kind is Kind.READ

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        raise StoreUnavailable("read only")


class NoLayer:
    """Lack ``idle``."""

    def __init__(self, alias: str) -> None: ...


def array(*layers: str, **more: Any) -> dict[str, Any]:
    options = {"LAYERS": [HERE + layer for layer in layers], **more}
    return {"BACKEND": OURS + "array.ArrayCache", "LOCATION": f"own {layers}", "OPTIONS": options}


@pytest.fixture
def layered() -> Iterator[None]:
    """Have two layers over memory, and nothing in it."""
    with override_settings(CACHES={"default": array("Watching", "Inner")}):
        cache.flush()
        SEEN.clear()
        yield


def over(name: str) -> Store:
    """Return a store of the table with layers over it."""
    row = BY_NAME[name]

    def config(root: Path) -> dict[str, Any]:
        found = dict(row.caches(root)["default"])
        layers = [HERE + "Watching", HERE + "Inner"]
        return {**found, "OPTIONS": {**found.get("OPTIONS", {}), "LAYERS": layers}}

    return Store(config, can=row.can)


class TestOverMemory(conformance.Suite):
    backend = over("array")


class TestOverFiles(conformance.Suite):
    backend = over("file")


def test_no_straight_line_passes_them_by(layered: None) -> None:
    plain = caches["default"]
    cache.put("a", 1)
    SEEN.clear()

    assert cache.get("a") == plain.get("a") == cache.remember("a", 9, lambda: 2) == 1
    assert cache.many(["a"]) == {"a": 1}
    assert async_to_sync(cache.aget)("a") == async_to_sync(plain.aget)("a") == 1
    assert cache.memo().get("a") == 1
    assert [name for name, verb in SEEN] == ["outer", "inner"] * 7


def test_they_stand_in_the_order_of_the_list(layered: None) -> None:
    cache.tags("t").put("a", 1)

    assert SEEN[:2] == [("outer", "put"), ("inner", "put")]


def test_plain_use_meets_them_over_a_backend_of_others() -> None:
    options = {"STORE": "under", "LAYERS": [HERE + "Watching"]}
    tagged = {"BACKEND": OURS + "tagged.TaggedCache", "OPTIONS": options}
    under = {"BACKEND": DJANGO + "locmem.LocMemCache", "LOCATION": "own layers"}
    with override_settings(CACHES={"default": tagged, "under": under}):
        SEEN.clear()
        caches["default"].set("a", 1)
        assert caches["default"].get("a") == 1
        assert [name for name, verb in SEEN] == ["outer", "outer"]


def test_what_they_refuse_is_answered_for() -> None:
    with override_settings(CACHES={"default": array("Refusing")}), listening() as heard:
        assert cache.put("a", 1) is False
        assert cache.get("a", "none") == "none"
        assert cache.remember("a", 9, lambda: 2) == 2
        assert "key_write_failed" in heard.names()
        with pytest.raises(StoreUnavailable, match="read only"):
            cache.flush()
        with pytest.raises(StoreUnavailable, match="read only"):
            cache.tags("t").flush()


def test_with_raise_what_they_refuse_is_raised() -> None:
    config = array("Refusing", RAISE=True)
    with override_settings(CACHES={"default": config}), pytest.raises(StoreUnavailable):
        cache.put("a", 1)


@pytest.mark.parametrize("given", ["a.b", 5, ["no.such.Layer"], [5], [HERE + "NoLayer"]])
def test_what_is_no_layer_is_misconfigured(given: Any) -> None:
    config = {"BACKEND": OURS + "array.ArrayCache", "OPTIONS": {"LAYERS": given}}
    wrong = pytest.raises(Misconfigured, match=r"CACHES\['default'\]: LAYERS")
    with override_settings(CACHES={"default": config}), wrong:
        cache.get("a")
