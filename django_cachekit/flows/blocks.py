"""What a ``with`` block holds of a lock, and leaves at its end."""

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from ..core.faces import task_id
from .grips import Grip

T = TypeVar("T")


class Leaves(Protocol):
    """Be what is given back at the end of a block."""

    def left(self, grip: Grip, kind: type[BaseException] | None) -> None:
        """Give it back."""

    async def aleft(self, grip: Grip, kind: type[BaseException] | None) -> None:
        """Give it back."""


L = TypeVar("L", bound=Leaves)


class Entered(Generic[T]):
    """Know what was entered by ``with``: each thread and task leaves what it entered last.

    A generator that another task goes on with leaves what was entered last by anybody.
    """

    def __init__(self) -> None:
        self._stack: list[tuple[int, T]] = []

    def push(self, what: T) -> None:
        """Note that it was entered here."""
        self._stack.append((task_id(), what))

    def pop(self) -> T:
        """Return what is left here."""
        me, stack = task_id(), list(self._stack)
        entry = next((one for one in reversed(stack) if one[0] == me), stack[-1])
        self._stack.remove(entry)
        return entry[1]


class Guard(Generic[L]):
    """Give a lock that was had back at the end of a ``with`` block."""

    def __init__(self, lock: L, grip: Grip) -> None:
        self.lock = lock
        self._grip = grip

    def __enter__(self) -> L:
        return self.lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lock.left(self._grip, kind)

    async def __aenter__(self) -> L:
        return self.lock

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.lock.aleft(self._grip, kind)


class Blocking(Coroutine[Any, Any, T]):
    """Wait for a lock: a coroutine, and what ``async with`` takes if it has no callback."""

    def __init__(self, waiting: Coroutine[Any, Any, T], *, bare: bool) -> None:
        self._waiting = waiting
        self._bare = bare
        self._guard: Guard[Any] | None = None

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does."""
        step = self._waiting.send  # no signal's
        return step(value)

    def throw(self, *args: Any) -> Any:
        """Go on with an error, as a coroutine does."""
        return self._waiting.throw(*args)

    def close(self) -> None:
        """End, as a coroutine does."""
        self._waiting.close()

    def __await__(self) -> Generator[Any, None, T]:
        return self._waiting.__await__()

    async def __aenter__(self: "Blocking[Guard[L]]") -> L:
        if not self._bare:
            self._waiting.close()
            raise TypeError("What has a callback is awaited; it has no block.")
        self._guard = guard = await self._waiting
        return guard.lock

    async def __aexit__(self, *error: Any) -> None:
        if self._guard is not None:
            await self._guard.__aexit__(*error)
