"""The pages leave nothing out, and name nothing that is not there."""

import re
from pathlib import Path

import pytest
from django.dispatch import Signal

from django_cachekit import checks, conf, errors, signals
from django_cachekit.backends import array, file
from django_cachekit.backends.dynamo import failures, items, options, table
from django_cachekit.backends.filetree.ledger import SHARDS
from django_cachekit.backends.filetree.sweep import EVERY
from django_cachekit.backends.sql import bounds
from django_cachekit.codecs import MAX_VALUE_BYTES
from django_cachekit.codecs.base import Unreadable
from django_cachekit.codecs.compressors import MINIMUM
from django_cachekit.core import background
from django_cachekit.core.settings import names
from django_cachekit.flows import exchange, leases
from django_cachekit.layers import memo
from django_cachekit.layers.events import STORIES
from django_cachekit.repository import Repository

from .pages import ROOT, pages

DOCS = ROOT / "docs"
TEXT = {page.name: page.text for page in pages()}
EVERYTHING = "\n".join(TEXT.values())


COUNTED = [
    ("docs/stores/array.md", array.ENTRIES, "10,000"),
    ("docs/stores/array.md", array.BYTES, "256 MiB"),
    ("docs/stores/file.md", file.MAX_ENTRIES, "100,000"),
    ("docs/stores/file.md", file.MAX_BYTES, "1 GiB"),
    ("docs/stores/file.md", SHARDS, "256"),
    ("docs/stores/file.md", EVERY, "256"),
    ("docs/stores/database.md", bounds.ENTRIES, "100,000"),
    ("docs/stores/database.md", bounds.OFTEN, "1,000"),
    ("docs/stores/dynamodb.md", items.LIMIT, "409,600"),
    ("docs/stores/dynamodb.md", failures.ATTEMPTS, "5"),
    ("docs/stores/dynamodb.md", table.TRIES, "100"),
    ("docs/stores/dynamodb.md", options.DEFAULTS["MAX_POOL_CONNECTIONS"], "50"),
    ("docs/writing.md", exchange.TRIES, "1,000"),
    ("docs/settings.md", MAX_VALUE_BYTES, "8 MiB"),
    ("docs/settings.md", MINIMUM, "250"),
    ("docs/memo.md", memo.ENTRIES, "1,000"),
    ("docs/computing.md", int(leases.SECONDS), "ten"),
    ("docs/computing.md", background.THREADS, "four"),
    ("docs/computing.md", background.WAITING, "100"),
]
UNITS = {"": 1, "MiB": 2**20, "GiB": 2**30}


def named(text: str, page: str) -> bool:
    """Tell whether a page names something as code, alone or with arguments."""
    return re.search(rf"`[^`\n]*\b{re.escape(text)}\b[^`\n]*`", TEXT[page]) is not None


def rows(page: str, pattern: str) -> set[str]:
    """Return what stands in the first cell of a page's table rows."""
    return set(re.findall(rf"^\| \[?`({pattern})[^|]*\|", TEXT[page], re.MULTILINE))


def test_every_setting_is_told() -> None:
    assert [name for name in conf.DEFAULTS if not named(name, "docs/settings.md")] == []
    assert [name for name in names() if not named(name, "docs/settings.md")] == []


def test_every_check_is_told() -> None:
    there = set(re.findall(r"^([EW]\d{3}) ", checks.__doc__ or "", re.MULTILINE))
    assert rows("docs/checks.md", r"cachekit\.[EW]\d+") == {f"cachekit.{id}" for id in there}


def test_the_signals_that_are_sent_are_told() -> None:
    names = {id(value): name for name, value in vars(signals).items() if isinstance(value, Signal)}
    sent = {names[id(signal)] for story in STORIES.values() for signal in story}
    assert rows("docs/signals.md", r"\w+") == sent | {
        "cache_warmed",
        "health_changed",
        "key_rotated",
    }


def test_every_command_is_told() -> None:
    folder = ROOT / "django_cachekit" / "management" / "commands"
    there = {path.stem for path in folder.glob("cache_*.py")}
    assert rows("docs/commands.md", r"cache_\w+") == there


def test_every_error_is_told() -> None:
    tree = next(page for page in pages() if page.name == "docs/errors.md").blocks[0].source
    assert [name for name in errors.__all__ if not re.search(rf"\b{name}\b", tree)] == []


def test_every_verb_is_told() -> None:
    verbs = [name for name in vars(Repository) if not name.startswith("_")]
    blocking = {name for name in verbs if "a" + name in verbs} | {"memo", "tags", "store", "cached"}
    code = " ".join(re.findall(r"`[^`\n]+`", EVERYTHING)) + " ".join(
        block.source for page in pages() for block in page.blocks
    )
    assert sorted(name for name in blocking if not re.search(rf"\b{name}\b", code)) == []


@pytest.mark.parametrize(("page", "number", "text"), COUNTED)
def test_figures_are_those_of_the_code(page: str, number: int, text: str) -> None:
    assert text in TEXT[page]
    digits, _, unit = text.partition(" ")
    told = {"ten": 10, "four": 4}.get(digits) or int(digits.replace(",", "")) * UNITS[unit]
    assert told == number


def test_the_reasons_of_what_cannot_be_read_are_told() -> None:
    there = re.findall(r"``(type short [a-z_\s]+)``", Unreadable.__doc__ or "")[0].split()
    assert f"`{' '.join(there)}`".replace(" expired ", " ") in " ".join(
        TEXT["docs/security.md"].split()
    )


LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("page", TEXT)
def test_links_lead_somewhere(page: str) -> None:
    home = (ROOT / page).parent
    targets = [target for target in LINK.findall(TEXT[page]) if target]
    assert [target for target in targets if not (home / target).is_file()] == []


def test_every_page_is_in_a_table_of_contents() -> None:
    listed = set()
    for path in DOCS.rglob("index.md"):
        for block in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text(), re.DOTALL):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {(path.parent / f"{name}.md").relative_to(DOCS) for name in names}
    there = {path.relative_to(DOCS) for path in DOCS.rglob("*.md") if "_build" not in path.parts}
    assert there - listed == {Path("index.md")}
    assert listed - there == set()
