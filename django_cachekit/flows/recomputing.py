"""The task that computes anew what a reader found old.

A module of its own, which a worker finds by its path and nobody imports before: to make a task
Django asks its settings, and this package may be imported before those are known.
"""

from importlib import import_module
from typing import Any

from django.utils.module_loading import import_string

django_tasks: Any = import_module("django.tasks")


@django_tasks.task  # type: ignore[untyped-decorator]  # Django has tasks from 6.0 on
def recompute(path: str, args: list[Any], named: dict[str, Any], seen: float | None) -> None:
    """Compute the result of a wrapped function anew, unless that was done since it was ``seen``."""
    import_string(path).recompute(seen, *args, **named)
