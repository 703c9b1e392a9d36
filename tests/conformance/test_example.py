"""The store that the documentation shows to authors, through the suite, by the page's own code."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.pages import ROOT, read

PATH = ROOT / "docs" / "extending" / "example.md"


def source(name: str, path: Path = PATH) -> str:
    """Return the block of the page that is a file of this name."""
    (found,) = (
        block.source
        for block in read(path, path.read_text()).blocks
        if block.source.startswith(f"# {name}\n")
    )
    return found


@pytest.fixture(scope="module", autouse=True)
def _example() -> Iterator[None]:
    """Let the page's module be imported under its name."""
    module = ModuleType("example")
    exec(compile(source("example.py"), str(PATH), "exec"), module.__dict__)  # noqa: S102 - our page
    sys.modules["example"] = module
    yield
    del sys.modules["example"]


exec(compile(source("test_example.py"), str(PATH), "exec"))  # noqa: S102 - our own page
