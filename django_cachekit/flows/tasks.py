"""Refreshes as Django's tasks: for functions that a worker finds by their path.

A task carries the path of a function that ``cached`` has wrapped, and its arguments as JSON. What
cannot travel like that, or would be done at once by the backend of tasks, is left to a thread.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.utils.module_loading import import_string

from ..core.background import in_transaction
from ..core.faces import Hop
from ..core.text import one_line

log = logging.getLogger("django_cachekit")

django_tasks: Any = import_module("django.tasks") if find_spec("django.tasks") else None
"""Django's tasks, which are there from 6.0 on."""

AT_ONCE = "django.tasks.backends.immediate.ImmediateBackend"
"""Django's default, which would compute in the middle of the caller's request."""


class Call:
    """Be one call of a wrapped function, to be made now or by a worker.

    It asks for no argument, so it is never given the entry being built.
    """

    def __init__(
        self, path: str, function: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]
    ) -> None:
        self.path = path
        self.function = function
        self.args = args
        self.named = named

    def __call__(self) -> Any:
        """Make the call."""
        return self.function(*self.args, **self.named)

    def letter(self, key: str) -> list[Any] | None:
        """Return the arguments as JSON carries them, or None if they would not make ``key``."""
        try:
            letter = json.loads(json.dumps([list(self.args), dict(self.named)]))
            found = import_string(self.path)
            return letter if found.key(*letter[0], **letter[1]) == key else None
        except Exception:  # whatever it is about them, a thread can do it
            return None


async def take_on(job: Any) -> bool:
    """Have a worker compute a job anew, and tell whether one will."""
    if django_tasks is None or not isinstance(job.make, Call) or _at_once():
        return False
    letter = job.make.letter(job.key)
    if letter is None:
        return False
    try:
        enqueued = await job.port.face.run(Hop.DJANGO, _enqueue, job.make.path, *letter, job.seen)
        return bool(enqueued)
    except Exception as error:  # whatever it is, a thread can do it
        log.warning("cache %r: no task could be enqueued: %s", job.port.alias, one_line(error))
        return False


def _enqueue(*args: Any) -> bool:
    """Enqueue a task; not within a transaction, which could undo it, or be undone by it."""
    if in_transaction():
        return False
    import_module("django_cachekit.flows.recomputing").recompute.enqueue(*args)
    return True


def _at_once() -> bool:
    backend = type(django_tasks.task_backends["default"])
    return any(f"{kind.__module__}.{kind.__qualname__}" == AT_ONCE for kind in backend.__mro__)
