"""The tables of settings on ``docs/settings.md``, written from what the package declares.

``python -m tests.docs.reference`` writes them; a test fails where the page is not as it would be.
"""

import re
from collections.abc import Iterable
from typing import Any

from django_cachekit.core.settings import OPTIONS, SETTINGS, Setting

from .pages import ROOT

PAGE = ROOT / "docs" / "settings.md"
DECLARED = {"CACHEKIT": SETTINGS, **OPTIONS}

_BETWEEN = re.compile(r"(<!-- settings: (\S+) -->\n).*?(<!-- end of settings -->)", re.DOTALL)


def written(text: str) -> str:
    """Return the page's text with each table as it is declared."""
    return _BETWEEN.sub(lambda found: found[1] + table(DECLARED[found[2]]) + found[3], text)


def tables(text: str) -> list[str]:
    """Return whose tables are on the page."""
    return [found[2] for found in _BETWEEN.finditer(text)]


def table(settings: Iterable[Setting]) -> str:
    """Return a table in Markdown."""
    head = "| name | type | default | meaning |\n|---|---|---|---|\n"
    return head + "".join(map(_row, settings))


def _row(one: Setting) -> str:
    name = f"[`{one.name}`]({one.see})" if one.see else f"`{one.name}`"
    return f"| {name} | {one.type} | {one.shown or _literal(one.default)} | {one.meaning} |\n"


def _literal(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (bool, int, float)):
        return f"{value:,}" if type(value) is int else str(value)
    return "`" + repr(value).replace("'", '"') + "`"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
