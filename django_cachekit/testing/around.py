"""What may stand around a test: a block, a function, a coroutine function, or a TestCase class."""

import functools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Generic, TypeVar

from asgiref.sync import iscoroutinefunction
from django.test.utils import TestContextDecorator

T = TypeVar("T")
D = TypeVar("D", bound=Callable[..., Any])


class Around(TestContextDecorator, Generic[T]):
    """Be a block, blocking or awaited, and a decorator, as Django's ``override_settings`` is.

    ``kwarg_name`` is the argument by which a decorated function is given what the block yields,
    ``attr_name`` the attribute by which each test of a decorated class finds it.
    """

    def __init__(self, *, attr_name: str | None = None, kwarg_name: str | None = None) -> None:
        super().__init__(attr_name, kwarg_name)
        # One may stand around itself: a decorated function that calls itself.
        self._open: list[AbstractContextManager[T]] = []

    def around(self) -> Iterator[T]:
        """Do what is to be done before, yield once, and undo it."""
        raise NotImplementedError

    def enable(self) -> T:
        """Begin; Django's own name for it."""
        block = contextmanager(self.around)()
        value = block.__enter__()
        self._open.append(block)
        return value

    def disable(self) -> None:
        """End; Django's own name for it."""
        self.__exit__(None, None, None)

    def __enter__(self) -> T:  # type: ignore[override]  # the stub knows one kind only
        return self.enable()

    def __exit__(self, *error: Any) -> None:
        self._close(*error)

    def _close(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)

    async def __aenter__(self) -> T:
        return self.enable()

    async def __aexit__(self, *error: Any) -> None:
        self._close(*error)

    def __call__(self, decorated: D) -> D:
        return super().__call__(decorated)

    def decorate_callable(self, func: Any) -> Any:
        """Return the function with this around each of its calls."""
        if not iscoroutinefunction(func):
            return super().decorate_callable(func)

        @functools.wraps(func)
        async def inner(*args: Any, **kwargs: Any) -> Any:
            async with self as given:
                if self.kwarg_name:
                    kwargs[self.kwarg_name] = given
                return await func(*args, **kwargs)

        return inner
