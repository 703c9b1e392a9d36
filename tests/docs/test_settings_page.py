"""The page of settings is written from the declaration, and the stores' own pages keep to it."""

import pytest

from django_cachekit.core.settings import OPTIONS

from .reference import DECLARED, PAGE, table, tables, written
from .test_complete import named

STORES = {taker for taker in OPTIONS if taker not in ("all", "codecs")}
ON = {"django-redis": "redis", "pymemcache": "memcached"}


def test_the_tables_are_as_they_would_be_written() -> None:
    text = PAGE.read_text()

    assert text == written(text), "run: python -m tests.docs.reference"
    assert sorted(tables(text)) == sorted(DECLARED)


def test_a_table_that_is_behind_is_noticed() -> None:
    text = PAGE.read_text()
    row = table(OPTIONS["tagged"]).splitlines()[2] + "\n"

    assert written(text.replace(row, "")) == text


@pytest.mark.parametrize("store", sorted(STORES))
def test_a_store_s_own_page_names_its_options(store: str) -> None:
    page = f"docs/stores/{ON.get(store, store)}.md"
    left = {"CULL_FREQUENCY", "READ_LEGACY", "REPLICA_READ_ONLY", "CLOSE_CONNECTION"}
    named_there = [one.name for one in OPTIONS[store] if named(one.name, page)]

    assert {one.name for one in OPTIONS[store]} - set(named_there) - left == set()
