"""``Funnel``: so many callers at a time, and no more."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..core.held import slot_record
from ..errors import LockTimeout
from ..scopes import Port
from .grips import Grip, lasting
from .locks import Blocking, Lock, named

SLOTS = 1_000
"""How many slots a funnel may have; each attempt may have to ask for all of them."""

_entered: ContextVar[tuple[tuple[int, Lock], ...]] = ContextVar("cachekit_funnels", default=())


class Funnel:
    """Let ``limit`` callers in at a time, each for ``ttl`` seconds at most.

    Each slot is a lock of its own: freed at the end of the block, also by an error, and by itself
    where its holder died. One funnel may be shared by threads and tasks.
    """

    def __init__(self, now: Port, later: Port, name: Any, limit: int, ttl: Any) -> None:
        if type(limit) is not int or not 1 <= limit <= SLOTS:
            raise ValueError(f"A funnel lets 1 to {SLOTS:,} in, not {limit!r}.")
        self._now, self._later = now, later
        self._name = named(name)
        self._keys = tuple(slot_record(self._name, number) for number in range(limit))
        self._ttl = lasting(ttl)

    def _slot(self) -> Lock:
        return Lock(self._now, self._later, Grip(self._name, self._keys, self._ttl, None))

    def block(
        self,
        seconds: Any,
        callback: Callable[[], Any] | None = None,
        failure: Callable[[LockTimeout], Any] | None = None,
    ) -> Any:
        """Wait so long at most for a slot, else LockTimeout, or what ``failure(error)`` returns.

        With a callback return what it returns; without, what frees the slot at the end of a
        ``with`` block.
        """
        try:
            return self._slot().block(seconds, callback)
        except LockTimeout as error:
            if failure is None:
                raise
            return failure(error)

    def ablock(
        self,
        seconds: Any,
        callback: Callable[[], Any] | None = None,
        failure: Callable[[LockTimeout], Any] | None = None,
    ) -> Blocking:
        """Wait as ``block`` does: to be awaited, or for ``async with``."""
        slot = self._slot()
        return Blocking(slot, lambda: slot.wait(seconds), callback, failure)

    def __enter__(self) -> Lock:
        """Try once; LockTimeout if all slots are taken."""
        slot = self._slot().__enter__()
        _entered.set((*_entered.get(), (id(self), slot)))
        return slot

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._last().__exit__(kind, *rest)

    async def __aenter__(self) -> Lock:
        """Try once; LockTimeout if all slots are taken."""
        slot = await self._slot().__aenter__()
        _entered.set((*_entered.get(), (id(self), slot)))
        return slot

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self._last().__aexit__(kind, *rest)

    def _last(self) -> Lock:
        """Return the slot that this context entered last, and forget it."""
        entered = list(_entered.get())
        at = max(at for at, (funnel, _) in enumerate(entered) if funnel == id(self))
        slot = entered.pop(at)[1]
        _entered.set(tuple(entered))
        return slot
