"""Functions that run once at a time: what ``synchronized`` makes of one."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from ..core.faces import is_coroutine_function
from .functions import Recipe
from .grips import lasting, waiting_time
from .locks import Lock

F = TypeVar("F", bound=Callable[..., Any])


class Synchronized:
    """Turn a function into one that takes a lock for each call."""

    def __init__(
        self,
        store: Callable[[], Any],
        name: Any,
        ttl: Any,
        wait_for: Any,
        given: Mapping[str, Any],
    ) -> None:
        # Wrong times are told where they were written, and not by the first call.
        lasting(ttl)
        waiting_time(wait_for)
        self.store = store
        self.name = name
        self.ttl = ttl
        self.wait_for = wait_for
        self.given = given

    def __call__(self, function: F) -> F:
        """Return the function with a lock around it; a generator function is a TypeError."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("A generator runs after its function has returned: lock within it.")
        recipe = Recipe(function, self.name, ())

        def lock(args: Any, kwargs: Any) -> Lock:
            name = recipe.name if self.name is None else recipe.key(*args, **kwargs)
            return cast(Lock, self.store().lock(name, self.ttl, **self.given))

        @functools.wraps(function)
        def blocking(*args: Any, **kwargs: Any) -> Any:
            with lock(args, kwargs).block(self.wait_for):
                result = function(*args, **kwargs)
                if inspect.iscoroutine(result):
                    result.close()
                    raise TypeError("A coroutine runs after this has returned: decorate that.")
                return result

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            async with lock(args, kwargs).ablock(self.wait_for):
                return await function(*args, **kwargs)

        return cast(F, awaited if is_coroutine_function(function) else blocking)
