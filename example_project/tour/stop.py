"""What a page of the tour is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from itertools import groupby
from time import perf_counter
from typing import Any

from asgiref.sync import async_to_sync

from django_cachekit.errors import CacheKitError

from .heard import hearing

Facts = dict[str, Any]
MANY = 40  # events that a page shows


@dataclass(frozen=True)
class Field:
    """A field of an action's form: free text, or one of some choices."""

    name: str
    label: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action:
    """A button: what stands on it, and the function that it calls."""

    label: str
    do: Callable[..., Any]
    fields: tuple[Field, ...] = ()

    @property
    def name(self) -> str:
        """Name it in the form."""
        return self.do.__name__

    def given(self, form: Mapping[str, str]) -> dict[str, str]:
        """Take the arguments from a form; a choice that is none of its own is the first one."""
        taken = {field.name: form.get(field.name, "")[:200] for field in self.fields}
        for field in self.fields:
            if field.choices and taken[field.name] not in field.choices:
                taken[field.name] = field.choices[0]
        return taken

    def run(self, form: Mapping[str, str]) -> Facts:
        """Do it, and tell what came of it, what the cache said, and how long it took."""
        started = perf_counter()
        given = self.given(form)
        with hearing() as events:
            facts, refusal = self._answer(given)
        return {
            "label": self.label,
            "given": given,
            "facts": facts,
            "refusal": refusal,
            "events": events[:MANY],
            "more": max(len(events) - MANY, 0),
            "ms": (perf_counter() - started) * 1000,
        }

    def _answer(self, given: dict[str, str]) -> tuple[Facts, str]:
        do = async_to_sync(self.do) if iscoroutinefunction(self.do) else self.do
        try:
            return do(**given), ""
        except (CacheKitError, ValueError) as error:
            return {}, f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Stop:
    """A page: what it is about, what can be done there, and where its code stands."""

    slug: str
    title: str
    line: str
    text: str
    module: str
    actions: tuple[Action, ...]
    docs: str
    templates: tuple[str, ...] = ()
    now: Callable[[], Facts] | None = None
    links: tuple[tuple[str, str], ...] = ()

    @property
    def forms(self) -> list[tuple[tuple[Field, ...], list[Action]]]:
        """Gather the buttons that stand in one form, for they ask for the same."""
        forms = groupby(self.actions, key=lambda action: action.fields)
        return [(fields, list(actions)) for fields, actions in forms]

    def action(self, name: str) -> Action | None:
        """Return the action of this name."""
        return next((action for action in self.actions if action.name == name), None)
