"""The code of a page: the very text that runs, read from its file."""

from __future__ import annotations

import ast
import inspect
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from django.template.loader import get_template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from .stop import Stop

END = "# The page:"  # what follows in a module is about the page, not about the feature
ABOUT_THE_PAGE = "from tour.stop import"


class Code(NamedTuple):
    """A piece of code: where it stands, its text, and that as HTML."""

    name: str
    text: str
    html: SafeString


def of(stop: Stop) -> list[Code]:
    """Return the code of a page: its module, then its templates."""
    python = _code(f"{stop.module.replace('.', '/')}.py", _shown(stop.module), "python")
    return [python, *(_code(name, _template(name), "html+django") for name in stop.templates)]


@lru_cache
def _shown(module: str) -> str:
    """Return a module from behind its docstring to where the page begins."""
    text = inspect.getsource(import_module(module))
    docstring = ast.parse(text).body[0].end_lineno
    lines = text.splitlines()[docstring:]
    shown = [line for line in lines[: lines.index(END)] if not line.startswith(ABOUT_THE_PAGE)]
    return "\n".join(shown).strip()


@lru_cache
def _template(name: str) -> str:
    return Path(get_template(name).origin.name).read_text().strip()  # type: ignore[attr-defined]


@lru_cache
def _code(name: str, text: str, language: str) -> Code:
    return Code(name, text, _coloured(text, language))


def _coloured(text: str, language: str) -> SafeString:
    """Colour a text where Pygments is installed; it is plain where it is not."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import get_lexer_by_name
    except ImportError:
        return escape(text)
    html = highlight(text, get_lexer_by_name(language), HtmlFormatter(nowrap=True))
    return mark_safe(html)  # noqa: S308  Pygments escapes what it is given
