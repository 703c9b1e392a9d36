"""The pages, and the examples on them.

::

    <!-- examples: array, file -->      run this page's examples once on each of these stores
    ```python                           run, all blocks of a page in one namespace
    cache.get("a")  # "b"               a comment that is a literal is what must come out
    cache.get(b)    # raises TypeError  and this is what must go wrong
    ```
    ```python
    # settings.py                       run as settings, in force from here to the page's end
    ```
    ```python
    # before ...                        how it is written with another package: shown, never run,
    ```                                 on the pages of docs/migrating alone
    ```html+django                      rendered, with the page's names as context
    ```console
    $ python manage.py cache_get a      run; "# exits 1" behind it says so
    <!-- python                         run, and not shown
    -->
"""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
RUN = ("python", "html+django", "console")
SHOWN_ONLY = ("text", "toml", "json", "html", "php", "")

_OPENS = re.compile(r"^( *)(`{3,}|:{3,})\s*([^`\s]*)").match
_STORES = re.compile(r"<!-- examples: (.+?) -->").search


class Block(NamedTuple):
    """Hold one block of a page; ``line`` is that of its first line, counted from 1."""

    language: str
    source: str
    line: int
    hidden: bool = False

    @property
    def settings(self) -> bool:
        """Tell whether it is a piece of ``settings.py``."""
        return self.language == "python" and self.source.startswith("# settings.py")

    @property
    def before(self) -> bool:
        """Tell whether it is of another package, which the tests have not."""
        return self.language == "python" and self.source.startswith("# before")

    @property
    def runs(self) -> bool:
        """Tell whether there is something in it to run."""
        if self.before:
            return False
        if self.language == "console":
            return "manage.py cache_" in self.source
        return self.language in RUN


class Page(NamedTuple):
    """Hold what is on one page."""

    path: Path
    text: str
    blocks: list[Block]

    @property
    def name(self) -> str:
        """Return where it is, for people."""
        return str(self.path.relative_to(ROOT))

    @property
    def stores(self) -> list[str]:
        """Return the stores, rows of ``tests.stores``, on which its examples are to be run."""
        said = _STORES(self.text)
        return [name.strip() for name in said[1].split(",")] if said else []


def pages() -> list[Page]:
    """Return the README and all pages of ``docs/``."""
    docs = ROOT / "docs"
    found = [path for path in docs.rglob("*.md") if "_build" not in path.parts]
    return [read(path, path.read_text()) for path in [ROOT / "README.md", *sorted(found)]]


def read(path: Path, text: str) -> Page:
    """Return a page taken apart."""
    return Page(path, text, [*blocks(text.splitlines())])


def blocks(lines: list[str]) -> list[Block]:
    """Return the fenced blocks of a page, and the hidden ones."""
    found, at = [], 0
    while at < len(lines):
        opened = _OPENS(lines[at])
        if lines[at].strip() == "<!-- python":
            end = _end(lines, at, lambda line: line == "-->")
            found.append(Block("python", _joined(lines[at + 1 : end]), at + 2, hidden=True))
        elif opened:
            fence = opened[2]
            end = _end(lines, at, lambda line, fence=fence: line.startswith(fence))
            found.append(Block(opened[3], _joined(lines[at + 1 : end]), at + 2))
        else:
            end = at
        at = end + 1
    return found


def _end(lines: list[str], at: int, closes: object) -> int:
    for end in range(at + 1, len(lines)):
        if closes(lines[end].strip()):  # type: ignore[operator]  # one of the two above
            return end
    raise ValueError(f"line {at + 1}: what is opened here is never closed")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
