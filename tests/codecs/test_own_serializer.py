"""A serializer of a project's own, which knows little: nothing of the package's goes through it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.core.management import call_command

from django_cachekit import cache
from django_cachekit.testing.clock import Clock
from tests.placing import placed
from tests.stores import BY_NAME


class Words:
    """Know text, and nothing else."""

    @staticmethod
    def dumps(value: Any) -> bytes:
        """Return the text backwards, so that it is seen to have been here."""
        if type(value) is not str:
            raise TypeError(f"no {type(value).__name__} please")
        return value[::-1].encode()

    @staticmethod
    def loads(data: bytes) -> str:
        """Return the text."""
        return data.decode()[::-1]


@pytest.fixture(params=["file", "database", "database-sealed", "redis", "memcached"])
def words(request: pytest.FixtureRequest, tmp_path: Path, db: None, settings: Any) -> Iterator[str]:
    """Have a store that keeps words."""
    with placed(BY_NAME[request.param], request, tmp_path):
        config = settings.CACHES["default"]
        options = {**config.get("OPTIONS", {}), "SERIALIZER": f"{__name__}.Words"}
        settings.CACHES = {"default": {**config, "OPTIONS": options}}
        if request.param.startswith("database"):
            call_command("cache_table", verbosity=0)
        cache.flush()
        yield request.param


async def four() -> str:
    """Compute a word."""
    return "four"


def test_all_but_the_value_goes_past_it(words: str, clock: Clock) -> None:
    assert cache.tags("t", "u").put("a", "one", 600)
    assert cache.get("a") == caches["default"].get("a") == cache.tags("t").get("a") == "one"
    assert cache.remember("b", 600, lambda: "two") == cache.get("b") == "two"
    assert cache.tags("t").remember("c", 600, lambda: "three") == "three"
    assert async_to_sync(cache.aremember)("d", 600, four) == "four"
    assert cache.flexible("e", (60, 600), lambda: "five") == "five"
    cache.tags("t").flush()
    assert cache.many(["a", "b", "c"]) == {"a": None, "b": "two", "c": None}
    assert cache.add("b", "no") is False
    assert cache.pull("b") == "two"
    with cache.lock("name", 30):
        assert cache.cas("d", lambda old: old + "!") is not None
    assert cache.get("d") == "four!"
    with pytest.raises(TypeError, match="no int please"):
        cache.put("f", 5)


def test_numbers_that_the_store_counts_go_past_it(words: str) -> None:
    # A sealed store, and those that compare and swap, keep a number like every other value.
    if words in ("database", "redis"):
        assert cache.increment("n", 2) == 2
        assert cache.increment("n") == cache.get("n") == 3
    else:
        with pytest.raises(TypeError, match="no int please"):
            cache.increment("n", 2)
