"""Every example on every page runs, on the stores the page names."""

import ast
import contextlib
from pathlib import Path

import pytest

from tests.placing import placed
from tests.stores import BY_NAME

from .pages import RUN, SHOWN_ONLY, Page, pages, read
from .running import Runner, Wrong

PAGES = pages()
RUNS = [
    pytest.param(page, name, id=f"{page.name}-{name}") for page in PAGES for name in page.stores
]


@pytest.mark.parametrize(("page", "store"), RUNS)
def test_examples_run(
    page: Page,
    store: str,
    shop: None,
    tmp_path: Path,
    clean: contextlib.ExitStack,
    request: pytest.FixtureRequest,
) -> None:
    clean.enter_context(placed(BY_NAME[store], request, tmp_path / "store"))
    Runner(page, tmp_path / "page", clean).run()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_example_is_left_unrun(page: Page) -> None:
    languages = {block.language for block in page.blocks}
    directives = {language for language in languages if language.startswith("{")}
    assert languages - directives <= {*RUN, *SHOWN_ONLY}
    if any(block.runs for block in page.blocks):
        assert page.stores, "say on which stores: <!-- examples: array -->"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_not_run_is_python_of_other_packages(page: Page) -> None:
    before = [block for block in page.blocks if block.before]
    assert not before or page.name.startswith("docs/migrating/")
    for block in before:
        ast.parse(block.source)


WRONG = {
    "another value": "1 + 1  # 3",
    "another type": "1 == 1  # 1",
    "an error": "nothing",
    "no error": "1 + 1  # raises TypeError",
    "another error": "nothing  # raises TypeError",
    "awaited": "import asyncio\nawait asyncio.sleep(0, 5)  # 6",
}
RIGHT = {
    "a value": "1 + 1  # 2",
    "prose": "1 + 1  # which is two",
    "an error": "nothing  # raises NameError",
    "a base of an error": "{}[1]  # raises LookupError",
    "awaited": "import asyncio\nawait asyncio.sleep(0, 5)  # 5",
}


def run(text: str, language: str, folder: Path, clean: contextlib.ExitStack) -> None:
    page = read(PAGES[0].path, f"```{language}\n{text}\n```\n")
    Runner(page, folder, clean).run()


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_page_passes(name: str, tmp_path: Path, clean: contextlib.ExitStack) -> None:
    run(RIGHT[name], "python", tmp_path, clean)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_page_is_noticed(name: str, tmp_path: Path, clean: contextlib.ExitStack) -> None:
    with pytest.raises(Wrong, match=r"README\.md:[23]: "):
        run(WRONG[name], "python", tmp_path, clean)


def test_a_command_that_fails_is_noticed(
    tmp_path: Path, clean: contextlib.ExitStack, db: None
) -> None:
    command = "$ python manage.py cache_get nothing"
    run(f"{command}   # exits 1", "console", tmp_path, clean)
    with pytest.raises(Wrong, match="exits 1, not 0"):
        run(command, "console", tmp_path, clean)
