"""All sections in the order of the page, and what is aimed at."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

from .engine import Size
from .said import Aim

Measure = Callable[[Size], list[dict[str, Any]]]


class Section(NamedTuple):
    """Name a section, what is said of it, and ``module:function`` that measures it."""

    title: str
    prose: str
    path: str

    def measure(self) -> Measure:
        """Return the function; importing it may want peers that only benchmarks have."""
        module, _, name = self.path.partition(":")
        function: Measure = getattr(importlib.import_module(f"benchmarks.{module}"), name)
        return function


SECTIONS: dict[str, Section] = {}

OTHERS = ("tags", "locks", "single")
"""Modules that measure and write by themselves."""

AIMS: list[Aim] = []
