"""The reference has every public name, and says something of each."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.dispatch import Signal
from django.utils.module_loading import import_string

import django_cachekit
from django_cachekit import errors, health, middleware, outbox, signals, testing, views, warming
from django_cachekit.backends.base import StoreCache
from django_cachekit.repository import Repository, TaggedRepository
from django_cachekit.testing import conformance

from .pages import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()
PACKAGE = Path(django_cachekit.__file__).parent
DIRECTIVE = re.compile(r"^\.\. ([\w:]+):: ([\w.]+).*\n((?:   :.*\n)*)", re.MULTILINE)
LISTS = (django_cachekit, errors, health, middleware, outbox, testing, conformance, views, warming)


def told() -> Iterator[str]:
    """Return the dotted name of all that the page has an entry for."""
    home = ""
    for kind, name, options in DIRECTIVE.findall(PAGE):
        if kind == "currentmodule":
            home = name + "."
        elif kind == "automodule":
            yield from (f"{name}.{member}" for member in _members(name, options))
            home = name + "."
        else:
            yield name if name.startswith("django_cachekit") else home + name


def _members(name: str, options: str) -> list[str]:
    said = dict(re.findall(r"^   :([\w-]+): ?(.*)$", options, re.MULTILINE))
    if "members" not in said:
        return []
    left = re.split(r", *", said.get("exclude-members", ""))
    every = said["members"] or ",".join(import_module(name).__all__)
    return [member for member in re.split(r", *", every) if member not in left]


TOLD = set(told())


def backends() -> Iterator[type]:
    """Return the classes of stores, each where it is defined."""
    for path in (PACKAGE / "backends").glob("[a-z]*.py"):
        module = import_module(f"django_cachekit.backends.{path.stem}")
        for found in vars(module).values():
            kind = isinstance(found, type) and issubclass(found, StoreCache)
            if kind and found.__module__ == module.__name__ and found is not StoreCache:
                yield found


def known(module: ModuleType, name: str) -> bool:
    """Tell whether the page has a public name, there or under another module's."""
    found: Any = getattr(module, name)
    named = (import_string(told) for told in TOLD)
    return f"{module.__name__}.{name}" in TOLD or any(one is found for one in named)


@pytest.mark.parametrize("module", LISTS, ids=lambda module: str(module.__name__))
def test_every_public_name_is_there(module: ModuleType) -> None:
    assert [name for name in module.__all__ if not known(module, name)] == []


def test_every_signal_is_there() -> None:
    names = [name for name, value in vars(signals).items() if isinstance(value, Signal)]
    assert [name for name in names if f"django_cachekit.signals.{name}" not in TOLD] == []


def test_every_backend_is_there() -> None:
    there = {f"{kind.__module__}.{kind.__qualname__}" for kind in backends()}
    assert len(there) > 7
    assert there - TOLD == set()


def test_nothing_is_there_that_is_not() -> None:
    for name in TOLD:
        import_string(name)


@pytest.mark.parametrize("kind", [Repository, TaggedRepository])
def test_every_verb_says_what_it_does(kind: type) -> None:
    # What says nothing is left out by autodoc, silently.
    public = [name for name in dir(kind) if not name.startswith("_")]
    assert [name for name in public if not (getattr(kind, name).__doc__ or "").strip()] == []
