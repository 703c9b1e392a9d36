"""``Funnel``: so many callers at a time, and no more."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

from ..core.faces import run_now
from ..core.held import slot_record
from ..errors import LockTimeout
from ..scopes import Port
from . import holding
from .blocks import Blocking, Entered, Guard
from .grips import Duration, Hand, Terms, lasting
from .locks import Lock, named

SLOTS = 1_000
"""How many slots a funnel may have; each attempt may have to ask for all of them."""

T = TypeVar("T")
E = TypeVar("E")
Failure = Callable[[LockTimeout], E]


class Funnel:
    """Let ``limit`` callers in at a time, each for ``ttl`` seconds at most.

    Each slot is a lock of its own: freed at the end of the block, also by an error, and by itself
    where its holder died. One funnel may be shared by threads and tasks.
    """

    def __init__(self, now: Port, later: Port, name: Any, limit: int, ttl: Duration) -> None:
        if type(limit) is not int or not 1 <= limit <= SLOTS:
            raise ValueError(f"A funnel lets 1 to {SLOTS:,} in, not {limit!r}.")
        text = named(name)
        keys = tuple(slot_record(text, number) for number in range(limit))
        self._ports = now, later
        self._terms = Terms(text, keys, lasting(ttl))
        self._entered: Entered[Lock] = Entered()

    def __repr__(self) -> str:
        """Say which it is."""
        terms = self._terms
        limit = f"{len(terms.keys)} at a time"
        return f"<funnel {terms.name!r} of {self._ports[0].said}, {limit}, {terms.ttl:g} s>"

    def _slot(self) -> Lock:
        return Lock(*self._ports, self._terms)

    @overload
    def block(
        self, seconds: Duration, callback: None = None, failure: None = None
    ) -> Guard[Lock]: ...
    @overload
    def block(self, seconds: Duration, callback: Callable[[], T], failure: None = None) -> T: ...
    @overload
    def block(
        self, seconds: Duration, callback: None = None, *, failure: Failure[E]
    ) -> Guard[Lock] | E: ...
    @overload
    def block(self, seconds: Duration, callback: Callable[[], T], failure: Failure[E]) -> T | E: ...
    def block(self, seconds: Duration, callback: Any = None, failure: Any = None) -> Any:
        """Wait so long at most for a slot, else LockTimeout, or what ``failure(error)`` returns.

        With a callback return what it returns; without, what frees the slot at the end of a
        ``with`` block.
        """
        slot, (port, _) = self._slot(), self._ports
        try:
            grip = slot.hold(seconds)
        except LockTimeout as error:
            if failure is None:
                raise
            return run_now(port.face.user(failure, error))
        if callback is None:
            return Guard(slot, grip)
        return run_now(holding.called(Hand(port, grip), callback))

    @overload
    def ablock(
        self, seconds: Duration, callback: None = None, failure: None = None
    ) -> Blocking[Guard[Lock]]: ...
    @overload
    def ablock(
        self, seconds: Duration, callback: Callable[[], Awaitable[T]], failure: None = None
    ) -> Blocking[T]: ...
    @overload
    def ablock(
        self, seconds: Duration, callback: Callable[[], T], failure: None = None
    ) -> Blocking[T]: ...
    @overload
    def ablock(
        self, seconds: Duration, callback: Callable[[], Any] | None, failure: Failure[Any]
    ) -> Blocking[Any]: ...
    @overload
    def ablock(
        self, seconds: Duration, callback: Callable[[], Any] | None = None, *, failure: Failure[Any]
    ) -> Blocking[Any]: ...
    def ablock(self, seconds: Duration, callback: Any = None, failure: Any = None) -> Any:
        """Wait as ``block`` does: to be awaited, or for ``async with``."""
        slot, (_, port) = self._slot(), self._ports

        async def waited() -> Any:
            try:
                grip = await slot.wait(seconds)
            except LockTimeout as error:
                if failure is None:
                    raise
                return await port.face.user(failure, error)
            if callback is None:
                return Guard(slot, grip)
            return await holding.called(Hand(port, grip), callback)

        return Blocking(waited(), bare=callback is None and failure is None)

    def __enter__(self) -> Lock:
        """Try once; LockTimeout if all slots are taken."""
        slot = self._slot().__enter__()
        self._entered.push(slot)
        return slot

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self._entered.pop().__exit__(kind, *rest)

    async def __aenter__(self) -> Lock:
        """Try once; LockTimeout if all slots are taken."""
        slot = await self._slot().__aenter__()
        self._entered.push(slot)
        return slot

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self._entered.pop().__aexit__(kind, *rest)
