"""Running what is on a page."""

import ast
import contextlib
import inspect
import io
import os
import re
import shlex
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from unittest import mock

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core.management import CommandError, call_command
from django.template import engines
from django.test import override_settings

from django_cachekit.codecs import generate_key
from tests.stores import DJANGO, OURS

from .pages import Block, Page

ON_SERVERS = {OURS + "memcached.MemcachedCache", OURS + "redis.RedisCache"}
LEFT_ALONE = {"BASE_DIR", "INSTALLED_APPS", "MIDDLEWARE", "TEMPLATES"}
"""Settings that a page may show, but that stay as the tests have them."""

NEED_TABLES = {OURS + "database.DatabaseCache", OURS + "dynamodb.DynamoDBCache"}

_RAISES = re.compile(r"raises (\w+)").match
_EXITS = re.compile(r"#\s*exits (\d+)").search


class Wrong(AssertionError):
    """Say where a page is wrong, and how."""


class Runner:
    """Run the blocks of one page, in the namespace of one module.

    Paths in settings are moved into ``folder``, and keys that they say are elsewhere are made.
    """

    def __init__(self, page: Page, folder: Path, clean: contextlib.ExitStack) -> None:
        self.page = page
        self.folder = folder
        self.clean = clean
        self.module = ModuleType("example")
        self.names = self.module.__dict__
        # This one alone: what else is imported meanwhile must stay the module it is.
        sys.modules["example"] = self.module
        clean.callback(sys.modules.pop, "example", None)
        clean.enter_context(mock.patch.dict(os.environ))

    def run(self) -> None:
        """Run all blocks, in order."""
        for block in self.page.blocks:
            if block.runs:
                self.kind(block)(block)

    def kind(self, block: Block) -> Callable[[Block], None]:
        """Return what runs such a block."""
        if block.settings:
            return self.settings
        return {"python": self.python, "html+django": self.template, "console": self.console}[
            block.language
        ]

    def python(self, block: Block) -> None:
        """Run statements, and compare what comes out with the comments behind them."""
        comments = _comments(block.source)
        tree = ast.parse(block.source)
        for node in tree.body:
            said = comments.get(node.end_lineno or 0, "")
            where = f"{self.page.name}:{block.line + node.lineno - 1}"
            ast.increment_lineno(node, block.line - 1)
            self._statement(node, said, where)

    def _statement(self, node: ast.stmt, said: str, where: str) -> None:
        raises = _RAISES(said)
        try:
            found = self._value(node)
        except Exception as error:
            if raises and raises[1] in [kind.__name__ for kind in type(error).__mro__]:
                return
            raise Wrong(f"{where}: {type(error).__name__}: {error}") from error
        if raises:
            raise Wrong(f"{where}: did not raise {raises[1]}")
        with contextlib.suppress(ValueError, SyntaxError):
            expected = ast.literal_eval(said)
            if isinstance(node, ast.Expr) and not _same(found, expected):
                raise Wrong(f"{where}: {found!r}, where the page says {said}")

    def _value(self, node: ast.stmt) -> Any:
        if isinstance(node, ast.Expr):
            return self._evaluated(ast.Expression(node.value), "eval")
        return self._evaluated(ast.Module([node], []), "exec")

    def _evaluated(self, tree: ast.AST, mode: str) -> Any:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(tree, str(self.page.path), mode, flags)  # type: ignore[call-overload]  # one of ast's roots
        value = eval(code, self.names)  # noqa: S307 - our own pages
        if code.co_flags & inspect.CO_COROUTINE:
            return async_to_sync(_awaited)(value)
        return value

    def settings(self, block: Block) -> None:
        """Put settings in force until the page ends."""
        # What a page adds to is there; what comes of it is left alone.
        names: dict[str, Any] = {"BASE_DIR": self.folder, "INSTALLED_APPS": [], "MIDDLEWARE": []}
        exec(block.source, names)  # noqa: S102 - our own pages
        given = {name: value for name, value in names.items() if name.isupper()}
        given = {name: value for name, value in given.items() if name not in LEFT_ALONE}
        for config in given.get("CACHES", {}).values():
            self._move(config)
            if config["BACKEND"] in ON_SERVERS:
                # The page names servers of its own; the one that runs is that of the page's store.
                config["LOCATION"] = settings.CACHES["default"]["LOCATION"]
                config["OPTIONS"] = {**config.get("OPTIONS", {}), "STORE_ID": str(self.folder)}
        self.clean.enter_context(override_settings(**given))
        make_tables()

    def _move(self, config: dict[str, Any]) -> None:
        for name, value in config.items():
            if isinstance(value, dict):
                self._move(value)
            elif isinstance(value, list):
                config[name] = [self._moved(one) for one in value]
            else:
                config[name] = self._moved(value)

    def _moved(self, value: Any) -> Any:
        text = str(value)
        if text.startswith("env:"):
            os.environ.setdefault(text.removeprefix("env:"), generate_key())
        elif text.startswith("file:"):
            path = self.folder / text.removeprefix("file:/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(generate_key())
            return f"file:{path}"
        elif text.startswith("/") and not text.startswith(str(self.folder)):
            return str(self.folder / text.lstrip("/"))
        return value

    def template(self, block: Block) -> None:
        """Render a template; the last result is the name ``rendered``."""
        context = {name: value for name, value in self.names.items() if not name.startswith("_")}
        template = engines["django"].from_string(block.source)
        self.names["rendered"] = template.render(context, context.get("request"))

    def console(self, block: Block) -> None:
        """Run the commands of ours; the last one's output is the name ``printed``."""
        for number, line in enumerate(block.source.splitlines(), block.line):
            said = line.partition("python manage.py ")[2]
            if said.startswith("cache_"):
                self._command(said, f"{self.page.name}:{number}")

    def _command(self, said: str, where: str) -> None:
        exits = _EXITS(said)
        wanted, got, out = int(exits[1]) if exits else 0, 0, io.StringIO()
        with mock.patch("builtins.input", return_value="yes"):
            try:
                call_command(*shlex.split(said, comments=True), stdout=out, stderr=out)
            except CommandError as error:
                got = error.returncode
                out.write(str(error))
        self.names["printed"] = out.getvalue()
        if got != wanted:
            raise Wrong(f"{where}: exits {got}, not {wanted}: {out.getvalue()}")


def make_tables() -> None:
    """Make the tables that the stores in force need."""
    for alias, config in settings.CACHES.items():
        if config["BACKEND"] in NEED_TABLES:
            call_command("cache_table", alias, verbosity=0)
        if config["BACKEND"] == DJANGO + "db.DatabaseCache":
            call_command("createcachetable", verbosity=0)


def _same(found: Any, expected: Any) -> bool:
    return type(found) is type(expected) and found == expected


async def _awaited(value: Any) -> Any:
    return await value


def _comments(source: str) -> dict[int, str]:
    return dict(_each_comment(source))


def _each_comment(source: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
